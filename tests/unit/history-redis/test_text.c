/* SPDX-License-Identifier: MIT */
/* How keys, channels, publications and entries are spelled. */
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static void is(chatd_str text, const char *expected)
{
    assert_int_equal(text.n, strlen(expected));
    assert_memory_equal(text.p, expected, text.n);
}

static void test_keys(void **state)
{
    struct text text;
    chatd_str room;

    (void)state;
    is(text_list(&text, str("general")), "chat_history:general");
    is(text_meta(&text, str("general")), "chat_meta:general");
    is(text_epoch(&text, str("general")), "chat_epoch:general");
    is(text_cids(&text, str("a:1")), "chat_cid:a:1:");
    is(text_ttl(&text, str("a:b"), str("c%d:")), "kv:a%3Ab:c%25d%3A");
    assert_true(text_room_of_list(str("chat_history:a:b"), &room));
    is(room, "a:b");
    assert_false(text_room_of_list(str("chat_history:"), &room));
    assert_false(text_room_of_list(str("chat_meta:x"), &room));
}

/* Two pairs never meet. */
static void test_ttl_keys_differ(void **state)
{
    static const char *const pairs[][2] = {{"a", "b:c"},   {"a:b", "c"}, {"a%3Ab", "c"},
                                           {"a", "b%3Ac"}, {"a:", "b"},  {"a", ":b"}};
    enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };
    struct text text[PAIRS];

    (void)state;
    for (size_t i = 0; i < PAIRS; i++) {
        text_ttl(&text[i], str(pairs[i][0]), str(pairs[i][1]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(text[i].p, text[k].p);
    }
}

static void test_the_longest_key_fits(void **state)
{
    char name[TEXT_NAME_MAX];
    struct text text;

    (void)state;
    memset(name, ':', sizeof(name));
    assert_int_equal(
        text_ttl(&text, (chatd_str){name, sizeof(name)}, (chatd_str){name, sizeof(name)}).n,
        4 + 2 * 3 * TEXT_NAME_MAX);
}

static void test_channels(void **state)
{
    struct text text;

    (void)state;
    is(text_room_channel(&text, 0, str("general")), "room:general");
    is(text_room_channel(&text, 12, str("general")), "12/room:general");
    is(text_topic_channel(&text, 0, str("room/general")), "room:general");
    is(text_topic_channel(&text, 12, str("room/general")), "12/room:general");
    is(text_topic_channel(&text, 0, str("room/")), "bus:room/");
    is(text_topic_channel(&text, 0, str("auth.revoked")), "bus:auth.revoked");
    is(text_topic_channel(&text, 1, str("x")), "1/bus:x");
}

static void test_names(void **state)
{
    char name[TEXT_NAME_MAX + 1];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(text_is_name((chatd_str){name, TEXT_NAME_MAX}, 1));
    assert_false(text_is_name((chatd_str){name, TEXT_NAME_MAX + 1}, 1));
    assert_false(text_is_name((chatd_str){NULL, 0}, 1));
    assert_true(text_is_name((chatd_str){NULL, 0}, 0));
    assert_false(text_is_name((chatd_str){"a\0b", 3}, 1));
}

static void test_numbers(void **state)
{
    uint64_t n;
    int64_t i;

    (void)state;
    assert_true(text_number(str("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    assert_false(text_number(str("18446744073709551616"), &n));
    assert_false(text_number(str(""), &n));
    assert_false(text_number(str("-1"), &n));
    assert_false(text_number(str("1x"), &n));
    assert_true(text_integer(str("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(text_integer(str("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_false(text_integer(str("9223372036854775808"), &i));
    assert_false(text_integer(str("-9223372036854775809"), &i));
    assert_false(text_integer(str("-"), &i));
    assert_false(text_integer(str("--1"), &i));
}

static void test_publications(void **state)
{
    struct publication p;

    (void)state;
    assert_true(text_publication(str("r e1 42 1790000000000 {\"a\": 1}"), &p));
    assert_true(p.is_record);
    is(p.epoch, "e1");
    assert_true(p.seq == 42 && p.ts == 1790000000000);
    is(p.body, "{\"a\": 1}");
    assert_true(text_publication(str("b {\"user\":\"x y\"}"), &p));
    assert_false(p.is_record);
    is(p.body, "{\"user\":\"x y\"}");
    assert_true(text_publication(str("b "), &p));
    is(p.body, "");
}

static void test_what_others_publish(void **state)
{
    static const char *const bad[] = {"",           "{\"user\":\"a\",\"text\":\"b c\"}",
                                      "r",          "b",
                                      "r ",         "r e 1 2",
                                      "r e 0 2 {}", "r e x 2 {}",
                                      "r e 1 x {}", "r  1 2 {}",
                                      "r e 1 2 ",   "rr e 1 2 {}",
                                      "c x",        " b x",
                                      "bx"};
    char epoch[100];
    struct publication p;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (text_publication(str(bad[i]), &p))
            fail_msg("\"%s\" was taken", bad[i]);
    memset(epoch, 'e', sizeof(epoch));
    memcpy(epoch, "r ", 2);
    memcpy(epoch + 67, " 1 2 {}", 8); /* an epoch of 65 bytes */
    assert_false(text_publication(str(epoch), &p));
    memcpy(epoch + 66, " 1 2 {}", 8);
    assert_true(text_publication(str(epoch), &p));
}

static void entry_is(const char *entry, int64_t ts, const char *record)
{
    size_t n = strlen(entry);
    char *copy = malloc(n + 1); /* of its own, so that a step outside is seen */
    int64_t found;

    memcpy(copy, entry, n + 1);
    is(text_entry(copy, n, &found), record);
    assert_true(found == ts);
    free(copy);
}

static void test_entries(void **state)
{
    (void)state;
    entry_is("{\"seq\":1,\"ts\":1790000000000,\"user\":\"a\"}", 1790000000000, "{\"user\":\"a\"}");
    entry_is("{\"seq\":12,\"ts\":-5,\"a\":{}}", -5, "{\"a\":{}}");
    entry_is("{\"seq\":1,\"ts\":7}", 7, "{}");
    entry_is("{\"seq\":1,\"ts\":7  }", 7, "{  }");
}

static void test_entries_of_others_stay_as_they_are(void **state)
{
    static const char *const foreign[] = {
        "{\"user\":\"a\",\"room\":\"r\",\"text\":\"t\",\"typing\":false}",
        "",
        "x",
        "{\"seq\":1}",
        "{\"seq\":,\"ts\":1,\"a\":1}",
        "{\"seq\":1,\"ts\":",
        "{\"seq\":1,\"ts\":5",
        "{\"seq\":\"1\",\"ts\":5,\"a\":1}",
        "{\"seq\":99999999999999999999,\"ts\":5,\"a\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        entry_is(foreign[i], 0, foreign[i]);
}

static void test_numbers_are_written(void **state)
{
    static const struct {
        int64_t number;
        const char *decimal;
    } rows[] = {{0, "0"},
                {7, "7"},
                {-10, "-10"},
                {1790000000000, "1790000000000"},
                {INT64_MAX, "9223372036854775807"},
                {INT64_MIN, "-9223372036854775808"}};
    char buf[TEXT_DIGITS];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char hex[20];

        is(text_decimal(buf, rows[i].number), rows[i].decimal);
        snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)rows[i].number);
        is(text_hex(buf, (uint64_t)rows[i].number), hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_ttl_keys_differ),
        cmocka_unit_test(test_the_longest_key_fits),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_are_written),
        cmocka_unit_test(test_publications),
        cmocka_unit_test(test_what_others_publish),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_entries_of_others_stay_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
