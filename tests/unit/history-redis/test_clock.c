/* SPDX-License-Identifier: MIT */
/* A step ahead is doubted, and believed when it stays. */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WALL INT64_C(1790000000000)

/* What the clock says at a monotonic time, when it is `ahead_ms` of what it was at first. */
static int64_t at(struct clock *clock, int64_t mono_ms, int64_t ahead_ms, bool *began_out)
{
    return clock_judge(clock, WALL + mono_ms + ahead_ms, mono_ms, began_out);
}

static void test_nothing_is_old_at_first(void **state)
{
    struct clock clock;
    bool began;

    (void)state;
    clock_init(&clock, 5000);
    assert_true(at(&clock, 1000, 0, &began) == 0);
    assert_true(at(&clock, 5999, 0, &began) == 0);
    assert_true(at(&clock, 6000, 0, &began) == WALL + 6000);
    clock_init(&clock, INT64_C(365) * 86400000);
    at(&clock, 0, 0, &began);
    assert_true(at(&clock, CLOCK_DOUBT_MS - 1, 0, &began) == 0);
    assert_true(at(&clock, CLOCK_DOUBT_MS, 0, &began) == WALL + CLOCK_DOUBT_MS);
}

static void test_each_step_has_its_own_hour(void **state)
{
    const int64_t year = INT64_C(365) * 86400000;
    struct clock clock = {.is_set = false};
    bool began;

    (void)state;
    at(&clock, 0, 0, &began);
    at(&clock, 1000, 120000, &began); /* as after a pause of the machine */
    assert_true(began);
    assert_true(at(&clock, CLOCK_DOUBT_MS, year, &began) == WALL + CLOCK_DOUBT_MS);
    assert_true(began);
    assert_true(at(&clock, CLOCK_DOUBT_MS + 2000, year, &began) == WALL + CLOCK_DOUBT_MS + 2000);
    assert_false(began);
    assert_true(at(&clock, 2 * (int64_t)CLOCK_DOUBT_MS, year, &began) ==
                WALL + 2 * (int64_t)CLOCK_DOUBT_MS + year);
}

static void test_small_steps_and_steps_back_are_believed(void **state)
{
    struct clock clock = {.is_set = false};
    bool began;

    (void)state;
    assert_true(at(&clock, 1000, 0, &began) == WALL + 1000);
    assert_true(at(&clock, 2000, CLOCK_STEP_MS - 1, &began) == WALL + 2000 + CLOCK_STEP_MS - 1);
    assert_true(at(&clock, 3000, -86400000, &began) == WALL + 3000 - 86400000);
    assert_false(began);
}

static void test_a_step_ahead_is_doubted_for_an_hour(void **state)
{
    struct clock clock = {.is_set = false};
    const int64_t year = INT64_C(365) * 86400000;
    bool began;

    (void)state;
    at(&clock, 0, 0, &began);
    assert_true(at(&clock, 1000, year, &began) == WALL + 1000);
    assert_true(began);
    assert_true(at(&clock, 2000, year, &began) == WALL + 2000);
    assert_false(began); /* it is told once */
    assert_true(at(&clock, 999 + CLOCK_DOUBT_MS, year, &began) == WALL + 999 + CLOCK_DOUBT_MS);
    assert_true(at(&clock, 1000 + CLOCK_DOUBT_MS, year, &began) ==
                WALL + 1000 + CLOCK_DOUBT_MS + year);
}

static void test_a_clock_that_was_set_right_again_is_not_doubted(void **state)
{
    struct clock clock = {.is_set = false};
    bool began;

    (void)state;
    at(&clock, 0, 0, &began);
    at(&clock, 1000, 7200000, &began);
    assert_true(at(&clock, 2000, 0, &began) == WALL + 2000);
    at(&clock, CLOCK_DOUBT_MS, 7200000, &began);
    assert_true(began);
    assert_true(at(&clock, CLOCK_DOUBT_MS + 2000, 7200000, &began) == WALL + CLOCK_DOUBT_MS + 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_old_at_first),
        cmocka_unit_test(test_each_step_has_its_own_hour),
        cmocka_unit_test(test_small_steps_and_steps_back_are_believed),
        cmocka_unit_test(test_a_step_ahead_is_doubted_for_an_hour),
        cmocka_unit_test(test_a_clock_that_was_set_right_again_is_not_doubted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
