/* SPDX-License-Identifier: MIT */
/* Accept-Encoding as the plugin `static` reads it, and the gzip form of a file. */
#include "encoding.h"
#include "gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

static void allows(const char *value)
{
    if (!static_accepts_gzip((chatd_str){value, strlen(value)}))
        fail_msg("\"%s\" does not allow gzip", value);
}

static void refuses(const char *value)
{
    if (static_accepts_gzip((chatd_str){value, strlen(value)}))
        fail_msg("\"%s\" allows gzip", value);
}

static void test_gzip_by_name(void **state)
{
    (void)state;
    allows("gzip");
    allows("GZip");
    allows("x-gzip");
    allows("gzip, deflate, br, zstd"); /* what browsers send */
    allows("br,deflate,gzip");
    allows(" \tdeflate\t,\tgzip ");
    allows(",,gzip,,");
    allows("compress, gzip;q=1.0");

    refuses("");
    refuses(",");
    refuses("br");
    refuses("deflate, br");
    refuses("gzipped");
    refuses("gzi");
    refuses("gzip2, tgzip");
    refuses("identity");
}

static void test_weights(void **state)
{
    (void)state;
    allows("gzip;q=0.5");
    allows("gzip;q=0.001");
    allows("gzip;q=1");
    allows("gzip;q=1.");
    allows("gzip;q=1.000");
    allows("gzip ; Q=0.9");
    allows("br;q=1.0, gzip;q=0.8, *;q=0.1");

    refuses("gzip;q=0");
    refuses("gzip;q=0.");
    refuses("gzip;q=0.000");
    refuses("gzip ;\tq=0 ");
    refuses("br, gzip;q=0, deflate");
}

static void test_any_coding(void **state)
{
    (void)state;
    allows("*");
    allows("*;q=0.1");
    allows("br, *");
    allows("gzip, *;q=0");
    allows("*;q=0, gzip;q=0.2");

    refuses("*;q=0");
    refuses("gzip;q=0, *");
    refuses("*, gzip;q=0");
    refuses("br, *;q=0");
}

/* It is the default, but who says that it is liked better gets it. */
static void test_identity(void **state)
{
    (void)state;
    allows("gzip, identity");
    allows("gzip;q=0.5, identity;q=0.5");
    allows("identity;q=0, gzip;q=0.1");
    allows("identity;q=0, *");

    refuses("identity, gzip;q=0.5");
    refuses("*;q=0.2, identity");
    refuses("identity;q=0"); /* nothing is left: then as it is, better than 406 */
}

static void test_what_is_not_well_formed_is_passed_over(void **state)
{
    (void)state;
    refuses("gzip;q");
    refuses("gzip;q=");
    refuses("gzip;");
    refuses("gzip;q=2");
    refuses("gzip;q=1.001");
    refuses("gzip;q=0.1234");
    refuses("gzip;q=-1");
    refuses("gzip;q=.5");
    refuses("gzip;q=0,5");
    refuses("gzip;q= 1");
    refuses("gzip;q=1;x=2");
    refuses("gzip;level=9");
    refuses("gzip deflate");
    refuses("\"gzip\"");
    allows("gzip;q=x, gzip");
    allows("gzip, gzip;q=x");
}

static void test_the_last_of_two_counts(void **state)
{
    (void)state;
    allows("gzip;q=0, gzip");
    allows("gzip;q=0, x-gzip");
    refuses("gzip, gzip;q=0");
    refuses("*, *;q=0");
}

/* --- the form itself ------------------------------------------------------------------------------ */

static void fill_text(char *text, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        text[i] = "export function f() { return 1; }\n"[i % 34];
}

static void test_what_was_packed_unpacks_to_the_same(void **state)
{
    enum { N = 20000 };
    char *text = malloc(N), *packed = NULL, *back = malloc(N + 1);
    size_t packed_n = 0;
    z_stream z;

    (void)state;
    fill_text(text, N);
    assert_true(static_gzip(text, N, &packed, &packed_n));
    assert_in_range(packed_n, 20, N / 10);
    assert_memory_equal(packed, "\x1f\x8b\x08\0\0\0\0\0", 8); /* gzip, no name, no time */

    memset(&z, 0, sizeof(z));
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (unsigned char *)packed;
    z.avail_in = (unsigned)packed_n;
    z.next_out = (unsigned char *)back;
    z.avail_out = N + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, N);
    assert_int_equal(z.avail_in, 0);
    assert_memory_equal(back, text, N);
    assert_int_equal(inflateEnd(&z), Z_OK);
    free(text);
    free(packed);
    free(back);
}

static void test_the_same_bytes_give_the_same_form(void **state)
{
    char text[1000], *a = NULL, *b = NULL;
    size_t a_n = 0, b_n = 0;

    (void)state;
    fill_text(text, sizeof(text));
    assert_true(static_gzip(text, sizeof(text), &a, &a_n));
    assert_true(static_gzip(text, sizeof(text), &b, &b_n));
    assert_int_equal(a_n, b_n);
    assert_memory_equal(a, b, a_n);
    free(a);
    free(b);
}

static int is_packed(const char *bytes, size_t n)
{
    char *packed = NULL;
    size_t packed_n = 0;
    int rc = static_gzip(bytes, n, &packed, &packed_n);

    assert_int_equal(rc, packed != NULL);
    free(packed);
    return rc;
}

static void test_small_files_are_left_alone(void **state)
{
    char text[256];

    (void)state;
    fill_text(text, sizeof(text));
    assert_false(is_packed(text, 0));
    assert_false(is_packed(text, 255));
    assert_true(is_packed(text, 256));
}

static void test_what_does_not_become_smaller_is_left_alone(void **state)
{
    enum { N = 4096 };
    char bytes[N];
    uint32_t x = 1;
    size_t i;

    (void)state;
    for (i = 0; i < N; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (char)(x >> 24);
    }
    assert_false(is_packed(bytes, N));
    memset(bytes, 'a', 60); /* saves less than what the header costs */
    assert_false(is_packed(bytes, N));
    memset(bytes, 'a', 200);
    assert_true(is_packed(bytes, N));
}

static void test_files_that_would_take_long_are_left_alone(void **state)
{
    const size_t most = 4u << 20;
    char *bytes = calloc(1, most + 1);

    (void)state;
    assert_true(is_packed(bytes, most));
    assert_false(is_packed(bytes, most + 1));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip_by_name),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_any_coding),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_what_is_not_well_formed_is_passed_over),
        cmocka_unit_test(test_the_last_of_two_counts),
        cmocka_unit_test(test_what_was_packed_unpacks_to_the_same),
        cmocka_unit_test(test_the_same_bytes_give_the_same_form),
        cmocka_unit_test(test_small_files_are_left_alone),
        cmocka_unit_test(test_what_does_not_become_smaller_is_left_alone),
        cmocka_unit_test(test_files_that_would_take_long_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
