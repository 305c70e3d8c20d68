/* SPDX-License-Identifier: MIT */
/* Services that are faked, services that are offered, and what the plugin tells. */
#include "plugin.h"

#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <stdio.h>

static int counter, labelled, seconds;

/* The service it offers: calls back later, at once, or twice, as it is told. */
struct tested_api {
    uint32_t size;
    int (*ask)(chatd_plugin *p, const char *how, void (*cb)(void *arg), void *arg);
};

struct asked {
    void (*cb)(void *arg);
    void *arg;
    int times;
};

static void call_back(chatd_plugin *self, void *arg)
{
    struct asked *asked = arg;

    (void)self;
    for (int i = 0; i < asked->times; i++)
        asked->cb(asked->arg);
    free(asked);
}

static int ask(chatd_plugin *p, const char *how, void (*cb)(void *arg), void *arg)
{
    struct asked *asked = calloc(1, sizeof(*asked));

    assert_non_null(asked);
    *asked = (struct asked){cb, arg,
                            strcmp(how, "twice") == 0   ? 2
                            : strcmp(how, "never") == 0 ? 0
                                                        : 1};
    if (strcmp(how, "at once") == 0)
        call_back(p, asked);
    else
        assert_int_equal(chatd_post(p, call_back, asked), CHATD_OK);
    return CHATD_OK;
}

static int init(chatd_plugin *self)
{
    static const struct tested_api api = {.size = sizeof(api), .ask = ask};
    static const struct chatd_service_def def = {
        .size = sizeof(def), .major = 1, .name = "tested.ask", .api = &api};
    static const char *const values[] = {"good", "bad", NULL};
    static const struct chatd_metric_def metrics[] = {
        {.size = sizeof(metrics[0]), .kind = CHATD_COUNTER, .name = "asked_total", .help = "x"},
        {.size = sizeof(metrics[0]),
         .kind = CHATD_COUNTER,
         .name = "by_kind_total",
         .help = "x",
         .label = "kind",
         .values = values},
        {.size = sizeof(metrics[0]), .kind = CHATD_HISTOGRAM, .name = "seconds", .help = "x"}};

    assert_int_equal(chatd_metric(self, &metrics[0], &counter), CHATD_OK);
    assert_int_equal(chatd_metric(self, &metrics[1], &labelled), CHATD_OK);
    assert_int_equal(chatd_metric(self, &metrics[2], &seconds), CHATD_OK);
    assert_int_equal(chatd_feature(self, "asking"), CHATD_OK);
    assert_int_equal(chatd_limit(self, "questions", 3), CHATD_OK);
    return chatd_service_offer(self, &def);
}

static const struct chatd_need needs[] = {
    {"chatd.kv", 1, 0, 0}, {"chatd.bus", 1, 0, 0}, {NULL, 0, 0, 0}};
static const struct chatd_plugin_desc desc = {.size = sizeof(desc),
                                              .need_stride = sizeof(needs[0]),
                                              .name = "tested",
                                              .needs = needs,
                                              .init = init};

static int setup(void **state)
{
    struct testhost *t = testhost_new(&desc);

    testhost_fake_kv(t);
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    return testhost_free(*state);
}

static void test_needs(void **state)
{
    struct testhost *t = testhost_new(&desc);

    (void)state;
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_E_STATE); /* no chatd.kv */
    testhost_fake(t, "chatd.kv", 2, 0, "", NULL);
    assert_int_equal(testhost_start(t), CHATD_E_STATE); /* another major */
    testhost_fake_kv(t);
    assert_int_equal(testhost_start(t), CHATD_OK);
    assert_null(chatd_service(testhost_self(t), "chatd.log"));
    only_fault(t, "asks for chatd.log, which is not in its needs");
    assert_int_equal(testhost_free(t), 0);
}

/* --- kv as other servers see it ---------------------------------------------------------------------- */

static int pages;

static void on_page(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    const struct chatd_service *kv = arg;

    assert_int_equal(err, CHATD_OK);
    assert_int_equal(page->n, pages == 1 ? 1 : 2);
    pages++;
    if (page->more)
        assert_int_equal(chatd_kv_scan(self, kv, CHATD_STR("n"), page->cursor, 100, on_page, arg),
                         CHATD_OK);
}

