/* SPDX-License-Identifier: MIT */
/* The envelope of chatd.v1. */
#include "host/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *text, const char *type, const char *id)
{
    struct envelope e;

    assert_null(envelope_open((chatd_str){text, strlen(text)}, &e));
    assert_int_equal(e.type.n, strlen(type));
    assert_memory_equal(e.type.p, type, e.type.n);
    assert_int_equal(e.id.n, strlen(id));
    assert_memory_equal(e.id.p, id, e.id.n);
    envelope_close(&e);
    assert_null(e.fields.text);
    assert_null(e.fields.json);
}

/* `id` is what the answer carries. */
static void is_not(const char *text, const char *why, const char *id)
{
    struct envelope e;

    assert_string_equal(envelope_open((chatd_str){text, strlen(text)}, &e), why);
    assert_int_equal(e.id.n, strlen(id));
    assert_memory_equal(e.id.p, id, e.id.n);
    envelope_close(&e);
}

#define TEN        "0123456789"
#define SIXTY_FOUR TEN TEN TEN TEN TEN TEN "0123"

static void test_good_ones(void **state)
{
    (void)state;
    is("{\"type\":\"ping\",\"id\":\"1\"}", "ping", "1");
    is("{\"id\":null,\"type\":\"x\",\"more\":[{}]}", "x", "");
    is("{\"type\":\"\",\"id\":\"\"}", "", "");
    is("{\"type\":\"x\",\"id\":\"" SIXTY_FOUR "\"}", "x", SIXTY_FOUR);
}

static void test_bad_ones(void **state)
{
    (void)state;
    is_not("", "it is not valid JSON", "");
    is_not("[]", "it is not a JSON object", "");
    is_not("{\"type\":\"x\"}{}", "it is not valid JSON", "");
    is_not("{\"type\":\"x\",\"type\":\"y\"}", "a key is there twice", "");
    is_not("{\"type\":\"x\\u0000\"}", "a string has a NUL in it", "");
    is_not("{\"type\":\"\xff\"}", "the text is not valid UTF-8", "");
    is_not("{\"type\":\"x\",\"id\":7}", "id must be a string of at most 64 bytes", "");
    is_not("{\"type\":\"x\",\"id\":\"" SIXTY_FOUR "4\"}", "id must be a string of at most 64 bytes",
           "");
    is_not("{\"id\":\"1\"}", "type must be a string", "1");
    is_not("{\"id\":\"1\",\"type\":true}", "type must be a string", "1");
}

static void test_nesting(void **state)
{
    char text[8192] = "{\"type\":";
    struct envelope e;

    (void)state;
    memset(text + 8, '[', 4000);
    assert_string_equal(envelope_open((chatd_str){text, 4008}, &e), "it is nested too deeply");
    envelope_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good_ones),
                                       cmocka_unit_test(test_bad_ones),
                                       cmocka_unit_test(test_nesting)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
