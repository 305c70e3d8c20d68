/* SPDX-License-Identifier: MIT */
/* Connections by client address: who counts as one, who is not counted, and that places come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/crowd.h"

/* Whether there is a second place for `b` beside `a`, of one. */
static bool is_one(const char *a, const char *b)
{
    struct crowd crowd = {0};
    struct crowd_row *first, *second;
    bool is_refused;

    assert_true(crowd_enter(&crowd, a, 1, &first));
    is_refused = !crowd_enter(&crowd, b, 1, &second);
    crowd_leave(&crowd, &first);
    crowd_leave(&crowd, &second);
    assert_null(crowd.rows);
    return is_refused;
}

static void test_who_counts_as_one(void **state)
{
    (void)state;
    assert_true(is_one("203.0.113.1", "203.0.113.1"));
    assert_true(is_one("203.0.113.1", "::ffff:203.0.113.1"));
    assert_false(is_one("203.0.113.1", "203.0.113.2"));
    assert_true(is_one("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert_false(is_one("2001:db8:0:1::1", "2001:db8:0:2::1"));
}

static void test_who_is_not_counted(void **state)
{
    static const char *const all[] = {
        "127.0.0.1", "10.1.2.3", "172.18.0.1", "192.168.1.1",  "169.254.0.1",
        "::1",       "fd00::1",  "fe80::1",    "fe80::1%eth0", "a/socket/of/files",
        ""};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_false(is_one(all[i], all[i]));
}

static void test_places_come_back(void **state)
{
    struct crowd crowd = {0};
    struct crowd_row *place[3];
    struct crowd_row *one_more;
    int i;

    (void)state;
    for (i = 0; i < 3; i++)
        assert_true(crowd_enter(&crowd, "203.0.113.1", 3, &place[i]));
    for (i = 0; i < 10; i++) {
        assert_false(crowd_enter(&crowd, "203.0.113.1", 3, &one_more));
        assert_null(one_more);
        crowd_leave(&crowd, &one_more);
    }
    crowd_leave(&crowd, &place[1]);
    assert_null(place[1]);
    assert_true(crowd_enter(&crowd, "203.0.113.1", 3, &place[1]));
    assert_true(crowd_enter(&crowd, "203.0.113.1", 0, &one_more));
    crowd_leave(&crowd, &one_more);
    for (i = 0; i < 3; i++)
        crowd_leave(&crowd, &place[i]);
    assert_null(crowd.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_counts_as_one),
        cmocka_unit_test(test_who_is_not_counted),
        cmocka_unit_test(test_places_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
