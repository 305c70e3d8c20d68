/* SPDX-License-Identifier: MIT */
/* The timer wheel: seconds, limits, callbacks that change it, and a long random run against a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/wheel.h"

#include <string.h>

#define ENTRIES 200
#define FOREVER UINT32_MAX

struct fixture {
    struct wheel wheel;
    struct wheel_link links[ENTRIES];
    uint32_t popped[ENTRIES * 2];
    unsigned popped_count;
    uint32_t now_s;
    void (*then)(struct fixture *f, uint32_t index);
};

static struct wheel_link *find(void *ctx, uint32_t index)
{
    struct fixture *f = ctx;
    assert_true(index < ENTRIES);
    return &f->links[index];
}

static void setup(struct fixture *f, uint32_t now_s)
{
    memset(f, 0, sizeof *f);
    for (unsigned i = 0; i < ENTRIES; i++) {
        wheel_link_init(&f->links[i]);
    }
    f->now_s = now_s;
    wheel_init(&f->wheel, now_s, find, f);
    assert_true(wheel_check(&f->wheel));
}

static void on_due(void *arg, uint32_t index)
{
    struct fixture *f = arg;
    assert_int_equal(f->links[index].slot, 0xff);
    assert_true(f->popped_count < sizeof f->popped / sizeof *f->popped);
    f->popped[f->popped_count++] = index;
    if (f->then != NULL) {
        f->then(f, index);
    }
    assert_true(wheel_check(&f->wheel));
}

static unsigned advance(struct fixture *f, uint32_t now_s, unsigned max)
{
    f->popped_count = 0;
    f->now_s = now_s;
    unsigned n = wheel_advance(&f->wheel, now_s, max, on_due, f);
    assert_int_equal(n, f->popped_count);
    assert_true(n <= max);
    assert_true(wheel_check(&f->wheel));
    return n;
}

static void fires_in_its_second(void **state)
{
    (void)state;
    struct fixture f;
    for (uint32_t start = 1000; start < 1070; start++) {
        for (uint32_t ahead = 1; ahead <= 63; ahead++) {
            setup(&f, start);
            wheel_arm(&f.wheel, 7, start + ahead);
            assert_true(wheel_check(&f.wheel));
            assert_int_equal(advance(&f, start + ahead - 1, 100), 0);
            assert_int_equal(advance(&f, start + ahead, 100), 1);
            assert_int_equal(f.popped[0], 7);
            assert_int_equal(advance(&f, start + ahead + 200, 100), 0);
        }
    }
}

static void second_by_second(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 50);
    for (uint32_t i = 0; i < 60; i++) {
        wheel_arm(&f.wheel, i, 51 + i);
    }
    for (uint32_t i = 0; i < 60; i++) {
        assert_int_equal(advance(&f, 51 + i, 100), 1);
        assert_int_equal(f.popped[0], i);
    }
}

static void skipped_seconds_pop_in_order(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 60);
    wheel_arm(&f.wheel, 3, 75);
    wheel_arm(&f.wheel, 1, 63);
    wheel_arm(&f.wheel, 2, 70);
    wheel_arm(&f.wheel, 4, 81);
    assert_int_equal(advance(&f, 80, 100), 3);
    assert_int_equal(f.popped[0], 1);
    assert_int_equal(f.popped[1], 2);
    assert_int_equal(f.popped[2], 3);
    assert_int_equal(advance(&f, 81, 100), 1);
}

static void the_past_is_due_at_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 500);
    wheel_arm(&f.wheel, 1, 500);
    wheel_arm(&f.wheel, 2, 3);
    assert_int_equal(advance(&f, 500, 100), 2);
}

static void too_far_is_63_seconds(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    wheel_arm(&f.wheel, 1, 10 + 64);
    wheel_arm(&f.wheel, 2, FOREVER);
    assert_int_equal(advance(&f, 72, 100), 0);
    assert_int_equal(advance(&f, 73, 100), 2);
}

static void arming_again_moves(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    wheel_arm(&f.wheel, 1, 20);
    wheel_arm(&f.wheel, 1, 30);
    assert_int_equal(advance(&f, 29, 100), 0);
    wheel_arm(&f.wheel, 1, 30);
    assert_int_equal(advance(&f, 30, 100), 1);
    wheel_arm(&f.wheel, 1, 50);
    wheel_arm(&f.wheel, 1, 40);
    assert_int_equal(advance(&f, 40, 100), 1);
    assert_int_equal(advance(&f, 50, 100), 0);
}

static void cancel_anywhere_in_a_list(void **state)
{
    (void)state;
    struct fixture f;
    for (uint32_t gone = 0; gone < 4; gone++) {
        setup(&f, 10);
        for (uint32_t i = 0; i < 4; i++) {
            wheel_arm(&f.wheel, i, 15);
        }
        wheel_cancel(&f.wheel, gone);
        wheel_cancel(&f.wheel, gone); /* twice does no harm */
        assert_true(wheel_check(&f.wheel));
        assert_int_equal(advance(&f, 15, 100), 3);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_not_equal(f.popped[i], gone);
        }
    }
    setup(&f, 10);
    wheel_cancel(&f.wheel, 9); /* never armed */
    wheel_arm(&f.wheel, 9, 12);
    wheel_cancel(&f.wheel, 9);
    assert_true(f.wheel.filled == 0);
    assert_int_equal(advance(&f, 12, 100), 0);
}

