/* SPDX-License-Identifier: MIT */
/* Tests of what is remembered of auth-since. */
#include "since.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static enum revoked_state get(const struct since *since, int64_t claim_ms, int64_t now_ms)
{
    const struct token_claims claims = {.user = "alice", .since_ms = claim_ms};

    return since_get(since, &claims, now_ms);
}

static void test_older_tokens_are_revoked(void **state)
{
    struct since since = {NULL};

    (void)state;
    assert_int_equal(get(&since, 0, 0), REVOKED_UNKNOWN);
    since_note(&since, "alice", 0, 0);
    assert_int_equal(get(&since, 0, 4999), REVOKED_NO);
    assert_int_equal(get(&since, 0, 5000), REVOKED_UNKNOWN);
    since_note(&since, "alice", 70, 5000);
    assert_int_equal(get(&since, 69, 5000), REVOKED_YES);
    assert_int_equal(get(&since, 70, 5000), REVOKED_NO);
    assert_int_equal(get(&since, 69, 10000), REVOKED_UNKNOWN);
    assert_int_equal(get(&since, 69, -1), REVOKED_YES); /* as far as was known */
    since_deinit(&since);
}

static void test_entries_grow(void **state)
{
    struct since since = {NULL};

    (void)state;
    since_note(&since, "alice", 70, 0);
    since_note(&since, "alice", 0, 1); /* was under way when the news came */
    assert_int_equal(get(&since, 0, 2), REVOKED_YES);
    since_note(&since, "alice", 0, 5000); /* the store was emptied */
    assert_int_equal(get(&since, 0, 5001), REVOKED_NO);
    since_deinit(&since);
}

static void test_doubt(void **state)
{
    struct since since = {NULL};

    (void)state;
    since_note(&since, "alice", 70, 1);
    since_doubt(&since, "bob");
    assert_int_equal(get(&since, 70, 2), REVOKED_NO);
    since_doubt(&since, "alice");
    assert_int_equal(get(&since, 70, 2), REVOKED_UNKNOWN);
    since_note(&since, "alice", 70, 2);
    since_doubt(&since, NULL);
    assert_int_equal(get(&since, 70, 3), REVOKED_UNKNOWN);
    assert_int_equal(get(&since, 69, -1), REVOKED_YES);
    since_deinit(&since);
}

static void test_bounded(void **state)
{
    struct since since = {NULL};
    char user[32];
    unsigned i;

    (void)state;
    since_note(&since, "alice", 70, 0);
    for (i = 0; i < SINCE_ROWS_MAX - 1; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        since_note(&since, user, 1, 0);
    }
    assert_int_equal(get(&since, 70, 1), REVOKED_NO);
    since_note(&since, "one more", 1, 0);
    assert_int_equal(get(&since, 70, 1), REVOKED_UNKNOWN);
    since_deinit(&since);
}

static void test_text(void **state)
{
    static const char *const others[] = {"", "-1", "1 ", "1.5", "x", "1790000000000000"};
    char text[SINCE_TEXT_BYTES];
    int64_t since_ms = 0;
    size_t i;

    (void)state;
    assert_true(since_read(since_write(INT64_C(1790000000000), text), &since_ms));
    assert_string_equal(text, "1790000000000");
    assert_int_equal(since_ms, INT64_C(1790000000000));
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (since_read((chatd_str){others[i], strlen(others[i])}, &since_ms))
            fail_msg("`%s` was taken", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older_tokens_are_revoked),
        cmocka_unit_test(test_entries_grow),
        cmocka_unit_test(test_doubt),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
