/* SPDX-License-Identifier: MIT */
/* Tests of which passwords may be chosen: their length, and the name in them. */
#include "choice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char *judge(const char *password, const char *user)
{
    return choice_judge((chatd_str){password, strlen(password)}, user);
}

static void test_lengths(void **state)
{
    static const char longest[] =
        "correct horse correct horse correct horse correct horse correct horse !?";

    (void)state;
    assert_non_null(judge("", "alice"));
    assert_non_null(judge("7 bytes", "alice"));
    assert_null(judge("of eight", "alice"));
    assert_int_equal(strlen(longest), 72);
    assert_null(judge(longest, "alice"));
    assert_null(judge(longest + 1, "alice"));
    assert_non_null(judge(
        "correct horse correct horse correct horse correct horse correct horse !!?", "alice"));
}

static void test_name(void **state)
{
    static const struct {
        const char *password, *user;
        bool may;
    } rows[] = {
        {"alice1234567", "alice", false}, /* 7 are left */
        {"alice12345678", "alice", true},
        {"123ALICE4567", "alice", false},
        {"AliceAliceAlice", "alice", false},
        {"\xef\xbc\xa1\xef\xbd\x8c\xef\xbd\x89\xef\xbd\x83\xef\xbd\x85 2026", "alice", false},
        {"Bob Smith", "Bob Smith", false}, /* a name left by another server */
        {"correct horse", "horse", true},
        {"right horse", "horse", false},
        {"bob bob bob", "bob", true}, /* blanks are left */
        {"bobbobbob", "bob", false},
        {"bob and ann", "bob", true},
        {"aaaaaaaa", "a", false},
        {"aaaaaaab", "a", true},
        {"stra\xc3\x9f"
         "e 1",
         "strasse", false},
        {"correct horse", "", true},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((judge(rows[i].password, rows[i].user) == NULL) != rows[i].may)
            fail_msg("`%s` for `%s`", rows[i].password, rows[i].user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