static void max_leaves_the_rest_due(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    for (uint32_t i = 0; i < 100; i++) {
        wheel_arm(&f.wheel, i, 12 + i % 3);
    }
    bool seen[ENTRIES] = {false};
    unsigned total = 0;
    assert_int_equal(advance(&f, 14, 0), 0);
    for (unsigned calls = 0; calls < 10; calls++) {
        assert_int_equal(advance(&f, 14 + calls / 5, 10), 10);
        for (unsigned i = 0; i < f.popped_count; i++) {
            assert_false(seen[f.popped[i]]);
            seen[f.popped[i]] = true;
            total++;
        }
    }
    assert_int_equal(total, 100);
    assert_int_equal(advance(&f, 15, 10), 0);
}

static void left_over_entries_can_be_cancelled_and_moved(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    for (uint32_t i = 0; i < 5; i++) {
        wheel_arm(&f.wheel, i, 12);
    }
    assert_int_equal(advance(&f, 12, 1), 1);
    uint32_t first = f.popped[0];
    for (uint32_t i = 0; i < 5; i++) {
        if (i == (first + 1) % 5) {
            wheel_cancel(&f.wheel, i);
        } else if (i == (first + 2) % 5) {
            wheel_arm(&f.wheel, i, 40);
        }
        assert_true(wheel_check(&f.wheel));
    }
    assert_int_equal(advance(&f, 12, 100), 2);
    assert_int_equal(advance(&f, 39, 100), 0);
    assert_int_equal(advance(&f, 40, 100), 1);
}

static void a_jump_of_the_clock_makes_all_due(void **state)
{
    (void)state;
    struct fixture f;
    for (uint32_t jump = 63; jump < 200; jump++) {
        setup(&f, 10);
        for (uint32_t i = 0; i < 64; i++) {
            wheel_arm(&f.wheel, i, 10 + i);
        }
        assert_int_equal(advance(&f, 10 + jump, 1000), 64);
        wheel_arm(&f.wheel, 1, 10 + jump + 63);
        assert_int_equal(advance(&f, 10 + jump + 62, 1000), 0);
        assert_int_equal(advance(&f, 10 + jump + 63, 1000), 1);
    }
}

static void a_clock_that_goes_back_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 100);
    wheel_arm(&f.wheel, 1, 105);
    assert_int_equal(advance(&f, 50, 100), 0);
    assert_int_equal(advance(&f, 104, 100), 0);
    assert_int_equal(advance(&f, 105, 100), 1);
}

static void rearm_for_now(struct fixture *f, uint32_t index)
{
    wheel_arm(&f->wheel, index, f->now_s);
}

static void arming_for_now_ends(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    f.then = rearm_for_now;
    for (uint32_t i = 0; i < 3; i++) {
        wheel_arm(&f.wheel, i, 11 + i);
    }
    unsigned n = advance(&f, 13, 1000);
    assert_true(n >= 3 && n <= 6);
    assert_int_equal(advance(&f, 13, 1000), 3);
    assert_int_equal(advance(&f, 14, 1000), 3 + 3); /* those of 13, and those again at 14 */
    assert_int_equal(advance(&f, 14, 1000), 3);
}

static void rearm_25(struct fixture *f, uint32_t index)
{
    wheel_arm(&f->wheel, index, f->now_s + 25);
}

static void keep_alive_goes_round(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0);
    f.then = rearm_25;
    wheel_arm(&f.wheel, 5, 25);
    unsigned pings = 0;
    for (uint32_t now = 1; now <= 1000; now++) {
        pings += advance(&f, now, 10);
    }
    assert_int_equal(pings, 40);
}

static void cancel_neighbours(struct fixture *f, uint32_t index)
{
    wheel_cancel(&f->wheel, (index + 1) % 10);
    wheel_cancel(&f->wheel, (index + 9) % 10);
    wheel_cancel(&f->wheel, index);
}

