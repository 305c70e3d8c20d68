/* SPDX-License-Identifier: MIT */
/* chatd/bucket.h: a burst, what comes back with time, and how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include <chatd/bucket.h>

static void test_a_burst_then_the_rate(void **state)
{
    int64_t b = 0;
    int i;

    (void)state;
    for (i = 0; i < 10; i++)
        assert_int_equal(chatd_bucket_take(&b, 5, 10, 1, 1000), 0);
    assert_int_equal(chatd_bucket_take(&b, 5, 10, 1, 1000), 200);
    assert_int_equal(chatd_bucket_take(&b, 5, 10, 1, 1150), 50);
    assert_int_equal(chatd_bucket_take(&b, 5, 10, 1, 1200), 0);
    assert_int_equal(chatd_bucket_take(&b, 5, 10, 1, 1200), 200);
}

static void test_it_holds_no_more_than_its_burst(void **state)
{
    int64_t b = 0;

    (void)state;
    assert_int_equal(chatd_bucket_take(&b, 5, 10, 10, 1), 0);
    assert_int_equal(chatd_bucket_take(&b, 5, 10, 10, 1 + 86400000), 0);
    assert_int_not_equal(chatd_bucket_take(&b, 5, 10, 1, 1 + 86400000), 0);
}

static void test_several_at_once_are_all_or_none(void **state)
{
    int64_t b = 0;

    (void)state;
    assert_int_equal(chatd_bucket_take(&b, 10, 10, 8, 1), 0);
    assert_int_equal(chatd_bucket_take(&b, 10, 10, 3, 1), 100);
    assert_int_equal(chatd_bucket_take(&b, 10, 10, 2, 1), 0);
}

static void test_0_is_no_limit(void **state)
{
    int64_t b = 0;

    (void)state;
    assert_int_equal(chatd_bucket_take(&b, 0, 0, 1000000, 1), 0);
}

static void test_more_than_a_burst_never_fits(void **state)
{
    int64_t b = 0;

    (void)state;
    assert_int_equal(chatd_bucket_take(&b, 10, 10, 11, 1), UINT32_MAX);
    assert_int_equal(b, 0);
}

static void test_a_debt_comes_first(void **state)
{
    int64_t b = 0;

    (void)state;
    chatd_bucket_charge(&b, 10, 30, 1000);
    assert_int_equal(chatd_bucket_wait(b, 10, 10, 1, 1000), 2100);
    assert_int_equal(chatd_bucket_take(&b, 10, 10, 1, 3099), 1);
    assert_int_equal(chatd_bucket_take(&b, 10, 10, 1, 3100), 0);
}

/* Who asks takes nothing, and after the wait it was told it gets what it wants. */
static void test_the_wait_is_as_long_as_needed_and_no_longer(void **state)
{
    static const int64_t rates[] = {1, 3, 7, 1000, 999983, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        int64_t rate = rates[i], now = INT64_C(1) << 40, b = 0;
        uint32_t wait_ms;

        assert_int_equal(chatd_bucket_take(&b, rate, rate, rate, now), 0);
        wait_ms = chatd_bucket_wait(b, rate, rate, (rate + 1) / 2, now);
        assert_in_range(wait_ms, 400, 1000);
        assert_int_equal(chatd_bucket_take(&b, rate, rate, (rate + 1) / 2, now + wait_ms - 1), 1);
        assert_int_equal(chatd_bucket_take(&b, rate, rate, (rate + 1) / 2, now + wait_ms), 0);
    }
}

/* One that is not after now can be forgotten. */
static void test_a_full_one_is_in_the_past(void **state)
{
    int64_t b = 0;

    (void)state;
    chatd_bucket_charge(&b, 10, 5, 1000);
    assert_true(b > INT64_C(1499) * 1000000);
    assert_true(b <= INT64_C(1500) * 1000000);
}

static void test_a_changed_rate_changes_no_time(void **state)
{
    int64_t b = 0;

    (void)state;
    assert_int_equal(chatd_bucket_take(&b, 1, 10, 10, 1000), 0);
    assert_int_equal(chatd_bucket_wait(b, 1, 10, 1, 1000), 1000);
    assert_int_equal(chatd_bucket_wait(b, 10, 100, 1, 1000), 100);
    assert_int_equal(chatd_bucket_wait(b, 0, 0, 1, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_the_rate),
        cmocka_unit_test(test_it_holds_no_more_than_its_burst),
        cmocka_unit_test(test_several_at_once_are_all_or_none),
        cmocka_unit_test(test_0_is_no_limit),
        cmocka_unit_test(test_more_than_a_burst_never_fits),
        cmocka_unit_test(test_a_debt_comes_first),
        cmocka_unit_test(test_the_wait_is_as_long_as_needed_and_no_longer),
        cmocka_unit_test(test_a_full_one_is_in_the_past),
        cmocka_unit_test(test_a_changed_rate_changes_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
