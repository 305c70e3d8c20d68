/* SPDX-License-Identifier: MIT */
/* The table of buckets: it finds what it was given, does not grow, and forgets full ones first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "quota.h"

static const uint8_t key[QUOTA_KEY_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The vectors of the paper's appendix A and of its reference code. */
static void test_the_number_is_siphash(void **state)
{
    static const char bytes[15] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

    (void)state;
    assert_true(quota_key(key, (chatd_str){bytes, 15}) == UINT64_C(0xa129ca6149be45e5));
    assert_true(quota_key(key, (chatd_str){bytes, 8}) == UINT64_C(0x93f5f5799a932462));
    assert_true(quota_key(key, (chatd_str){bytes, 0}) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(quota_key(key, (chatd_str){NULL, 0}) == UINT64_C(0x726fdb47dd0e0e31));
}

static void test_a_row_is_found_again(void **state)
{
    struct quota quota = {0};
    uint64_t of;

    (void)state;
    for (of = 1; of <= QUOTA_ROWS; of++)
        quota_row(&quota, of)->bucket[QUOTA_JOINS] = (int64_t)of;
    for (of = 1; of <= QUOTA_ROWS; of++) {
        assert_int_equal(quota_row(&quota, of)->bucket[QUOTA_JOINS], of);
        assert_int_equal(quota_row(&quota, of)->bucket[QUOTA_MESSAGES], 0);
    }
    quota_deinit(&quota);
    assert_null(quota.rows);
}

/* Numbers of one set: the eighth part of the table apart. */
static uint64_t nth_of_a_set(unsigned n)
{
    return 1 + (uint64_t)n * (QUOTA_ROWS / 8);
}

static void test_what_is_full_soonest_gives_way(void **state)
{
    struct quota quota = {0};
    unsigned i;

    (void)state;
    for (i = 0; i < 8; i++) {
        quota_row(&quota, nth_of_a_set(i))->bucket[QUOTA_BYTES] = i == 3 ? 5 : 100 + i;
        quota_row(&quota, nth_of_a_set(i))->bucket[QUOTA_JOINS] = 7;
    }
    assert_int_equal(quota_row(&quota, nth_of_a_set(8))->bucket[QUOTA_BYTES], 0);
    quota_row(&quota, nth_of_a_set(8))->bucket[QUOTA_SIGNALS] = 1000;
    for (i = 0; i < 9; i++) {
        if (i != 3)
            assert_int_equal(quota_row(&quota, nth_of_a_set(i))->of, nth_of_a_set(i));
        if (i != 3 && i != 8)
            assert_int_equal(quota_row(&quota, nth_of_a_set(i))->bucket[QUOTA_BYTES], 100 + i);
    }
    assert_int_equal(quota_row(&quota, nth_of_a_set(3))->bucket[QUOTA_BYTES], 0);
    quota_deinit(&quota);
}

/* However many come by, those that owe something are remembered while there is one that does not. */
static void test_a_crowd_of_full_ones_drives_nobody_out(void **state)
{
    struct quota quota = {0};
    uint64_t of;

    (void)state;
    quota_row(&quota, 1)->bucket[QUOTA_MESSAGES] = INT64_MAX;
    for (of = 2; of < 20 * QUOTA_ROWS; of++)
        quota_row(&quota, of);
    assert_true(quota_row(&quota, 1)->bucket[QUOTA_MESSAGES] == INT64_MAX);
    quota_deinit(&quota);
}

static void test_an_empty_one_is_freed(void **state)
{
    struct quota quota = {0};

    (void)state;
    quota_deinit(&quota);
    assert_null(quota.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_number_is_siphash),
        cmocka_unit_test(test_a_row_is_found_again),
        cmocka_unit_test(test_what_is_full_soonest_gives_way),
        cmocka_unit_test(test_a_crowd_of_full_ones_drives_nobody_out),
        cmocka_unit_test(test_an_empty_one_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
