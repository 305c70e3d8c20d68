/* SPDX-License-Identifier: MIT */
/* The token bucket: a burst, what comes back with time, and how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/bucket.h"

static void test_a_burst_then_the_rate(void **state)
{
    struct bucket b = {0};
    int i;

    (void)state;
    for (i = 0; i < 10; i++)
        assert_int_equal(bucket_take(&b, 5, 10, 1, 1000), 0);
    assert_int_equal(bucket_take(&b, 5, 10, 1, 1000), 200);
    assert_int_equal(bucket_take(&b, 5, 10, 1, 1150), 50);
    assert_int_equal(bucket_take(&b, 5, 10, 1, 1200), 0);
    assert_int_equal(bucket_take(&b, 5, 10, 1, 1200), 200);
}

static void test_it_holds_no_more_than_its_burst(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(bucket_take(&b, 5, 10, 10, 1), 0);
    assert_int_equal(bucket_take(&b, 5, 10, 10, 1 + 86400000), 0);
    assert_int_not_equal(bucket_take(&b, 5, 10, 1, 1 + 86400000), 0);
}

static void test_several_at_once_are_all_or_none(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(bucket_take(&b, 10, 10, 8, 1), 0);
    assert_int_equal(bucket_take(&b, 10, 10, 3, 1), 100);
    assert_int_equal(bucket_take(&b, 10, 10, 2, 1), 0);
}

static void test_0_is_no_limit(void **state)
{
    struct bucket b = {0};

    (void)state;
    assert_int_equal(bucket_take(&b, 0, 0, 1000000, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_the_rate),
        cmocka_unit_test(test_it_holds_no_more_than_its_burst),
        cmocka_unit_test(test_several_at_once_are_all_or_none),
        cmocka_unit_test(test_0_is_no_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
