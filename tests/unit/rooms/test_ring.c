/* SPDX-License-Identifier: MIT */
/* Rings: order without holes, the budget, who gives way, and that every frame is given back once. */
#include "ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static size_t released;

static void release(void *arg, chatd_frame *frame)
{
    assert_ptr_equal(arg, &released);
    assert_int_not_equal(frame->v, 0);
    frame->v = 0;
    released++;
}

static struct ring_budget budget_of(size_t max)
{
    released = 0;
    return (struct ring_budget){.max = max, .release = release, .arg = &released};
}

static void push(struct ring *ring, uint64_t seq)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "{\"n\":%llu}", (unsigned long long)seq);
    struct ring_entry *entry =
        ring_push(ring, seq, (int64_t)seq * 10, (chatd_str){text, (size_t)n});

    assert_non_null(entry);
    assert_int_equal(entry->seq, seq);
}

/* Everything from first to last is where it belongs, and nothing else is here. */
static void check(struct ring *ring, uint64_t first, uint64_t last)
{
    uint64_t seq;

    assert_int_equal(ring_first(ring), first);
    assert_int_equal(ring->last, last);
    assert_int_equal(ring->n, last + 1 - first);
    assert_null(ring_find(ring, first - 1));
    assert_null(ring_find(ring, last + 1));
    for (seq = first; seq <= last; seq++) {
        char text[32];

        snprintf(text, sizeof(text), "{\"n\":%llu}", (unsigned long long)seq);
        assert_int_equal(ring_find(ring, seq)->seq, seq);
        assert_int_equal(ring_find(ring, seq)->ts, seq * 10);
        assert_string_equal(ring_find(ring, seq)->record, text);
    }
}

static void keeps_the_latest(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;
    uint64_t seq;

    (void)state;
    ring_init(&ring, &budget);
    check(&ring, 1, 0);
    for (seq = 1; seq <= 3 * RING_ENTRIES_MAX; seq++) {
        push(&ring, seq);
        check(&ring, seq > RING_ENTRIES_MAX ? seq - RING_ENTRIES_MAX + 1 : 1, seq);
    }
    ring_deinit(&ring);
    assert_int_equal(budget.bytes, 0);
    assert_null(budget.rings);
}

static void a_page_goes_in_front(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;
    uint64_t seq;

    (void)state;
    ring_init(&ring, &budget);
    ring_start(&ring, 100);
    push(&ring, 101);
    for (seq = 100; seq > 50; seq--) {
        char text[32];
        int n = snprintf(text, sizeof(text), "{\"n\":%llu}", (unsigned long long)seq);

        assert_int_equal(
            ring_push_front(&ring, seq, (int64_t)seq * 10, (chatd_str){text, (size_t)n}), CHATD_OK);
    }
    check(&ring, 51, 101);
    assert_int_equal(ring_push_front(&ring, 49, 0, CHATD_STR("{}")), CHATD_E_INVAL);
    assert_int_equal(ring_push_front(&ring, 51, 0, CHATD_STR("{}")), CHATD_E_INVAL);
    check(&ring, 51, 101);
    for (seq = 102; seq <= 306; seq++)
        push(&ring, seq);
    check(&ring, 51, 306);
    assert_int_equal(ring_push_front(&ring, 50, 0, CHATD_STR("{}")), CHATD_E_BUSY);
    ring_deinit(&ring);
}

static void nothing_is_before_the_first_record(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;

    (void)state;
    ring_init(&ring, &budget);
    push(&ring, 1);
    assert_int_equal(ring_push_front(&ring, 0, 0, CHATD_STR("{}")), CHATD_E_INVAL);
    ring_deinit(&ring);
}

static void a_hole_empties_it(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;

    (void)state;
    ring_init(&ring, &budget);
    push(&ring, 1);
    push(&ring, 2);
    push(&ring, 4);
    check(&ring, 4, 4);
    ring_start(&ring, 9);
    check(&ring, 10, 9);
    push(&ring, 10);
    check(&ring, 10, 10);
    ring_deinit(&ring);
}

static void covers_what_it_has_or_all_there_is(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;
    uint64_t seq;

    (void)state;
    ring_init(&ring, &budget);
    assert_true(ring_covers(&ring, 0));
    assert_false(ring_covers(&ring, 1));
    ring.is_whole = true;
    assert_true(ring_covers(&ring, 50));
    for (seq = 1; seq <= RING_ENTRIES_MAX; seq++)
        push(&ring, seq);
    assert_true(ring_covers(&ring, 1000));
    push(&ring, seq); /* the first record is no longer here */
    assert_true(ring_covers(&ring, RING_ENTRIES_MAX));
    assert_false(ring_covers(&ring, RING_ENTRIES_MAX + 1));
    ring_deinit(&ring);
}

