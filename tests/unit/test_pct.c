/* SPDX-License-Identifier: MIT */
/* Percent-decoding, query arguments, cookies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/pct.h"

#include <stdio.h>
#include <string.h>

static void decodes(const char *in, bool form, const char *want)
{
    char out[64];
    size_t n;

    assert_true(strlen(in) < sizeof(out));
    assert_true(pct_decode(in, strlen(in), form, out, &n));
    assert_string_equal(out, want);
    assert_int_equal(n, strlen(want));
}

static void refuses(const char *in, size_t n)
{
    char out[64];
    size_t got;

    assert_false(pct_decode(in, n, false, out, &got));
    assert_false(pct_decode(in, n, true, out, &got));
}

static void every_byte_has_its_escape(void **state)
{
    int c;

    (void)state;
    for (c = 1; c < 0x80; c++) {
        char upper[4], lower[4], want[2] = {(char)c, '\0'};

        snprintf(upper, sizeof(upper), "%%%02X", (unsigned)c);
        snprintf(lower, sizeof(lower), "%%%02x", (unsigned)c);
        decodes(upper, false, want);
        decodes(lower, true, want);
    }
}

static void plain_text_and_plus(void **state)
{
    (void)state;
    decodes("", false, "");
    decodes("abc", false, "abc");
    decodes("a+b", false, "a+b");
    decodes("a+b", true, "a b");
    decodes("a%2Bb", true, "a+b");
    decodes("%25%32%35", false, "%25"); /* once only */
    decodes("%C3%a4", false, "\xc3\xa4");
    decodes("\xc3%A4", false, "\xc3\xa4");
}

static void broken_escapes_are_refused(void **state)
{
    (void)state;
    refuses("%", 1);
    refuses("%4", 2);
    refuses("ab%", 3);
    refuses("%4g", 3);
    refuses("%g4", 3);
    refuses("%%41", 4);
    refuses("% 41", 4);
    refuses("%-1", 3);
    refuses("%41", 2); /* the rest is behind the end */
}

static void nul_and_bad_utf8_are_refused(void **state)
{
    (void)state;
    refuses("%00", 3);
    refuses("a%00b", 5);
    refuses("a\0b", 3);
    refuses("%C3", 3);
    refuses("%C0%AF", 6); /* an overlong slash */
    refuses("%ED%A0%80", 9);
    refuses("%FF", 3);
    refuses("\xe4", 1);
}

static void query(const char *q, const char *name, enum pct_found want, const char *value)
{
    char out[64] = "untouched";
    size_t n = 0;

    assert_int_equal(pct_query(q, name, out, &n), want);
    if (want == PCT_FOUND) {
        assert_string_equal(out, value);
        assert_int_equal(n, strlen(value));
    }
}

static void queries(void **state)
{
    (void)state;
    query(NULL, "a", PCT_ABSENT, NULL);
    query("", "a", PCT_ABSENT, NULL);
    query("a=1&b=2", "a", PCT_FOUND, "1");
    query("a=1&b=2", "b", PCT_FOUND, "2");
    query("a=1&b=2", "c", PCT_ABSENT, NULL);
    query("ab=1", "a", PCT_ABSENT, NULL);
    query("a=1", "ab", PCT_ABSENT, NULL);
    query("a", "a", PCT_FOUND, "");
    query("a=", "a", PCT_FOUND, "");
    query("a&b=x", "b", PCT_FOUND, "x");
    query("a=b=c", "a", PCT_FOUND, "b=c");
    query("&&a=1&&", "a", PCT_FOUND, "1");
    query("a=x+y%26z", "a", PCT_FOUND, "x y&z");
    query("a=1&a=2", "a", PCT_BAD, NULL);
    query("a=1&a", "a", PCT_BAD, NULL);
    query("a=%4", "a", PCT_BAD, NULL);
    query("a=%00", "a", PCT_BAD, NULL);
    query("b=%4&a=1", "a", PCT_FOUND, "1"); /* another argument's fault */
}

static void cookie(const char *h, const char *name, enum pct_found want, const char *value)
{
    const char *p = NULL;
    size_t n = 0;

    assert_int_equal(pct_cookie(h, name, &p, &n), want);
    if (want == PCT_FOUND) {
        assert_int_equal(n, strlen(value));
        assert_memory_equal(p, value, n);
    }
}

static void cookies(void **state)
{
    (void)state;
    cookie("", "a", PCT_ABSENT, NULL);
    cookie("a=1", "a", PCT_FOUND, "1");
    cookie("a=1; b=2", "b", PCT_FOUND, "2");
    cookie("a=1;b=2", "b", PCT_FOUND, "2");
    cookie("  a=1 \t; b=2", "a", PCT_FOUND, "1");
    cookie("ab=1", "a", PCT_ABSENT, NULL);
    cookie("xa=1", "a", PCT_ABSENT, NULL);
    cookie("b=a=1", "a", PCT_ABSENT, NULL);
    cookie("a", "a", PCT_ABSENT, NULL);
    cookie("a=", "a", PCT_FOUND, "");
    cookie("a=x=y", "a", PCT_FOUND, "x=y");
    cookie(";;; a=1;;", "a", PCT_FOUND, "1");
    cookie("A=1", "a", PCT_ABSENT, NULL);
    cookie("a=1; a=2", "a", PCT_BAD, NULL);
    cookie("a=1; b; a=", "a", PCT_BAD, NULL);
    cookie("a=\xff", "a", PCT_BAD, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_has_its_escape),
        cmocka_unit_test(plain_text_and_plus),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(nul_and_bad_utf8_are_refused),
        cmocka_unit_test(queries),
        cmocka_unit_test(cookies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
