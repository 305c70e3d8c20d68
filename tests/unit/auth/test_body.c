/* SPDX-License-Identifier: MIT */
/* Tests of the body of /register and /login, and of the cookie that answers it. */
#include "body.h"
#include "cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void assert_refused_n(const char *text, size_t n, const char *reason)
{
    struct body body;
    char why[BODY_WHY_BYTES] = "";

    assert_int_equal(body_parse((chatd_str){text, n}, &body, why), CHATD_E_INVAL);
    if (strstr(why, reason) == NULL)
        fail_msg("`%s` does not say `%s`", why, reason);
    assert_null(body.tree);
}

static void assert_refused(const char *text, const char *reason)
{
    assert_refused_n(text, strlen(text), reason);
}

static void test_good(void **state)
{
    static const char text[] =
        " {\"password\":\"p\\u00e4ss\",\"user\":\"al\\\"ice\",\"more\":{\"a\":[1]}} \n";
    struct body body;
    char why[BODY_WHY_BYTES];

    (void)state;
    assert_int_equal(body_parse((chatd_str){text, strlen(text)}, &body, why), CHATD_OK);
    assert_string_equal(body.user.p, "al\"ice");
    assert_int_equal(body.user.n, 6);
    assert_string_equal(body.password.p, "p\xc3\xa4ss");
    body_free(&body);
    assert_null(body.tree);
}

static void test_change(void **state)
{
    static const char text[] = "{\"new\":\"battery staple\",\"old\":\"correct horse\"}";
    static const char none[] = "{\"old\":\"correct horse\"}";
    struct body body;
    char why[BODY_WHY_BYTES];

    (void)state;
    assert_int_equal(body_parse_change((chatd_str){text, strlen(text)}, &body, why), CHATD_OK);
    assert_string_equal(body.password.p, "correct horse");
    assert_string_equal(body.fresh.p, "battery staple");
    body_free(&body);
    assert_int_equal(body_parse_change((chatd_str){none, strlen(none)}, &body, why), CHATD_E_INVAL);
    assert_string_equal(
        why, "The body must be a JSON object with the strings old and new: new is missing.");
}

static void test_each_fault_is_named(void **state)
{
    (void)state;
    assert_refused("", "empty");
    assert_refused("user=alice&password=x", "not valid JSON");
    assert_refused("{\"user\":\"a\",\"password\":\"b\"", "not valid JSON");
    assert_refused("{\"user\":\"a\",\"password\":\"b\"}x", "not valid JSON");
    assert_refused("[\"a\",\"b\"]", "not a JSON object");
    assert_refused("{\"password\":\"b\"}", "user is missing");
    assert_refused("{\"user\":\"a\"}", "password is missing");
    assert_refused("{\"user\":null,\"password\":\"b\"}", "user is missing");
    assert_refused("{\"user\":1,\"password\":\"b\"}", "user is not a string");
    assert_refused("{\"user\":\"a\",\"password\":[\"b\"]}", "password is not a string");
    assert_refused("{\"user\":\"a\",\"user\":\"c\",\"password\":\"b\"}", "twice");
    assert_refused("{\"user\":\"a\",\"password\":\"b\",\"x\":{\"y\":1,\"y\":1}}", "twice");
    assert_refused("{\"user\":\"a\\u0000\",\"password\":\"b\"}", "NUL");
    assert_refused("{\"user\":\"a\xff\",\"password\":\"b\"}", "UTF-8");
    assert_refused("{\"user\":\"\\ud800\",\"password\":\"b\"}", "not valid JSON");
    assert_refused_n("{\"user\":\"a\0\",\"password\":\"b\"}", 26, "not valid JSON");
}

static void test_sizes(void **state)
{
    char text[BODY_BYTES_MAX + 2];

    (void)state;
    memset(text, '[', sizeof(text));
    assert_refused_n(text, BODY_BYTES_MAX + 1, "too large");
    assert_refused_n(text, BODY_BYTES_MAX, "too deeply");
}

static void test_cookie(void **state)
{
    char out[COOKIE_BYTES_MAX], big[COOKIE_BYTES_MAX];

    (void)state;
    assert_int_equal(cookie_write("a.b.c", 86400, false, out), CHATD_OK);
    assert_string_equal(out, "token=a.b.c; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400");
    assert_int_equal(cookie_write("", 0, true, out), CHATD_OK);
    assert_string_equal(out, "token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure");
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(cookie_write(big, 1, false, out), CHATD_E_INVAL);
}

static void test_bearer(void **state)
{
    chatd_str token;

    (void)state;
    assert_int_equal(bearer_token(CHATD_STR("Bearer a.b.c"), &token), CHATD_OK);
    assert_string_equal(token.p, "a.b.c");
    assert_int_equal(bearer_token(CHATD_STR("bEARER   x"), &token), CHATD_OK);
    assert_int_equal(token.n, 1);
    assert_int_equal(bearer_token(CHATD_STR("Bearer "), &token), CHATD_E_NOTFOUND);
    assert_int_equal(bearer_token(CHATD_STR("Bearer"), &token), CHATD_E_NOTFOUND);
    assert_int_equal(bearer_token(CHATD_STR("Basic YTpi"), &token), CHATD_E_NOTFOUND);
    assert_int_equal(bearer_token(CHATD_STR(""), &token), CHATD_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_each_fault_is_named),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_bearer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