static void test_kv_from_outside(void **state)
{
    struct testhost *t = *state;
    const struct chatd_service *kv = chatd_service(testhost_self(t), CHATD_KV_SERVICE);
    union {
        const struct chatd_service *in;
        void *out;
    } arg = {kv};

    testhost_kv_put(t, "n", "a", CHATD_STR("1"), 0);
    testhost_kv_put(t, "n", "b", CHATD_STR("2"), 500);
    testhost_kv_put(t, "n", "c", CHATD_STR("3"), 0);
    testhost_kv_put(t, "n", "d", CHATD_STR("4"), 0);
    testhost_kv_put(t, "n", "a", CHATD_STR("5"), 0);
    assert_string_equal(testhost_kv_value(t, "n", "a").p, "5");
    assert_int_equal(testhost_kv_ttl(t, "n", "a"), 0);
    testhost_advance(t, 100);
    assert_int_equal(testhost_kv_ttl(t, "n", "b"), 400);
    testhost_advance(t, 400);
    assert_int_equal(testhost_kv_ttl(t, "n", "b"), -1);
    pages = 0;
    testhost_kv_page(t, 2);
    assert_int_equal(
        chatd_kv_scan(testhost_self(t), kv, CHATD_STR("n"), CHATD_STR(""), 100, on_page, arg.out),
        CHATD_OK);
    testhost_turn(t);
    assert_int_equal(pages, 2);
    testhost_kv_put(t, "n", "a", (chatd_str){NULL, 0}, 0);
    assert_null(testhost_kv_value(t, "n", "a").p);
}

/* --- kv ------------------------------------------------------------------------------------------- */

static char story[256];

static void on_reply(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)self, (void)arg;
    snprintf(story + strlen(story), sizeof(story) - strlen(story), "%d:%s:%lld ", err,
             reply != NULL && reply->value.p != NULL ? reply->value.p : "-",
             reply != NULL ? (long long)reply->number : -1);
}

static void on_scan(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    (void)self, (void)arg;
    for (uint32_t i = 0; i < page->n; i++)
        snprintf(story + strlen(story), sizeof(story) - strlen(story), "%d:%s=%s ", err,
                 page->items[i].key.p, page->items[i].value.p);
}

static const char *turn(struct testhost *t)
{
    static char told[256];

    story[0] = '\0';
    testhost_turn(t);
    return memcpy(told, story, sizeof(told));
}

static void test_kv(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    const struct chatd_service *kv = chatd_service(self, "chatd.kv");
    const chatd_str ns = CHATD_STR("n"), a = CHATD_STR("a"), b = CHATD_STR("b");

    chatd_kv_get(self, kv, ns, a, on_reply, NULL);
    chatd_kv_put(self, kv, ns, a, CHATD_STR("1"), 0, on_reply, NULL);
    chatd_kv_put_absent(self, kv, ns, a, CHATD_STR("2"), 0, on_reply, NULL);
    chatd_kv_get(self, kv, ns, a, on_reply, NULL);
    assert_string_equal(turn(t), "-3:-:0 0:-:0 -2:1:0 0:1:0 ");
    chatd_kv_cas(self, kv, ns, a, CHATD_STR("9"), CHATD_STR("3"), on_reply, NULL);
    chatd_kv_cas(self, kv, ns, a, CHATD_STR("1"), CHATD_STR("3"), on_reply, NULL);
    chatd_kv_add(self, kv, ns, a, 4, 0, on_reply, NULL);
    chatd_kv_add(self, kv, ns, a, INT64_MAX, 0, on_reply, NULL);
    assert_string_equal(turn(t), "-2:1:0 0:-:0 0:-:7 -1:-:0 ");
    assert_string_equal(testhost_kv_value(t, "n", "a").p, "7");
    chatd_kv_put(self, kv, CHATD_STR("ttl"), b, CHATD_STR("x"), 1000, NULL, NULL);
    chatd_kv_scan(self, kv, ns, CHATD_STR(""), 10, on_scan, NULL);
    assert_string_equal(turn(t), "0:a=7 ");
    testhost_advance(t, 999);
    assert_non_null(testhost_kv_value(t, "ttl", "b").p);
    testhost_advance(t, 1);
    assert_null(testhost_kv_value(t, "ttl", "b").p);
    testhost_kv_fail(t, CHATD_E_BACKEND);
    chatd_kv_del(self, kv, ns, a, on_reply, NULL);
    assert_string_equal(turn(t), "-10:-:-1 ");
    testhost_kv_fail(t, 0);
    chatd_kv_del(self, kv, ns, a, on_reply, NULL);
    chatd_kv_del(self, kv, ns, a, on_reply, NULL);
    assert_string_equal(turn(t), "0:-:0 -3:-:0 ");
    assert_int_equal(chatd_kv_get(self, kv, CHATD_STR(""), a, on_reply, NULL), CHATD_E_INVAL);
}

