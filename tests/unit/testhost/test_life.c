/* SPDX-License-Identifier: MIT */
/* Options, the order of a plugin's life, and what may be called when. */
#include "plugin.h"

#include <unistd.h>

struct options {
    const char *word;
    int64_t limit, wait_ms;
    const char *const *names;
    int32_t is_on;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "word",
     .type = CHATD_CFG_STR,
     .flags = CHATD_CFG_REQUIRED | CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct options, word)},
    {.key = "limit",
     .type = CHATD_CFG_INT,
     .def = "5",
     .min = 1,
     .max = 9,
     .offset = offsetof(struct options, limit)},
    {.key = "wait",
     .type = CHATD_CFG_DURATION,
     .def = "2s",
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct options, wait_ms)},
    {.key = "names",
     .type = CHATD_CFG_LIST,
     .def = "a, b",
     .offset = offsetof(struct options, names)},
    {.key = "on", .type = CHATD_CFG_BOOL, .offset = offsetof(struct options, is_on)},
    {.key = NULL},
};

static char story[256];

static void note(const char *word)
{
    strncat(story, word, sizeof(story) - strlen(story) - 1);
}

static int init(chatd_plugin *self)
{
    (void)self;
    note("init ");
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    (void)self;
    note("start ");
    return CHATD_OK;
}

static void drain(chatd_plugin *self)
{
    (void)self;
    note("drain ");
}

static void cancel(chatd_plugin *self)
{
    (void)self;
    note("cancel ");
}

static void stop(chatd_plugin *self)
{
    (void)self;
    note("stop");
}

static int reload(chatd_plugin *self, const void *fresh)
{
    (void)self;
    note(((const struct options *)fresh)->word);
    return strcmp(((const struct options *)fresh)->word, "no") == 0 ? CHATD_E_INVAL : CHATD_OK;
}

static struct testhost *host(void)
{
    static const struct chatd_plugin_desc desc = {.size = sizeof(desc),
                                                  .abi_major = CHATD_ABI_MAJOR,
                                                  .abi_minor = CHATD_ABI_MINOR,
                                                  .field_stride = sizeof(fields[0]),
                                                  .name = "tested",
                                                  .config = fields,
                                                  .config_size = sizeof(struct options),
                                                  .init = init,
                                                  .start = start,
                                                  .drain = drain,
                                                  .stop = stop,
                                                  .reload = reload,
                                                  .cancel = cancel};
    story[0] = '\0';
    return testhost_new(&desc);
}

static const struct options *options(struct testhost *t)
{
    return testhost_self(t)->config;
}

