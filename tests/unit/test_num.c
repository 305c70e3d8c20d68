/* SPDX-License-Identifier: MIT */
/* Integers, sizes and durations: what passes, what does not, and the edges of 64 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/num.h"

#include <string.h>

#define UNTOUCHED 4711

static void i64_is(const char *text, int64_t expected)
{
    int64_t out = UNTOUCHED;
    assert_true(num_parse_i64(text, strlen(text), &out));
    assert_true(out == expected);
}

static void u64_is(const char *text, uint64_t expected)
{
    uint64_t out = UNTOUCHED;
    assert_true(num_parse_u64(text, strlen(text), &out));
    assert_true(out == expected);
}

static void size_is(const char *text, int64_t expected)
{
    int64_t out = UNTOUCHED;
    assert_true(num_parse_size(text, strlen(text), &out));
    assert_true(out == expected);
}

static void duration_is(const char *text, int64_t expected)
{
    int64_t out = UNTOUCHED;
    assert_true(num_parse_duration_ms(text, strlen(text), &out));
    assert_true(out == expected);
}

static void refused(bool (*parse)(const char *, size_t, int64_t *), const char *text)
{
    int64_t out = UNTOUCHED;
    assert_false(parse(text, strlen(text), &out));
    assert_true(out == UNTOUCHED);
}

static void test_i64(void **state)
{
    (void)state;
    i64_is("0", 0);
    i64_is("-0", 0);
    i64_is("007", 7);
    i64_is("-42", -42);
    i64_is("9223372036854775807", INT64_MAX);
    i64_is("-9223372036854775808", INT64_MIN);
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        "--1",
        " 1",
        "1 ",
        "1x",
        "0x1",
        "1.5",
        "1e3",
        "12\n",
        "9223372036854775808",
        "-9223372036854775809",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(num_parse_i64, bad[i]);
}

static void test_u64(void **state)
{
    (void)state;
    u64_is("0", 0);
    u64_is("18446744073709551615", UINT64_MAX);
    static const char *const bad[] = {
        "", "-1", "-0", "+1", "18446744073709551616", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t out = UNTOUCHED;
        assert_false(num_parse_u64(bad[i], strlen(bad[i]), &out));
        assert_true(out == UNTOUCHED);
    }
}

static void test_takes_no_more_than_n_bytes(void **state)
{
    (void)state;
    static const char digits[] = {'1', '2', '3'};
    int64_t out;
    assert_true(num_parse_i64(digits, 2, &out));
    assert_int_equal(out, 12);
    assert_true(num_parse_size("4k9", 2, &out));
    assert_int_equal(out, 4096);
    assert_true(num_parse_duration_ms("5ms", 2, &out));
    assert_int_equal(out, 5 * 60 * 1000);
    assert_false(num_parse_i64("1\0002", 3, &out));
    assert_false(num_parse_size("1\0", 2, &out));
}

static void test_size(void **state)
{
    (void)state;
    size_is("0", 0);
    size_is("512", 512);
    size_is("64k", 65536);
    size_is("64K", 65536);
    size_is("3m", 3 * 1024 * 1024);
    size_is("1G", 1024 * 1024 * 1024);
    size_is("9223372036854775807", INT64_MAX);
    size_is("8589934591g", INT64_C(8589934591) << 30);
    static const char *const bad[] = {"",    "k",  "-1",   "-1k",         "1kb",
                                      "1 k", "1t", "1.5m", "8589934592g", "9223372036854775808"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(num_parse_size, bad[i]);
}

static void test_duration(void **state)
{
    (void)state;
    duration_is("0", 0);
    duration_is("30", 30000);
    duration_is("30s", 30000);
    duration_is("250ms", 250);
    duration_is("5m", 300000);
    duration_is("2h", 7200000);
    duration_is("7d", 604800000);
    duration_is("9223372036854775807ms", INT64_MAX);
    duration_is("9223372036854775", INT64_C(9223372036854775000));
    static const char *const bad[] = {
        "", "s", "-1s", "1S", "1 s", "1min", "1m s", "1s1", "9223372036854776", "106751991168d"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(num_parse_duration_ms, bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i64),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_takes_no_more_than_n_bytes),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
