/* SPDX-License-Identifier: MIT */
/* The table of who types where: throttle, expiry, bounds. */
#include "typists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define THROTTLE 2000
#define EXPIRE   6000

static const chatd_conn alice = {1}, bob = {2};

static void tells_at_once_then_throttles(void **state)
{
    struct typist_table table = {NULL};
    struct typist_list list = {NULL};
    chatd_str room = CHATD_STR("general");

    (void)state;
    assert_true(typist_heard(&table, &list, alice, room, 10000, THROTTLE));
    assert_false(typist_heard(&table, &list, alice, room, 11999, THROTTLE));
    assert_true(typist_heard(&table, &list, alice, room, 12000, THROTTLE));
    assert_true(typist_heard(&table, &list, alice, CHATD_STR("other"), 12000, THROTTLE));
    assert_non_null(list.first->sibling);
    typist_remove_all(&table, &list);
    assert_null(table.oldest);
    assert_null(list.first);
}

/* At time 0 too: the first signal is not mistaken for a repeat. */
static void the_first_is_told_at_any_time(void **state)
{
    struct typist_table table = {NULL};
    struct typist_list list = {NULL};

    (void)state;
    assert_true(typist_heard(&table, &list, alice, CHATD_STR("r"), 0, THROTTLE));
    typist_remove_all(&table, &list);
}

static void a_throttled_repeat_still_counts_against_expiry(void **state)
{
    struct typist_table table = {NULL};
    struct typist_list a = {NULL}, b = {NULL};
    chatd_str room = CHATD_STR("r");

    (void)state;
    typist_heard(&table, &a, alice, room, 1000, THROTTLE);
    typist_heard(&table, &b, bob, room, 1500, THROTTLE);
    typist_heard(&table, &a, alice, room, 2000, THROTTLE);
    assert_null(typist_expired(&table, 7499 - EXPIRE));
    assert_int_equal(typist_expired(&table, 7500 - EXPIRE)->conn.v, bob.v);
    typist_remove(&table, &b, typist_expired(&table, 7500 - EXPIRE));
    assert_null(typist_expired(&table, 7999 - EXPIRE));
    assert_int_equal(typist_expired(&table, 8000 - EXPIRE)->conn.v, alice.v);
    typist_remove_all(&table, &a);
}

static void stopping_is_told_once_and_cannot_be_flapped(void **state)
{
    struct typist_table table = {NULL};
    struct typist_list list = {NULL};
    chatd_str room = CHATD_STR("r");

    (void)state;
    assert_false(typist_stopped(&list, room));
    typist_heard(&table, &list, alice, room, 1000, THROTTLE);
    assert_true(typist_stopped(&list, room));
    assert_false(typist_stopped(&list, room));
    assert_false(typist_heard(&table, &list, alice, room, 1001, THROTTLE));
    assert_false(typist_stopped(&list, room));
    assert_true(typist_heard(&table, &list, alice, room, 3000, THROTTLE));
    typist_remove_all(&table, &list);
}

static void a_connection_types_in_so_many_rooms_only(void **state)
{
    struct typist_table table = {NULL};
    struct typist_list list = {NULL};
    unsigned i;

    (void)state;
    for (i = 0; i <= TYPIST_ROOMS_MAX; i++) {
        char name[16];
        int n = snprintf(name, sizeof(name), "room%u", i);
        bool is_told =
            typist_heard(&table, &list, alice, (chatd_str){name, (size_t)n}, 1000, THROTTLE);

        assert_int_equal(is_told, i < TYPIST_ROOMS_MAX);
    }
    typist_remove(&table, &list, typist_find(&list, CHATD_STR("room7")));
    assert_null(typist_find(&list, CHATD_STR("room7")));
    assert_true(typist_heard(&table, &list, alice, CHATD_STR("late"), 1000, THROTTLE));
    typist_remove_all(&table, &list);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_at_once_then_throttles),
        cmocka_unit_test(the_first_is_told_at_any_time),
        cmocka_unit_test(a_throttled_repeat_still_counts_against_expiry),
        cmocka_unit_test(stopping_is_told_once_and_cannot_be_flapped),
        cmocka_unit_test(a_connection_types_in_so_many_rooms_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
