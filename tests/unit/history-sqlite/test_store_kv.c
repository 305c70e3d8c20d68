/* SPDX-License-Identifier: MIT */
/* The entries of chatd.kv in the database: values, times of expiry, numbers. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct store_key key_of(const char *key, int64_t ttl_ms, int64_t now_ms)
{
    return (struct store_key){
        .ns = str_of("ns"), .key = str_of(key), .ttl_ms = ttl_ms, .now_ms = now_ms};
}

static void check_value(struct store *store, const struct store_key *key, const char *value)
{
    struct arena arena = {0};
    chatd_str there = {NULL, 0};
    int err = store_kv_get(store, key, &arena, &there);

    if (value == NULL) {
        assert_int_equal(err, CHATD_E_NOTFOUND);
    } else {
        assert_int_equal(err, CHATD_OK);
        assert_string_equal(there.p, value);
    }
    arena_free(&arena);
}

static void test_kv(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key key = key_of("k", 0, NOW);
    struct arena arena = {0};
    chatd_str there = {NULL, 0};

    check_value(store, &key, NULL);
    assert_int_equal(store_kv_put(store, &key, str_of("one")), CHATD_OK);
    check_value(store, &key, "one");
    assert_int_equal(store_kv_put(store, &key, str_of("two")), CHATD_OK);
    check_value(store, &key, "two");
    assert_int_equal(store_kv_put_absent(store, &key, str_of("three"), &arena, &there),
                     CHATD_E_EXISTS);
    assert_string_equal(there.p, "two");
    assert_int_equal(store_kv_cas(store, &key, str_of("one"), str_of("x"), &arena, &there),
                     CHATD_E_EXISTS);
    assert_string_equal(there.p, "two");
    assert_int_equal(store_kv_cas(store, &key, str_of("two"), str_of(""), &arena, &there),
                     CHATD_OK);
    check_value(store, &key, "");
    assert_int_equal(store_kv_del(store, &key), CHATD_OK);
    assert_int_equal(store_kv_del(store, &key), CHATD_E_NOTFOUND);
    assert_int_equal(store_kv_cas(store, &key, str_of(""), str_of("x"), &arena, &there),
                     CHATD_E_NOTFOUND);
    arena_free(&arena);
    store_close(store);
}

static void test_kv_ttl(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key at = key_of("k", 1000, NOW), late = key_of("k", 1000, NOW + 1000);
    struct store_key forever = key_of("f", INT64_MAX, NOW);
    struct arena arena = {0};
    chatd_str there = {NULL, 0};

    assert_int_equal(store_kv_put(store, &at, str_of("one")), CHATD_OK);
    check_value(store, &at, "one");
    check_value(store, &late, NULL);
    assert_int_equal(store_kv_del(store, &late), CHATD_E_NOTFOUND);
    assert_int_equal(store_kv_put_absent(store, &at, str_of("two"), &arena, &there),
                     CHATD_E_EXISTS);
    assert_int_equal(store_kv_put_absent(store, &late, str_of("two"), &arena, &there), CHATD_OK);
    check_value(store, &late, "two");
    assert_int_equal(store_kv_put(store, &forever, str_of("x")), CHATD_OK);
    check_value(store, &forever, "x");
    arena_free(&arena);
    store_close(store);
}

static void test_kv_add(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key key = key_of("n", 0, NOW), text = key_of("t", 0, NOW);
    struct store_key first = key_of("c", 1000, NOW), second = key_of("c", 1000, NOW + 600);
    struct store_key third = key_of("c", 1000, NOW + 1000);
    int64_t sum = 0;

    assert_int_equal(store_kv_add(store, &key, 5, &sum), CHATD_OK);
    assert_int_equal(store_kv_add(store, &key, -7, &sum), CHATD_OK);
    assert_int_equal(sum, -2);
    check_value(store, &key, "-2");
    assert_int_equal(store_kv_add(store, &key, INT64_MIN, &sum), CHATD_E_INVAL);
    assert_int_equal(store_kv_add(store, &key, INT64_MIN + 2, &sum), CHATD_OK);
    assert_true(sum == INT64_MIN);
    assert_int_equal(store_kv_add(store, &key, 1, &sum), CHATD_OK);
    assert_true(sum == INT64_MIN + 1);

    static const char *const bad[] = {"", "-", "1x", " 1", "9223372036854775808", "+1"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(store_kv_put(store, &text, str_of(bad[i])), CHATD_OK);
        assert_int_equal(store_kv_add(store, &text, 1, &sum), CHATD_E_INVAL);
    }
    /* The time counts from the first addition. */
    assert_int_equal(store_kv_add(store, &first, 1, &sum), CHATD_OK);
    assert_int_equal(store_kv_add(store, &second, 1, &sum), CHATD_OK);
    assert_int_equal(sum, 2);
    assert_int_equal(store_kv_add(store, &third, 1, &sum), CHATD_OK);
    assert_int_equal(sum, 1);
    store_close(store);
}

/* Enough entries that end at once to have the old ones removed, by a clock of `now_ms`. */
static void put_many(struct store *store, int64_t now_ms)
{
    char name[16];

    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        struct store_key key = key_of(name, 1, now_ms);

        assert_int_equal(store_begin(store, true), CHATD_OK);
        assert_int_equal(store_kv_put(store, &key, str_of("x")), CHATD_OK);
        assert_int_equal(store_commit(store), CHATD_OK);
    }
}

static void test_a_clock_ahead_for_a_moment(void **state)
{
    const int64_t hour_ms = 3600000;
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key revoked = key_of("revoked", hour_ms, NOW), later = revoked;

    assert_int_equal(store_begin(store, true), CHATD_OK);
    assert_int_equal(store_kv_put(store, &revoked, str_of("1")), CHATD_OK);
    assert_int_equal(store_commit(store), CHATD_OK);
    put_many(store, NOW + 20 * hour_ms);
    later.now_ms = NOW + 20 * hour_ms;
    check_value(store, &later, NULL);
    later.now_ms = NOW + 1;
    check_value(store, &later, "1");
    put_many(store, NOW + 26 * hour_ms);
    check_value(store, &later, NULL); /* now it is gone for good */
    store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kv),
        TEST(test_kv_ttl),
        TEST(test_kv_add),
        TEST(test_a_clock_ahead_for_a_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
