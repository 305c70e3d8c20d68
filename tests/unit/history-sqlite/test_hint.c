/* SPDX-License-Identifier: MIT */
/* Hints and their topics, and the records kept from them. */
#include "hint.h"
#include "kept.h"
#include "scratch.h"

#include <chatd/svc/bus.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_there_and_back(void **state)
{
    const struct hint hint = {.seq = UINT64_C(9223372036854775807),
                              .ts = INT64_C(1790000000000),
                              .room = CHATD_STR("general"),
                              .record = CHATD_STR("{\"text\":\"hi\"}")};
    struct hint read;
    char text[512];

    (void)state;
    size_t n = hint_write(&hint, text, sizeof(text));

    assert_true(hint_read((chatd_str){text, n}, &read));
    assert_true(read.seq == hint.seq && read.ts == hint.ts);
    assert_int_equal(read.room.n, hint.room.n);
    assert_memory_equal(read.room.p, hint.room.p, hint.room.n);
    assert_int_equal(read.record.n, hint.record.n);
    assert_memory_equal(read.record.p, hint.record.p, hint.record.n);
}

static void test_what_does_not_fit(void **state)
{
    char name[HINT_NAME_MAX], text[HINT_HEAD_MAX + HINT_NAME_MAX], record[sizeof(text)];
    struct hint hint = {.seq = UINT64_MAX >> 1, .ts = INT64_MAX, .room = {name, sizeof(name)}};
    struct hint read;

    (void)state;
    memset(name, 'n', sizeof(name));
    memset(record, 'r', sizeof(record));
    size_t head = hint_write(&hint, text, sizeof(text));

    hint.record = (chatd_str){record, sizeof(text) - head};
    assert_int_equal(hint_write(&hint, text, sizeof(text)), sizeof(text));
    hint.record.n++;
    assert_int_equal(hint_write(&hint, text, sizeof(text)), head);
    assert_true(hint_read((chatd_str){text, head}, &read));
    assert_int_equal(read.record.n, 0);
    assert_int_equal(read.room.n, HINT_NAME_MAX);
}

static void test_anything_else(void **state)
{
    static const char *const others[] = {"",
                                         "1",
                                         "1 ",
                                         "1 5",
                                         "1 5 0",
                                         "1 5 0 1",
                                         "1 5 0 1 ",
                                         "1 0 0 1 a",
                                         "1 05 0 1 a",
                                         "01 5 0 1 a",
                                         "2 5 0 1 a",
                                         " 1 5 0 1 a",
                                         "1  5 0 1 a",
                                         "1 +5 0 1 a",
                                         "1 5 -1 1 a",
                                         "1 5 0 0 a",
                                         "1 5 0 2 a",
                                         "1 5 0 257 a",
                                         "1 5 0 1\ta",
                                         "{}",
                                         "1 5 0 1. a",
                                         "1 5x 0 1 a",
                                         "10 5 0 1 a",
                                         "1 5 0x 1 a",
                                         "1 9223372036854775808 0 1 a",
                                         "1 5 9223372036854775808 1 a",
                                         "1 18446744073709551617 0 1 a"};
    struct hint hint;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (hint_read(str_of(others[i]), &hint))
            fail_msg("`%s` was taken", others[i]);
    assert_true(hint_read(CHATD_STR("1 5 0 1 a"), &hint));
}

static void test_topics(void **state)
{
    const chatd_str i1 = CHATD_STR("00000000000000aa"), i2 = CHATD_STR("00000000000000bb");
    const chatd_str e1 = CHATD_STR("1111111111111111"), e2 = CHATD_STR("2222222222222222");
    char name[256], a[HINT_TOPIC_BYTES], b[HINT_TOPIC_BYTES];

    (void)state;
    memset(name, 'n', sizeof(name));
    assert_string_equal(hint_topic(a, i1, e1, CHATD_STR("general")).p,
                        "history/00000000000000aa/1111111111111111/9e275796a0d9a90b");
    chatd_str longest = hint_topic(b, i1, e1, (chatd_str){name, sizeof(name)});

    assert_true(longest.n == strlen(a) && longest.n <= CHATD_BUS_TOPIC_MAX);
    assert_string_not_equal(a, b);
    assert_string_not_equal(hint_topic(b, i2, e1, CHATD_STR("general")).p, a);
    assert_string_not_equal(hint_topic(b, i1, e2, CHATD_STR("general")).p, a);
    assert_string_equal(hint_topic(b, i1, e1, CHATD_STR("general")).p, a);
}

static void keep(struct kept *kept, uint64_t seq, const char *text)
{
    const struct chatd_log_record record = {.seq = seq, .ts = 7, .record = str_of(text)};

    kept_add(kept, &record);
}

static void test_kept(void **state)
{
    struct kept kept;

    (void)state;
    kept_init(&kept);
    keep(&kept, 7, "seven");
    keep(&kept, 5, "five");
    keep(&kept, 6, "six");
    keep(&kept, 5, "again");
    assert_int_equal(kept.n, 3);
    assert_string_equal(kept_get(&kept, 5).record.p, "five");
    assert_string_equal(kept_get(&kept, 6).record.p, "six");
    assert_int_equal(kept_get(&kept, 7).ts, 7);
    assert_int_equal(kept_get(&kept, 4).record.n, 0);
    assert_int_equal(kept_get(&kept, 8).record.n, 0);
    kept_clear(&kept);
    assert_int_equal(kept_get(&kept, 5).record.n, 0);
    for (uint64_t seq = 1; seq <= KEPT_RECORDS_MAX + 10; seq++)
        keep(&kept, seq, "{}");
    assert_int_equal(kept.n, KEPT_RECORDS_MAX);
    assert_int_equal(kept_get(&kept, KEPT_RECORDS_MAX).record.n, 2);
    kept_clear(&kept);
    assert_int_equal(kept.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_anything_else),  cmocka_unit_test(test_topics),
        cmocka_unit_test(test_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