static void frames_are_counted_and_given_back(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;
    size_t before;

    (void)state;
    ring_init(&ring, &budget);
    push(&ring, 1);
    push(&ring, 2);
    before = budget.bytes;
    ring_set_frame(&ring, ring_find(&ring, 1), DIALECT_CLASSIC, (chatd_frame){7}, 100);
    ring_set_frame(&ring, ring_find(&ring, 2), DIALECT_CLASSIC, (chatd_frame){0}, 0);
    assert_int_equal(budget.bytes, before + 100);
    assert_true(ring_find(&ring, 2)->dialect[DIALECT_CLASSIC].is_made);
    ring_deinit(&ring);
    assert_int_equal(released, 1);
    assert_int_equal(budget.bytes, 0);
}

static void the_least_recently_used_gives_way(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring a, b, c;
    size_t one;

    (void)state;
    ring_init(&a, &budget);
    ring_init(&b, &budget);
    ring_init(&c, &budget);
    push(&a, 1);
    one = budget.bytes;
    push(&a, 2);
    push(&b, 1);
    push(&b, 2);
    push(&c, 1);
    push(&c, 2);
    ring_touch(&a); /* b is now the oldest */
    budget.max = 5 * one;
    ring_budget_enforce(&budget);
    check(&b, 2, 2);
    ring_pin(&b);
    budget.max = 2 * one;
    ring_budget_enforce(&budget);
    check(&a, 2, 2); /* c went first, then one of a; b is pinned */
    check(&b, 2, 2);
    check(&c, 3, 2);
    ring_unpin(&b);
    budget.max = 0;
    ring_budget_enforce(&budget);
    assert_int_equal(budget.bytes, 0);
    assert_null(budget.rings);
    push(&b, 3); /* the position was kept */
    check(&b, 3, 3);
    ring_deinit(&a);
    ring_deinit(&b);
    ring_deinit(&c);
}

static int push_front(struct ring *ring, uint64_t seq)
{
    return ring_push_front(ring, seq, (int64_t)seq * 10, CHATD_STR("{}"));
}

static void what_was_deleted_goes_and_stays_away(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;
    uint64_t seq;

    (void)state;
    ring_init(&ring, &budget);
    ring_start(&ring, 10);
    for (seq = 11; seq <= 20; seq++)
        push(&ring, seq);
    ring_drop_before(&ring, 5); /* of what was deleted there is nothing here */
    check(&ring, 11, 20);
    assert_false(ring_covers(&ring, 11));
    ring_pin(&ring);
    ring_drop_before(&ring, 15);
    ring_unpin(&ring);
    check(&ring, 15, 20);
    assert_true(ring_covers(&ring, 200)); /* that is all there is */
    ring_drop_before(&ring, 12);          /* late news */
    check(&ring, 15, 20);
    assert_int_equal(push_front(&ring, 14), CHATD_E_INVAL);
    check(&ring, 15, 20);
    ring_deinit(&ring);
    assert_int_equal(budget.bytes, 0);
}

static void all_of_it_may_be_deleted(void **state)
{
    struct ring_budget budget = budget_of(1 << 20);
    struct ring ring;

    (void)state;
    ring_init(&ring, &budget);
    push(&ring, 1);
    push(&ring, 2);
    ring_drop_before(&ring, 3);
    check(&ring, 3, 2);
    assert_true(ring_covers(&ring, 50));
    assert_null(budget.rings);
    push(&ring, 3); /* numbers go on */
    check(&ring, 3, 3);
    assert_true(ring_covers(&ring, 50));
    /* It stands behind what was deleted: 4 and 5 will not come any more, or are on their way. */
    ring_drop_before(&ring, 6);
    check(&ring, 4, 3);
    push(&ring, 4);
    ring_drop_before(&ring, ring.floor);
    check(&ring, 5, 4);
    ring_start(&ring, 5);
    push(&ring, 6);
    check(&ring, 6, 6);
    assert_true(ring_covers(&ring, 50));
    budget.max = 0; /* what gives way to others is still in the store */
    ring_budget_enforce(&budget);
    assert_false(ring_covers(&ring, 50));
    ring_deinit(&ring);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_latest),
        cmocka_unit_test(a_page_goes_in_front),
        cmocka_unit_test(nothing_is_before_the_first_record),
        cmocka_unit_test(a_hole_empties_it),
        cmocka_unit_test(covers_what_it_has_or_all_there_is),
        cmocka_unit_test(frames_are_counted_and_given_back),
        cmocka_unit_test(the_least_recently_used_gives_way),
        cmocka_unit_test(what_was_deleted_goes_and_stays_away),
        cmocka_unit_test(all_of_it_may_be_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
