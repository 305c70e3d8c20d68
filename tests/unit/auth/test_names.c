/* SPDX-License-Identifier: MIT */
/* Tests of user names: what is allowed, what is the same, and what a log line shows. */
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static int fold(const char *name, char out[NAME_BYTES_MAX + 1])
{
    const char *why = NULL;
    int rc = name_fold((chatd_str){name, strlen(name)}, out, &why);

    if (rc < 0)
        assert_non_null(why);
    return rc;
}

static void assert_folds(const char *name, const char *expected)
{
    char out[NAME_BYTES_MAX + 1];

    assert_int_equal(fold(name, out), (int)strlen(expected));
    assert_string_equal(out, expected);
}

static void assert_refused(const char *name)
{
    char out[NAME_BYTES_MAX + 1];

    assert_int_equal(fold(name, out), CHATD_E_INVAL);
}

static void test_same_name(void **state)
{
    (void)state;
    assert_folds("alice", "alice");
    assert_folds("Alice", "alice");
    assert_folds("\xef\xbc\xa1\xef\xbd\x8cice", "alice"); /* full-width A and l */
    assert_folds("Stra\xc3\x9f"
                 "e",
                 "strasse");
    assert_folds("JOSE\xcc\x81", "jos\xc3\xa9"); /* e and a combining accent */
    assert_folds("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
                 "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83"); /* final sigma */
    assert_folds("\xe5\xbc\xa0\xe4\xbc\x9f", "\xe5\xbc\xa0\xe4\xbc\x9f");
    assert_folds("a.b_c-9", "a.b_c-9");
    assert_folds("\xd9\xa3", "\xd9\xa3"); /* an Arabic digit */
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("a b");
    assert_refused("a\nb");
    assert_refused("a/b");
    assert_refused("a@b");
    assert_refused("a\xe2\x80\x8d"
                   "b"); /* zero width joiner */
    assert_refused("a\xe2\x80\xae"
                   "b");                /* right-to-left override */
    assert_refused("\xf0\x9f\x98\x80"); /* a smiley */
    assert_refused("\xef\xb7\xba");     /* one letter that folds to words with spaces */
    assert_refused("\xe3\x85\xa4");     /* one letter that folds to nothing */
    assert_refused("\xef\xbc\x8f");     /* a full-width slash */
    assert_refused("a\xff");            /* not UTF-8 */
    assert_refused("\xc0\xae");         /* an overlong full stop */
    assert_refused("\xed\xa0\x80");     /* a surrogate */
}

static void test_nul_is_refused(void **state)
{
    char out[NAME_BYTES_MAX + 1];
    const char *why;

    (void)state;
    assert_int_equal(name_fold((chatd_str){"al\0ce", 5}, out, &why), CHATD_E_INVAL);
}

/* Names of `n` times `letter`. */
static int fold_many(const char *letter, size_t n)
{
    char name[1024] = "", out[NAME_BYTES_MAX + 1];
    size_t i, len = strlen(letter);

    for (i = 0; i < n; i++)
        memcpy(name + i * len, letter, len);
    return fold(name, out);
}

static void test_length_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(fold_many("a", 32), 32);
    assert_int_equal(fold_many("a", 33), CHATD_E_INVAL);
    assert_int_equal(fold_many("\xf0\xa0\x80\x80", 32), 128); /* four bytes each */
    assert_int_equal(fold_many("\xf0\xa0\x80\x80", 33), CHATD_E_INVAL);
    assert_int_equal(fold_many("e\xcc\x81", 32), 64); /* 64 typed, 32 in the name */
    assert_int_equal(fold_many("\xc3\x9f", 16), 32);  /* sharp s becomes two */
    assert_int_equal(fold_many("\xc3\x9f", 17), CHATD_E_INVAL);
    assert_int_equal(fold_many("a", 1000), CHATD_E_INVAL);
}

/* An account's name must be found by itself: the fold of every name is its own fold. */
static void test_fold_is_stable(void **state)
{
    utf8proc_int32_t c;

    (void)state;
    for (c = 1; c < 0x110000; c++) {
        char typed[8] = "", once[NAME_BYTES_MAX + 1], twice[NAME_BYTES_MAX + 1];

        if (!utf8proc_codepoint_valid(c))
            continue;
        utf8proc_encode_char(c, (utf8proc_uint8_t *)typed);
        if (fold(typed, once) < 0)
            continue;
        assert_true(fold(once, twice) > 0);
        assert_string_equal(once, twice);
    }
}

static void test_reserved(void **state)
{
    char out[NAME_BYTES_MAX + 1];

    (void)state;
    assert_true(fold("GUEST-12", out) > 0);
    assert_true(name_reserved(out));
    assert_false(name_reserved("guest"));
    assert_false(name_reserved("guests-1"));
}

static void test_listed(void **state)
{
    static const char *const words[] = {"Admin", "\xef\xbc\xb2oot", "every one", NULL};
    char out[NAME_BYTES_MAX + 1];

    (void)state;
    assert_true(fold("ADMIN", out) > 0);
    assert_true(name_listed(out, words));
    assert_true(name_listed("root", words)); /* written with a full-width R */
    assert_false(name_listed("admins", words));
    assert_false(name_listed("every", words));
    assert_false(name_listed("admin", NULL));
}

/* Of each kind of character that is not seen: refused, or the name is the one without it. */
static void test_what_is_not_seen_makes_no_other_name(void **state)
{
    static const utf8proc_int32_t hidden[] = {
        0x00,   0x1b,   0x7f,   0x85,                             /* controls */
        0xad,   0x61c,  0x200b, 0x200c, 0x200d,  0x200e,  0xfeff, /* format */
        0x202a, 0x202b, 0x202c, 0x202d, 0x202e,                   /* embeddings, overrides */
        0x2066, 0x2067, 0x2068, 0x2069,                           /* isolates */
        0x2028, 0x2029, 0x2060, 0x2064, 0xe0001, 0xe0061,         /* separators, tags */
        0x34f,  0x115f, 0x1160, 0x17b4, 0x180b,  0x180e,  0x3164, 0xfe0f, 0xffa0, 0xe0100,
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        char typed[8] = "a", out[NAME_BYTES_MAX + 1];
        utf8proc_ssize_t n = utf8proc_encode_char(hidden[i], (utf8proc_uint8_t *)typed + 1);
        const char *why;

        typed[1 + n] = 'b';
        if (name_fold((chatd_str){typed, (size_t)n + 2}, out, &why) >= 0)
            assert_string_equal(out, "ab");
    }
}

static void test_log_lines_stay_whole(void **state)
{
    char out[NAME_LOG_BYTES], long_name[200];

    (void)state;
    name_for_log(CHATD_STR("bob\n2030 root logged in"), out);
    assert_string_equal(out, "bob?2030 root logged in");
    name_for_log(CHATD_STR("\xe2\x80\xae"
                           "a\x1b[2J\xff"),
                 out);
    assert_string_equal(out, "?a?[2J?");
    memset(long_name, 'x', sizeof(long_name));
    name_for_log((chatd_str){long_name, sizeof(long_name)}, out);
    assert_int_equal(strlen(out), NAME_LOG_BYTES - 1);
    name_for_log(CHATD_STR(""), out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_name),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_length_counts_characters),
        cmocka_unit_test(test_fold_is_stable),
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_what_is_not_seen_makes_no_other_name),
        cmocka_unit_test(test_log_lines_stay_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
