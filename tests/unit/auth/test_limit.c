/* SPDX-License-Identifier: MIT */
/* Tests of the bounded tables: tries by a text, and what is known of revoked tokens. */
#include "limit.h"
#include "network.h"
#include "revoked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void test_burst_then_refill(void **state)
{
    struct limit limit = {NULL};
    int i;

    (void)state;
    for (i = 0; i < 60; i++)
        assert_int_equal(limit_take(&limit, "192.0.2.1", 60, 0), 0);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 60, 0), 1000);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 60, 400), 600);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 60, 1000), 0);
    assert_int_not_equal(limit_take(&limit, "192.0.2.1", 60, 1000), 0);
    assert_int_equal(limit_take(&limit, "192.0.2.2", 60, 1000), 0);
    /* A long rest fills the bucket, and no more than that. */
    for (i = 0; i < 60; i++)
        assert_int_equal(limit_take(&limit, "192.0.2.1", 60, 90000000), 0);
    assert_int_not_equal(limit_take(&limit, "192.0.2.1", 60, 90000000), 0);
    limit_deinit(&limit);
}

static void test_tries_elsewhere(void **state)
{
    struct limit limit = {NULL};
    int i;

    (void)state;
    limit_note(&limit, "192.0.2.1", 2, 0);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 2, 0), 0);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 2, 0), 30000);
    /* Two more that passed elsewhere in the same instant are waited for, but no more than that. */
    limit_note(&limit, "192.0.2.1", 2, 0);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 2, 0), 60000);
    for (i = 0; i < 100; i++)
        limit_note(&limit, "192.0.2.1", 2, 0);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 2, 0), 90000);
    limit_note(&limit, "192.0.2.2", 0, 0);
    assert_int_equal(limit_take(&limit, "192.0.2.2", 1, 0), 0);
    limit_deinit(&limit);
}

static void test_off(void **state)
{
    struct limit limit = {NULL};
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)
        assert_int_equal(limit_take(&limit, "192.0.2.1", 0, 0), 0);
    assert_null(limit.rows);
}

static void test_given_back(void **state)
{
    struct limit limit = {NULL};

    (void)state;
    limit_give(&limit, "alice", 1, 0); /* never more than a full bucket */
    assert_int_equal(limit_take(&limit, "alice", 1, 0), 0);
    assert_int_equal(limit_take(&limit, "alice", 1, 0), 60000);
    limit_give(&limit, "alice", 1, 0);
    assert_int_equal(limit_take(&limit, "alice", 1, 0), 0);
    assert_int_equal(limit_take(&limit, "alice", 1, 0), 60000);
    limit_give(&limit, "alice", 0, 0);
    assert_int_equal(limit_take(&limit, "alice", 1, 0), 60000);
    limit_deinit(&limit);
}

static void test_a_rest_is_kept(void **state)
{
    struct limit limit = {NULL};
    int i;

    (void)state;
    for (i = 0; i < 6; i++)
        assert_int_equal(limit_take_leaving(&limit, "", 10, 4, 0), 0);
    assert_int_equal(limit_take_leaving(&limit, "", 10, 4, 0), 6000);
    assert_int_equal(limit_take(&limit, "", 10, 0), 0);
    assert_int_equal(limit_take_leaving(&limit, "", 10, 4, 0), 12000);
    for (i = 0; i < 3; i++)
        assert_int_equal(limit_take(&limit, "", 10, 0), 0);
    assert_int_equal(limit_take(&limit, "", 10, 0), 6000);
    limit_deinit(&limit);
}

static void test_asking_takes_nothing(void **state)
{
    struct limit limit = {NULL};

    (void)state;
    assert_int_equal(limit_ask(&limit, "192.0.2.1", 2, 0), 0);
    assert_null(limit.rows);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 2, 0), 0);
    assert_int_equal(limit_ask(&limit, "192.0.2.1", 2, 0), 0);
    assert_int_equal(limit_take(&limit, "192.0.2.1", 2, 0), 0);
    assert_int_equal(limit_ask(&limit, "192.0.2.1", 2, 10000), 20000);
    assert_int_equal(limit_ask(&limit, "192.0.2.1", 2, 10000), 20000);
    assert_int_equal(limit_ask(&limit, "192.0.2.1", 0, 10000), 0);
    limit_deinit(&limit);
}

static void test_who_was_met(void **state)
{
    struct limit limit = {NULL};

    (void)state;
    assert_false(limit_met(&limit, "192.0.2.1", 1000));
    assert_int_equal(limit_take(&limit, "192.0.2.1", 60, 1000), 0);
    assert_true(limit_met(&limit, "192.0.2.1", 60999));
    assert_false(limit_met(&limit, "192.0.2.2", 60999));
    assert_int_equal(limit_ask(&limit, "192.0.2.1", 60, 60999), 0); /* asking is no meeting */
    assert_false(limit_met(&limit, "192.0.2.1", 61000));
    limit_deinit(&limit);
}

