/* SPDX-License-Identifier: MIT */
/* Content types by extension, entity tags and If-None-Match of the plugin `static`. */
#include "etag.h"
#include "types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_known_types(void **state)
{
    (void)state;
    assert_string_equal(static_type("index.html"), "text/html; charset=utf-8");
    assert_string_equal(static_type("js/main.js"), "text/javascript; charset=utf-8");
    assert_string_equal(static_type("main.mjs"), "text/javascript; charset=utf-8");
    assert_string_equal(static_type("a.css"), "text/css; charset=utf-8");
    assert_string_equal(static_type("favicon.svg"), "image/svg+xml; charset=utf-8");
    assert_string_equal(static_type("robots.txt"), "text/plain; charset=utf-8");
    assert_string_equal(static_type("a.png"), "image/png");
    assert_string_equal(static_type("a.woff2"), "font/woff2");
    assert_string_equal(static_type("a.webmanifest"), "application/manifest+json");
    assert_string_equal(static_type("a.json"), "application/json");
}

static void test_only_the_last_extension_counts(void **state)
{
    (void)state;
    assert_string_equal(static_type("A.PNG"), "image/png");
    assert_string_equal(static_type("app.min.js"), "text/javascript; charset=utf-8");
    assert_string_equal(static_type("evil.html.bin"), "application/octet-stream");
    assert_string_equal(static_type("page.html/data"), "application/octet-stream");
}

static void test_unknown_types(void **state)
{
    static const char octets[] = "application/octet-stream";

    (void)state;
    assert_string_equal(static_type("LICENSE"), octets);
    assert_string_equal(static_type("html"), octets);
    assert_string_equal(static_type("a."), octets);
    assert_string_equal(static_type("a.htmlx"), octets);
    assert_string_equal(static_type("a.htm l"), octets);
    assert_string_equal(static_type(""), octets);
}

static void test_html_is_recognised(void **state)
{
    (void)state;
    assert_true(static_type_is_html(static_type("index.html")));
    assert_true(static_type_is_html(static_type("index.HTM")));
    assert_false(static_type_is_html(static_type("main.js")));
    assert_false(static_type_is_html(static_type("a.svg")));
}

static void test_what_is_text_is_compressed(void **state)
{
    static const char *const text[] = {"a.html", "a.HTM", "a.css", "a.js",         "b/a.min.mjs",
                                       "a.json", "a.map", "a.txt", "a.md",         "a.csv",
                                       "a.xml",  "a.svg", "a.SVG", "a.webmanifest"};
    static const char *const other[] = {"a.png",     "a.jpg", "a.woff2", "a.mp4", "a.pdf", "a.bin",
                                        "a.html.gz", "html",  "a.",      "",      "a.js/b"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++)
        assert_true(static_path_is_text(text[i]));
    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        assert_false(static_path_is_text(other[i]));
}

static void test_etag_follows_the_content(void **state)
{
    char a[STATIC_ETAG_MAX], b[STATIC_ETAG_MAX];

    (void)state;
    static_etag("hello", 5, a);
    static_etag("hello", 5, b);
    assert_string_equal(a, b);
    assert_int_equal(a[0], '"');
    assert_int_equal(a[strlen(a) - 1], '"');
    static_etag("hellp", 5, b);
    assert_string_not_equal(a, b);
    static_etag("hello\0", 6, b);
    assert_string_not_equal(a, b);
    static_etag("", 0, b);
    assert_string_equal(b, "\"cbf29ce484222325-0\""); /* FNV-1a's offset basis */
    static_etag("foobar", 6, b);
    assert_string_equal(b, "\"85944171f73967e8-6\""); /* from the algorithm's test vectors */
}

static int matches(const char *header, const char *etag)
{
    chatd_str s = {header, strlen(header)};

    return static_etag_matches(s, etag);
}

static void test_if_none_match(void **state)
{
    (void)state;
    assert_true(matches("\"a\"", "\"a\""));
    assert_true(matches("W/\"a\"", "\"a\""));
    assert_true(matches("\"x\", \"a\"", "\"a\""));
    assert_true(matches("\"x\",W/\"y\" ,\t\"a\"", "\"a\""));
    assert_true(matches("\"x,y\", \"a\"", "\"a\""));
    assert_true(matches(",, \"a\",", "\"a\""));
    assert_true(matches("*", "\"a\""));
    assert_true(matches(" * ", "\"a\""));

    assert_false(matches("", "\"a\""));
    assert_false(matches("\"b\"", "\"a\""));
    assert_false(matches("\"aa\"", "\"a\""));
    assert_false(matches("a", "\"a\""));
    assert_false(matches("\"a", "\"a\""));
    assert_false(matches("w/\"a\"", "\"a\"")); /* the prefix is case-sensitive */
    assert_false(matches("\"x\" junk \"a\"", "\"a\""));
    assert_false(matches("*, \"b\"", "\"a\""));
    assert_false(matches("W/", "\"a\""));
    assert_false(matches("\"", "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_types),
        cmocka_unit_test(test_only_the_last_extension_counts),
        cmocka_unit_test(test_unknown_types),
        cmocka_unit_test(test_html_is_recognised),
        cmocka_unit_test(test_what_is_text_is_compressed),
        cmocka_unit_test(test_etag_follows_the_content),
        cmocka_unit_test(test_if_none_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
