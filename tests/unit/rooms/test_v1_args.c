/* SPDX-License-Identifier: MIT */
/* What the verbs about rooms are asked with. */
#include "v1_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static json_t *opened(const char *text)
{
    chatd_str room;
    json_t *json;

    assert_null(v1_args_open((chatd_str){text, strlen(text)}, &json, &room));
    assert_int_equal(room.n, 1);
    assert_memory_equal(room.p, "a", 1);
    return json;
}

static void test_the_room(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"room\":1}", "{\"room\":\"a b\"}", "{\"room\":\"a\",\"room\":\"a\"}"};
    chatd_str room;
    json_t *json;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_non_null(v1_args_open((chatd_str){bad[i], strlen(bad[i])}, &json, &room));
        assert_null(json);
    }
    json_decref(opened("{\"room\":\"a\"}"));
}

static void since_is(const char *text, const char *epoch, uint64_t seq)
{
    json_t *json = opened(text);
    struct position since;

    assert_null(v1_args_since(json, &since));
    assert_string_equal(since.epoch, epoch);
    assert_int_equal(since.seq, seq);
    json_decref(json);
}

static void test_since(void **state)
{
    static const char *const bad[] = {"{\"room\":\"a\",\"since\":7}",
                                      "{\"room\":\"a\",\"since\":{}}",
                                      "{\"room\":\"a\",\"since\":{\"epoch\":\"e\",\"seq\":-1}}",
                                      "{\"room\":\"a\",\"since\":{\"epoch\":\"e\",\"seq\":1.0}}",
                                      "{\"room\":\"a\",\"since\":{\"epoch\":1,\"seq\":1}}"};
    struct position since;
    size_t i;

    (void)state;
    since_is("{\"room\":\"a\"}", "", 0);
    since_is("{\"room\":\"a\",\"since\":null}", "", 0);
    since_is("{\"room\":\"a\",\"since\":{\"epoch\":\"e\",\"seq\":9223372036854775807}}", "e",
             INT64_MAX);
    /* 65 bytes: no store's. */
    since_is("{\"room\":\"a\",\"since\":{\"epoch\":"
             "\"01234567890123456789012345678901234567890123456789012345678901234\",\"seq\":1}}",
             "", 0);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *json = opened(bad[i]);

        assert_non_null(v1_args_since(json, &since));
        json_decref(json);
    }
}

#define SIXTY_FIVE "01234567890123456789012345678901234567890123456789012345678901234"

static void test_the_message(void **state)
{
    static const char *const bad[] = {
        "{\"room\":\"a\"}", "{\"room\":\"a\",\"text\":null}",
        "{\"room\":\"a\",\"text\":\"t\",\"cid\":1}",
        ("{\"room\":\"a\",\"text\":\"t\",\"cid\":\"" SIXTY_FIVE "\"}")};
    chatd_str text, cid;
    json_t *json;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json = opened(bad[i]);
        assert_non_null(v1_args_message(json, &text, &cid));
        json_decref(json);
    }
    json = opened("{\"room\":\"a\",\"text\":\"t\"}");
    assert_null(v1_args_message(json, &text, &cid));
    assert_true(text.n == 1 && cid.n == 0);
    json_decref(json);
    json = opened("{\"room\":\"a\",\"text\":\"\",\"cid\":\"c\"}");
    assert_null(v1_args_message(json, &text, &cid));
    assert_true(text.n == 0 && cid.n == 1);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_room),
                                       cmocka_unit_test(test_since),
                                       cmocka_unit_test(test_the_message)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