static void due_may_cancel_others(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    f.then = cancel_neighbours;
    for (uint32_t i = 0; i < 10; i++) {
        wheel_arm(&f.wheel, i, 12);
    }
    unsigned n = advance(&f, 12, 100);
    assert_true(n >= 4 && n <= 5);
    assert_true(f.wheel.filled == 0 && f.wheel.due == WHEEL_NONE);
}

static void arm_the_next(struct fixture *f, uint32_t index)
{
    if (index + 1 < 10) {
        wheel_arm(&f->wheel, index + 1, f->now_s + 30);
    }
}

static void due_may_move_others(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    f.then = arm_the_next;
    for (uint32_t i = 10; i-- > 0;) {
        wheel_arm(&f.wheel, i, 12); /* so that 0 is popped first */
    }
    assert_int_equal(advance(&f, 12, 100), 5);
    assert_int_equal(advance(&f, 41, 100), 0);
    f.then = NULL;
    assert_int_equal(advance(&f, 42, 100), 5);
}

/* Under a small `max` with everything re-armed for later, no entry fires late by more than the backlog
   explains, and none is lost. */
static void backlog_drains(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0);
    f.then = rearm_25;
    unsigned fired[ENTRIES] = {0};
    for (uint32_t i = 0; i < ENTRIES; i++) {
        wheel_arm(&f.wheel, i, 25);
    }
    for (uint32_t now = 1; now <= 25 * 8; now++) {
        advance(&f, now, 20);
        for (unsigned i = 0; i < f.popped_count; i++) {
            fired[f.popped[i]]++;
        }
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        assert_in_range(fired[i], 5, 8);
    }
}

/* The wheel and a plain array of times do the same for 200,000 random steps. */
static void random_steps(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t wanted[ENTRIES];
    uint32_t now = 77;
    uint32_t random = 12345;
    setup(&f, now);
    memset(wanted, 0xff, sizeof wanted);
    for (unsigned step = 0; step < 200000; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t index = (random >> 8) % ENTRIES;
        uint32_t arg = random >> 20;
        switch (random >> 16 & 7) {
        case 0:
            wheel_cancel(&f.wheel, index);
            wanted[index] = FOREVER;
            break;
        case 1: {
            now += arg % 100 == 0 ? 100 : arg % 4;
            uint32_t expected = 0;
            for (uint32_t i = 0; i < ENTRIES; i++) {
                expected += wanted[i] <= now;
            }
            assert_int_equal(advance(&f, now, ENTRIES), expected);
            for (unsigned i = 0; i < f.popped_count; i++) {
                assert_true(wanted[f.popped[i]] <= now);
                wanted[f.popped[i]] = FOREVER;
            }
            break;
        }
        default:
            wheel_arm(&f.wheel, index, now + arg % 64);
            wanted[index] = now + arg % 64;
            break;
        }
    }
    assert_true(wheel_check(&f.wheel));
}

static void check_finds_faults(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 10);
    wheel_arm(&f.wheel, 1, 12);
    wheel_arm(&f.wheel, 2, 12);
    struct fixture sound = f;
    f.wheel.filled = 0;
    assert_false(wheel_check(&f.wheel));
    f = sound;
    f.wheel.filled |= 1;
    assert_false(wheel_check(&f.wheel));
    f = sound;
    f.links[1].prev = WHEEL_NONE;
    assert_false(wheel_check(&f.wheel));
    f = sound;
    f.links[1].next = 2; /* a loop */
    assert_false(wheel_check(&f.wheel));
    f = sound;
    f.links[2].slot = 13;
    assert_false(wheel_check(&f.wheel));
    f = sound;
    f.wheel.from_s = 11;
    assert_false(wheel_check(&f.wheel));
    f = sound;
    assert_true(wheel_check(&f.wheel));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_in_its_second),
        cmocka_unit_test(second_by_second),
        cmocka_unit_test(skipped_seconds_pop_in_order),
        cmocka_unit_test(the_past_is_due_at_once),
        cmocka_unit_test(too_far_is_63_seconds),
        cmocka_unit_test(arming_again_moves),
        cmocka_unit_test(cancel_anywhere_in_a_list),
        cmocka_unit_test(max_leaves_the_rest_due),
        cmocka_unit_test(left_over_entries_can_be_cancelled_and_moved),
        cmocka_unit_test(a_jump_of_the_clock_makes_all_due),
        cmocka_unit_test(a_clock_that_goes_back_changes_nothing),
        cmocka_unit_test(arming_for_now_ends),
        cmocka_unit_test(keep_alive_goes_round),
        cmocka_unit_test(due_may_cancel_others),
        cmocka_unit_test(due_may_move_others),
        cmocka_unit_test(backlog_drains),
        cmocka_unit_test(random_steps),
        cmocka_unit_test(check_finds_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
