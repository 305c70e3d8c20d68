/* SPDX-License-Identifier: MIT */
/* The growing buffer: always a NUL at its end, whatever was added last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/buf.h"

#include <string.h>

static void every_length_ends_with_nul(void **state)
{
    struct buf b = {0};
    size_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        buf_add(&b, "x", 1);
        assert_int_equal(b.n, i + 1);
        assert_true(b.cap > b.n);
        assert_int_equal(b.p[b.n], '\0');
    }
    buf_clear(&b);
    assert_string_equal(b.p, "");
    assert_int_equal(b.n, 0);
    buf_deinit(&b);
    assert_null(b.p);
}

static void nothing_added_is_a_string_too(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_clear(&b);
    assert_null(b.p);
    buf_add(&b, NULL, 0);
    assert_string_equal(b.p, "");
    buf_puts(&b, "");
    assert_int_equal(b.n, 0);
    buf_deinit(&b);
}

static void printf_fits_at_every_fill(void **state)
{
    char filler[200];
    size_t i;

    (void)state;
    memset(filler, 'f', sizeof(filler));
    for (i = 0; i < sizeof(filler); i++) {
        struct buf b = {0};

        buf_add(&b, filler, i);
        buf_printf(&b, "%d-%s", 42, "end");
        assert_int_equal(b.n, i + 6);
        assert_string_equal(b.p + i, "42-end");
        buf_printf(&b, "%s", "");
        assert_int_equal(b.n, i + 6);
        buf_deinit(&b);
    }
}

static void json_is_escaped(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_json(&b, "a\"\\\n\x01\x7f\xc3\xa4", 8);
    assert_string_equal(b.p, "\"a\\\"\\\\\\n\\u0001\\u007f\xc3\xa4\"");
    assert_int_equal(b.n, strlen(b.p));
    buf_json(&b, "", 0);
    assert_string_equal(b.p + b.n - 2, "\"\"");
    buf_deinit(&b);
}

static void bytes_may_be_nul(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_add(&b, "a\0b", 3);
    assert_memory_equal(b.p, "a\0b", 4);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_ends_with_nul),
        cmocka_unit_test(nothing_added_is_a_string_too),
        cmocka_unit_test(printf_fits_at_every_fill),
        cmocka_unit_test(json_is_escaped),
        cmocka_unit_test(bytes_may_be_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