static void test_kinds_of_a_namespace(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    const struct chatd_service *kv = chatd_service(self, "chatd.kv");

    chatd_kv_put(self, kv, CHATD_STR("n"), CHATD_STR("a"), CHATD_STR("1"), 0, NULL, NULL);
    chatd_kv_put(self, kv, CHATD_STR("n"), CHATD_STR("b"), CHATD_STR("1"), 1000, NULL, NULL);
    testhost_turn(t);
    only_fault(t, "keeps entries with and without a ttl in the namespace \"n\"");
}

static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    (void)self, (void)arg;
    snprintf(story + strlen(story), sizeof(story) - strlen(story), "%s:%s:%u ", topic.p, data.p,
             lost);
}

static void test_bus(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    const struct chatd_service *bus = chatd_service(self, "chatd.bus");
    chatd_sub sub;

    story[0] = '\0';
    assert_int_equal(chatd_bus_subscribe(self, bus, CHATD_STR("t"), on_news, NULL, &sub), CHATD_OK);
    chatd_bus_publish(self, bus, CHATD_STR("t"), CHATD_STR("mine"));
    chatd_bus_publish(self, bus, CHATD_STR("u"), CHATD_STR("other"));
    assert_string_equal(story, "");
    testhost_turn(t);
    testhost_bus(t, "t", CHATD_STR("theirs"));
    testhost_bus(t, "t", (chatd_str){NULL, 0});
    assert_string_equal(story, "t:mine:0 t:theirs:0 t::1 ");
    assert_string_equal(testhost_bus_next(t), "t mine");
    assert_string_equal(testhost_bus_next(t), "u other");
    assert_null(testhost_bus_next(t));
    assert_int_equal(chatd_bus_unsubscribe(self, bus, sub), CHATD_OK);
    assert_int_equal(chatd_bus_unsubscribe(self, bus, sub), CHATD_E_GONE);
    testhost_bus(t, "t", CHATD_STR("late"));
    assert_string_equal(story, "t:mine:0 t:theirs:0 t::1 ");
}

/* --- its own -------------------------------------------------------------------------------------- */

static void came(void *arg)
{
    testhost_came(arg);
}

static void question(struct testhost *t, const char *how)
{
    const struct chatd_service *service = testhost_service(t, "tested.ask");
    struct testhost_call *call = testhost_expect(t, how, 100);

    ((const struct tested_api *)service->api)->ask(service->provider, how, came, call);
    testhost_returned(call);
    testhost_turn(t);
}

static void test_callbacks(void **state)
{
    question(*state, "later");
    assert_int_equal(testhost_faults(*state), 0);
    question(*state, "at once");
    only_fault(*state, "called back for at once before the call had returned");
    question(*state, "twice");
    only_fault(*state, "called back for twice 2 times");
    question(*state, "never");
    testhost_advance(*state, 100);
    assert_int_equal(testhost_faults(*state), 0);
    testhost_advance(*state, 1);
    only_fault(*state, "did not call back for never by its deadline");
}

static void test_refused_calls(void **state)
{
    struct testhost_call *call = testhost_expect(*state, "nothing", 100);

    testhost_refused(call);
    testhost_advance(*state, 1000);
    assert_int_equal(testhost_faults(*state), 0);
    testhost_came(call);
    only_fault(*state, "called back for nothing, which it refused");
    call = testhost_expect(*state, "all the same", 100);
    testhost_came(call);
    testhost_refused(call);
    assert_int_equal(testhost_excuse(*state, "called back for all the same, which it refused"), 1);
    only_fault(*state, "called back for all the same before the call had returned");
}