static void assert_network(const char *address, const char *network)
{
    char out[NETWORK_BYTES];

    assert_string_equal(network_of(address, out), network);
}

static void test_networks(void **state)
{
    (void)state;
    assert_network("192.0.2.1", "192.0.2.1");
    assert_network("::ffff:192.0.2.1", "192.0.2.1");
    assert_network("2001:db8:1:2::1", "2001:db8:1:2::");
    assert_network("2001:db8:1:2:ffff::9", "2001:db8:1:2::");
    assert_network("2001:0DB8:1:3::1", "2001:db8:1:3::");
    /* A link-local address comes with its interface. */
    assert_network("fe80::1:2:3:4%eth0", "fe80::");
    assert_network("fe80::5:6:7:8%eth0", "fe80::");
    assert_network("fe80::1%", "fe80::");
    assert_network("fe80::1%an-interface-whose-name-is-longer-than-any-address", "fe80::");
    assert_network("%eth0", "%eth0");
    assert_network("unix", "unix");
    assert_network("", "");
}

static void test_table_is_bounded(void **state)
{
    struct limit limit = {NULL};
    char address[32];
    unsigned i;

    (void)state;
    assert_int_equal(limit_take(&limit, "192.0.2.1", 1, 0), 0);
    for (i = 0; i < LIMIT_ROWS_MAX - 1; i++) {
        snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
        assert_int_equal(limit_take(&limit, address, 1, 0), 0);
    }
    /* Still known, and by this try the youngest; one more address pushes out 10.0.0.0. */
    assert_int_not_equal(limit_take(&limit, "192.0.2.1", 1, 0), 0);
    assert_int_equal(limit_take(&limit, "192.0.2.77", 1, 0), 0);
    assert_int_not_equal(limit_take(&limit, "192.0.2.1", 1, 0), 0);
    assert_int_equal(limit_take(&limit, "10.0.0.0", 1, 0), 0);
    limit_deinit(&limit);
}

static void test_revoked_stays_revoked(void **state)
{
    struct revoked revoked = {NULL};

    (void)state;
    assert_int_equal(revoked_get(&revoked, "a", 0), REVOKED_UNKNOWN);
    revoked_note(&revoked, "a", REVOKED_NO, 0, 5000);
    assert_int_equal(revoked_get(&revoked, "a", 4999), REVOKED_NO);
    assert_int_equal(revoked_get(&revoked, "a", 5000), REVOKED_UNKNOWN);
    revoked_note(&revoked, "a", REVOKED_YES, 1000, 60000);
    /* An answer that was under way says "no", another says "yes" for less time. */
    revoked_note(&revoked, "a", REVOKED_NO, 1001, 5000);
    revoked_note(&revoked, "a", REVOKED_YES, 1001, 5000);
    assert_int_equal(revoked_get(&revoked, "a", 60999), REVOKED_YES);
    assert_int_equal(revoked_get(&revoked, "a", 61000), REVOKED_UNKNOWN);
    revoked_note(&revoked, "a", REVOKED_NO, 61000, 5000);
    assert_int_equal(revoked_get(&revoked, "a", 61001), REVOKED_NO);
    revoked_deinit(&revoked);
}

static void test_doubt_forgets_the_good(void **state)
{
    struct revoked revoked = {NULL};

    (void)state;
    revoked_note(&revoked, "good", REVOKED_NO, 0, 5000);
    revoked_note(&revoked, "bad", REVOKED_YES, 0, 5000);
    revoked_doubt(&revoked);
    assert_int_equal(revoked_get(&revoked, "good", 1), REVOKED_UNKNOWN);
    assert_int_equal(revoked_get(&revoked, "bad", 1), REVOKED_YES);
    revoked_deinit(&revoked);
}

static void test_revoked_is_bounded(void **state)
{
    struct revoked revoked = {NULL};
    char jti[32];
    unsigned i;

    (void)state;
    for (i = 0; i <= REVOKED_ROWS_MAX; i++) {
        snprintf(jti, sizeof(jti), "j%u", i);
        revoked_note(&revoked, jti, REVOKED_NO, 0, 5000);
    }
    assert_int_equal(revoked_get(&revoked, "j0", 1), REVOKED_UNKNOWN);
    assert_int_equal(revoked_get(&revoked, "j1", 1), REVOKED_NO);
    assert_int_equal(revoked_get(&revoked, jti, 1), REVOKED_NO);
    revoked_deinit(&revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_refill),
        cmocka_unit_test(test_tries_elsewhere),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_given_back),
        cmocka_unit_test(test_a_rest_is_kept),
        cmocka_unit_test(test_asking_takes_nothing),
        cmocka_unit_test(test_who_was_met),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_table_is_bounded),
        cmocka_unit_test(test_revoked_stays_revoked),
        cmocka_unit_test(test_doubt_forgets_the_good),
        cmocka_unit_test(test_revoked_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