static void test_order(void **state)
{
    struct testhost *t = host();

    (void)state;
    assert_int_equal(testhost_init(t, "word = cake"), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    assert_int_equal(testhost_free(t), 0);
    assert_string_equal(story, "init start drain cancel stop");
}

static void test_steps_of_the_end(void **state)
{
    struct testhost *t = host();

    (void)state;
    assert_int_equal(testhost_init(t, "word = cake"), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    testhost_drain(t);
    testhost_drain(t);
    assert_string_equal(story, "init start drain ");
    testhost_cancel(t);
    testhost_cancel(t);
    assert_string_equal(story, "init start drain cancel ");
    testhost_stop(t);
    assert_string_equal(story, "init start drain cancel stop");
    assert_int_equal(testhost_free(t), 0);
    assert_string_equal(story, "init start drain cancel stop");
}

static void test_not_started_is_only_stopped(void **state)
{
    struct testhost *t = host();

    (void)state;
    assert_int_equal(testhost_init(t, "word = cake"), CHATD_OK);
    assert_int_equal(testhost_free(t), 0);
    assert_string_equal(story, "init stop");
}

static void test_options(void **state)
{
    struct testhost *t = host();

    (void)state;
    assert_int_equal(testhost_init(t, "word = two words \n\n  limit=7\nnames = x y,z\non = yes"),
                     CHATD_OK);
    assert_string_equal(options(t)->word, "two words");
    assert_int_equal(options(t)->limit, 7);
    assert_int_equal(options(t)->wait_ms, 2000);
    assert_string_equal(options(t)->names[2], "z");
    assert_null(options(t)->names[3]);
    assert_int_equal(options(t)->is_on, 1);
    assert_int_equal(testhost_free(t), 0);
}

static void test_wrong_options(void **state)
{
    static const char *const wrong[] = {"limit = 5",
                                        "word = cake\nlimit = 0",
                                        "word = cake\nlimit = x",
                                        "word = cake\nword = pie",
                                        "wrod = cake",
                                        "cake",
                                        NULL};

    (void)state;
    for (int i = 0; wrong[i] != NULL; i++) {
        struct testhost *t = host();

        assert_int_equal(testhost_init(t, wrong[i]), CHATD_E_INVAL);
        assert_string_equal(story, "");
        assert_int_equal(testhost_free(t), 0);
    }
}

/* There only with AddressSanitizer. */
int __asan_address_is_poisoned(const volatile void *p) __attribute__((weak));

static void test_reload(void **state)
{
    struct testhost *t = host();

    (void)state;
    assert_int_equal(testhost_init(t, "word = cake"), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    const struct options *old = options(t);

    assert_int_equal(testhost_reload(t, "word = cake"), CHATD_OK); /* nothing has changed */
    assert_ptr_equal(options(t), old);
    assert_int_equal(testhost_reload(t, "word = pie\nwait = 3s"), CHATD_OK);
    assert_string_equal(options(t)->word, "pie");
    assert_int_equal(options(t)->wait_ms, 3000);
    /* What was in place is gone, as in the core. */
    if (__asan_address_is_poisoned != NULL)
        assert_true(__asan_address_is_poisoned(old));
    else
        assert_memory_equal(old, "\xa5\xa5\xa5\xa5", 4);
    assert_int_equal(testhost_reload(t, "word = no"), CHATD_E_INVAL);
    assert_string_equal(options(t)->word, "pie");
    assert_int_equal(testhost_reload(t, "word = pie\nlimit = 6"), CHATD_E_STATE);
    assert_int_equal(testhost_reload(t, "word = pie\nnames = a"), CHATD_E_STATE);
    assert_int_equal(testhost_free(t), 0);
    assert_string_equal(story, "init start pienodrain cancel stop");
}

/* --- what may be called when ---------------------------------------------------------------------- */

static void watch_closed(chatd_plugin *self, const struct chatd_ev_closed *ev)
{
    (void)self, (void)ev;
}

static int init_nothing(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static void test_late_registration(void **state)
{
    struct testhost *t = host_with(init_nothing);

    (void)state;
    assert_int_equal(chatd_on_closed(testhost_self(t), watch_closed), CHATD_E_STATE);
    only_fault(t, "adds a hook outside of init()");
    assert_int_equal(testhost_free(t), 0);
}

static void test_without_options(void **state)
{
    const struct chatd_plugin_desc desc = {
        .size = sizeof(desc), .name = "tested", .init = init_nothing};
    struct testhost *t = testhost_new(&desc);

    (void)state;
    assert_int_equal(testhost_init(t, "word = cake"), CHATD_E_INVAL);
    assert_int_equal(testhost_free(t), 0);
    t = host_with(init_nothing);
    assert_int_equal(testhost_reload(t, "word = cake"), CHATD_E_INVAL);
    assert_int_equal(testhost_reload(t, ""), CHATD_OK);
    assert_int_equal(testhost_init(t, ""), CHATD_E_STATE);
    only_fault(t, "testhost_init() comes once");
    assert_int_equal(testhost_free(t), 0);
}

static void on_time(chatd_plugin *self, void *arg)
{
    (void)self, (void)arg;
}

static void stop_late(chatd_plugin *self)
{
    chatd_timer timer;

    assert_int_equal(chatd_timer_start(self, 1, 0, on_time, NULL, &timer), CHATD_E_STATE);
    assert_int_equal(chatd_post(self, on_time, NULL), CHATD_E_STATE);
}

static void test_timer_in_stop(void **state)
{
    const struct chatd_plugin_desc desc = {
        .size = sizeof(desc), .name = "tested", .init = init_nothing, .stop = stop_late};
    struct testhost *t = testhost_new(&desc);

    (void)state;
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    testhost_stop(t);
    only_fault(t, "starts a timer while it is stopped");
    assert_int_equal(testhost_free(t), 0);
}

static int init_fails(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_ERROR, "no %s", "luck");
    return CHATD_E_BACKEND;
}

static void test_init_that_fails(void **state)
{
    const struct chatd_plugin_desc desc = {
        .size = sizeof(desc), .name = "tested", .init = init_fails};
    struct testhost *t = testhost_new(&desc);

    (void)state;
    assert_int_equal(testhost_init(t, NULL), CHATD_E_BACKEND);
    assert_string_equal(testhost_log(t, CHATD_LOG_ERROR), "no luck");
    assert_int_equal(testhost_logged(t, "luck"), 1);
    assert_int_equal(testhost_start(t), CHATD_E_STATE);
    assert_int_equal(testhost_free(t), 0);
}

static void test_other_abi(void **state)
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc),
                                           .abi_min_minor = CHATD_ABI_MINOR + 1,
                                           .name = "tested",
                                           .init = init_nothing};
    struct testhost *t = testhost_new(&desc);

    (void)state;
    only_fault(t, "another ABI");
    assert_int_equal(testhost_free(t), 0);
}

static void test_forgotten_memory(void **state)
{
    struct testhost *t = host_with(init_nothing);
    void *block = chatd_alloc(testhost_self(t), 10);

    (void)state;
    assert_int_equal(testhost_free(t), 1);
    free(block);
    t = host_with(init_nothing);
    chatd_free(testhost_self(t), chatd_alloc(testhost_self(t), 10));
    chatd_free(testhost_self(t), NULL);
    assert_int_equal(testhost_free(t), 0);
}

/* Two workers of one server are the same server, and draw different numbers. */
static void test_two_hosts(void **state)
{
    struct testhost *a = host_with(init_nothing), *b = host_with(init_nothing);
    uint64_t drawn[2];

    (void)state;
    assert_string_equal(chatd_instance(testhost_self(a)).p, chatd_instance(testhost_self(b)).p);
    testhost_instance(b, "00000000000000bb");
    assert_string_equal(chatd_instance(testhost_self(b)).p, "00000000000000bb");
    assert_string_equal(chatd_instance(testhost_self(a)).p, "0123456789abcdef");
    assert_int_equal(chatd_server_pid(testhost_self(a)), getpid());
    chatd_random(testhost_self(a), &drawn[0], sizeof(drawn[0]));
    chatd_random(testhost_self(b), &drawn[1], sizeof(drawn[1]));
    assert_true(drawn[0] != drawn[1]);
    assert_int_equal(testhost_free(a), 0);
    assert_int_equal(testhost_free(b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_not_started_is_only_stopped),
        cmocka_unit_test(test_options),         cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_reload),          cmocka_unit_test(test_late_registration),
        cmocka_unit_test(test_timer_in_stop),   cmocka_unit_test(test_init_that_fails),
        cmocka_unit_test(test_other_abi),       cmocka_unit_test(test_forgotten_memory),
        cmocka_unit_test(test_two_hosts),       cmocka_unit_test(test_steps_of_the_end),
        cmocka_unit_test(test_without_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