static void on_put(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)self, (void)reply;
    *(int *)arg = err;
}

/* Nothing is begun any more; what was begun before is called back, also while turns are held. */
static void test_kv_at_the_end(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    const struct chatd_service *kv = chatd_service(self, "chatd.kv");
    int err = 1;

    testhost_hold(t, 1);
    assert_int_equal(
        chatd_kv_put(self, kv, CHATD_STR("ns"), CHATD_STR("a"), CHATD_STR("1"), 0, on_put, &err),
        CHATD_OK);
    testhost_hold(t, 0);
    assert_int_equal(err, CHATD_OK);
    testhost_cancel(t);
    assert_int_equal(
        chatd_kv_put(self, kv, CHATD_STR("ns"), CHATD_STR("a"), CHATD_STR("2"), 0, on_put, &err),
        CHATD_E_STATE);
    assert_string_equal(testhost_kv_value(t, "ns", "a").p, "1");
}

static void test_freed_while_held(void **state)
{
    struct testhost *t = testhost_new(&desc);
    const struct chatd_service *kv;
    int err = 1;

    (void)state;
    testhost_fake_kv(t);
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    kv = chatd_service(testhost_self(t), "chatd.kv");
    testhost_hold(t, 1);
    chatd_kv_put(testhost_self(t), kv, CHATD_STR("ns"), CHATD_STR("a"), CHATD_STR("1"), 0, on_put,
                 &err);
    assert_int_equal(testhost_free(t), 0);
    assert_int_equal(err, CHATD_OK);
}

static void test_kv_that_is_not_there(void **state)
{
    struct testhost *t = testhost_new(&desc);

    (void)state;
    testhost_kv_fail(t, CHATD_E_BACKEND);
    only_fault(t, "before testhost_fake_kv()");
    assert_int_equal(testhost_free(t), 0);
}

static void test_never_called_back(void **state)
{
    struct testhost *t = testhost_new(&desc);

    (void)state;
    testhost_fake_kv(t);
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    question(t, "never");
    assert_int_equal(testhost_free(t), 1);
}

/* --- what it tells -------------------------------------------------------------------------------- */

static void test_what_it_tells(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);

    chatd_metric_add(self, counter, 0, 2);
    chatd_metric_add(self, labelled, 1, 5);
    chatd_metric_add(self, labelled, 9, 5);
    chatd_metric_observe(self, seconds, 0, 0.25);
    assert_int_equal(testhost_metric(t, "asked_total", NULL), 2);
    assert_int_equal(testhost_metric(t, "by_kind_total", "good"), 0);
    assert_int_equal(testhost_metric(t, "by_kind_total", "bad"), 5);
    assert_int_equal(testhost_metric(t, "seconds", NULL), 1);
    assert_int_equal(testhost_faults(t), 0);
    testhost_metric(t, "by_kind_total", "ugly");
    only_fault(t, "has no metric by_kind_total of ugly");
    assert_int_equal(testhost_ready(t), CHATD_READY);
    chatd_ready(self, CHATD_AWAY, "nobody answers");
    assert_int_equal(testhost_ready(t), CHATD_AWAY);
    assert_string_equal(testhost_ready_text(t), "nobody answers");
    assert_true(testhost_feature(t, "asking"));
    assert_false(testhost_feature(t, "telling"));
    assert_int_equal(testhost_limit(t, "questions"), 3);
    assert_int_equal(chatd_limit(self, "questions", 4), CHATD_OK);
    assert_int_equal(testhost_limit(t, "questions"), 4);
    assert_int_equal(testhost_limit(t, "answers"), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kv),
        TEST(test_kinds_of_a_namespace),
        TEST(test_kv_from_outside),
        TEST(test_kv_at_the_end),
        TEST(test_bus),
        cmocka_unit_test(test_freed_while_held),
        cmocka_unit_test(test_kv_that_is_not_there),
        TEST(test_callbacks),
        TEST(test_refused_calls),
        TEST(test_what_it_tells),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_never_called_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
