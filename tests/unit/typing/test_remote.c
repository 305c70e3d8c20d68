/* SPDX-License-Identifier: MIT */
/* Typing of other workers ends by silence. */
#include "remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S(literal) CHATD_STR(literal)

static void expect_expired(struct remote_table *table, int64_t before, const char *room,
                           const char *user)
{
    chatd_str r, u;

    assert_true(remote_expired(table, before, &r, &u));
    assert_string_equal(r.p, room);
    assert_int_equal(r.n, strlen(room));
    assert_string_equal(u.p, user);
    assert_int_equal(u.n, strlen(user));
    remote_remove_oldest(table);
}

static void silence_ends_it(void **state)
{
    struct remote_table table = {NULL, NULL};
    chatd_str r, u;

    (void)state;
    remote_heard(&table, S("general"), S("alice"), 1000);
    remote_heard(&table, S("general"), S("bob"), 2000);
    remote_heard(&table, S("other"), S("alice"), 3000);
    remote_heard(&table, S("general"), S("alice"), 4000); /* again: now the youngest */
    assert_false(remote_expired(&table, 1999, &r, &u));
    expect_expired(&table, 2000, "general", "bob");
    remote_stopped(&table, S("other"), S("alice"));
    remote_stopped(&table, S("other"), S("alice"));
    remote_stopped(&table, S("never"), S("heard"));
    assert_false(remote_expired(&table, 3999, &r, &u));
    expect_expired(&table, 4000, "general", "alice");
    assert_false(remote_expired(&table, INT64_MAX, &r, &u));
    remote_deinit(&table);
}

/* Names must not run into each other. */
static void names_are_kept_apart(void **state)
{
    struct remote_table table = {NULL, NULL};

    (void)state;
    remote_heard(&table, S("ab"), S("c"), 1);
    remote_heard(&table, S("a"), S("bc"), 2);
    expect_expired(&table, 9, "ab", "c");
    expect_expired(&table, 9, "a", "bc");
    remote_deinit(&table);
}

static void there_are_only_so_many(void **state)
{
    struct remote_table table = {NULL, NULL};
    chatd_str r, u;
    char user[16];
    uint32_t i;

    (void)state;
    for (i = 0; i <= REMOTE_MAX; i++) {
        int n = snprintf(user, sizeof(user), "u%u", i);

        remote_heard(&table, S("general"), (chatd_str){user, (size_t)n}, 1000);
    }
    expect_expired(&table, 0, "general", "u0"); /* one too many: the oldest goes, young as it is */
    assert_false(remote_expired(&table, 0, &r, &u));
    remote_deinit(&table);
    assert_false(remote_expired(&table, INT64_MAX, &r, &u));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_ends_it),
        cmocka_unit_test(names_are_kept_apart),
        cmocka_unit_test(there_are_only_so_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
