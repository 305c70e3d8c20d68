/* SPDX-License-Identifier: MIT */
/* What the verbs about rooms are asked with. */
#include "v1_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct chatd_fields opened(const char *text)
{
    struct chatd_fields fields;
    chatd_str room;

    assert_null(v1_args_open((chatd_str){text, strlen(text)}, &fields, &room));
    assert_int_equal(room.n, 1);
    assert_memory_equal(room.p, "a", 1);
    return fields;
}

static void test_the_room(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"room\":1}", "{\"room\":\"a b\"}", "{\"room\":\"a\",\"room\":\"a\"}"};
    struct chatd_fields fields;
    chatd_str room;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_non_null(v1_args_open((chatd_str){bad[i], strlen(bad[i])}, &fields, &room));
        assert_true(fields.text == NULL && fields.json == NULL);
    }
    fields = opened("{\"room\":\"a\"}");
    chatd_fields_close(&fields);
}

static void since_is(const char *text, const char *epoch, uint64_t seq)
{
    struct chatd_fields fields = opened(text);
    struct position since;

    assert_null(v1_args_since(&fields, &since));
    assert_string_equal(since.epoch, epoch);
    assert_int_equal(since.seq, seq);
    chatd_fields_close(&fields);
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
        struct chatd_fields fields = opened(bad[i]);

        assert_non_null(v1_args_since(&fields, &since));
        chatd_fields_close(&fields);
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
    struct chatd_fields fields;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fields = opened(bad[i]);
        assert_non_null(v1_args_message(&fields, &text, &cid));
        chatd_fields_close(&fields);
    }
    fields = opened("{\"room\":\"a\",\"text\":\"t\"}");
    assert_null(v1_args_message(&fields, &text, &cid));
    assert_true(text.n == 1 && cid.n == 0);
    chatd_fields_close(&fields);
    fields = opened("{\"room\":\"a\",\"text\":\"\",\"cid\":\"c\"}");
    assert_null(v1_args_message(&fields, &text, &cid));
    assert_true(text.n == 0 && cid.n == 1);
    chatd_fields_close(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_room),
                                       cmocka_unit_test(test_since),
                                       cmocka_unit_test(test_the_message)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
