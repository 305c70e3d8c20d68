/* SPDX-License-Identifier: MIT */
/* A connection's channels: one in place, more in an array, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/membership.h"

enum { CHANNELS = 20 };

static char there[CHANNELS]; /* their addresses are the channels */

static struct channel *channel(unsigned i)
{
    return (struct channel *)(void *)&there[i];
}

static uint32_t place_of(struct memberships *m, unsigned i)
{
    const uint32_t *place = memberships_place(m, channel(i));

    return place != NULL ? *place : UINT32_MAX;
}

static void one_needs_no_array(void **state)
{
    struct memberships m = {0};

    (void)state;
    assert_null(memberships_place(&m, channel(0)));
    assert_null(memberships_any(&m));
    memberships_add(&m, channel(0), 7);
    assert_int_equal(m.n, 1);
    assert_ptr_equal(m.in.only, channel(0));
    assert_int_equal(place_of(&m, 0), 7);
    assert_null(memberships_place(&m, channel(1)));
    *memberships_place(&m, channel(0)) = 9;
    assert_int_equal(place_of(&m, 0), 9);
    assert_ptr_equal(memberships_any(&m), channel(0));
    memberships_remove(&m, channel(0));
    assert_int_equal(m.n, 0);
    assert_null(memberships_place(&m, channel(0)));
}

static void either_of_two_may_stay(void **state)
{
    unsigned goes;

    (void)state;
    for (goes = 0; goes < 2; goes++) {
        struct memberships m = {0};

        memberships_add(&m, channel(0), 10);
        memberships_add(&m, channel(1), 11);
        assert_int_equal(place_of(&m, 0), 10);
        assert_int_equal(place_of(&m, 1), 11);
        memberships_remove(&m, channel(goes));
        assert_int_equal(m.n, 1);
        assert_int_equal(place_of(&m, 1 - goes), 11 - goes);
        assert_int_equal(place_of(&m, goes), UINT32_MAX);
        memberships_remove(&m, channel(1 - goes));
    }
}

/* Every number of them is reached from above and from below, in an array that grew for more and for fewer. */
static void they_come_and_go(void **state)
{
    struct memberships m = {0};
    unsigned round, i, n;

    (void)state;
    for (round = 1; round <= CHANNELS; round++) {
        for (n = m.n; n < round; n++)
            memberships_add(&m, channel(n), n * 2);
        for (i = 0; i < CHANNELS; i++)
            assert_int_equal(place_of(&m, i), i < n ? i * 2 : UINT32_MAX);
        while (m.n > round / 2)
            memberships_remove(&m, channel(m.n - 1));
    }
    while (m.n > 0)
        memberships_remove(&m, memberships_any(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_needs_no_array),
        cmocka_unit_test(either_of_two_may_stay),
        cmocka_unit_test(they_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
