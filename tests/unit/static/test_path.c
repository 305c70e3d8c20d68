/* SPDX-License-Identifier: MIT */
/* Which request paths the plugin `static` takes for a file, and which it refuses. */
#include "path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int normal(const char *path, char *out, size_t out_size)
{
    chatd_str s = {path, strlen(path)};

    return static_path_normal(s, out, out_size);
}

static void accepts(const char *path)
{
    char out[STATIC_PATH_MAX];

    memset(out, 'x', sizeof(out));
    if (normal(path, out, sizeof(out)) != CHATD_OK)
        fail_msg("\"%s\" is refused", path);
    assert_string_equal(out, path);
}

static void refuses(const char *path)
{
    char out[STATIC_PATH_MAX];

    if (normal(path, out, sizeof(out)) != CHATD_E_INVAL)
        fail_msg("\"%s\" is taken", path);
}

static void test_plain_names(void **state)
{
    (void)state;
    accepts("index.html");
    accepts("js/main.js");
    accepts("a/b/c/d/e.css");
    accepts("a");
    accepts("a..b");
    accepts("a.");
    accepts("a/b.");
    accepts("with blank.txt");
    accepts("caf\xc3\xa9.html");
    accepts("100%.txt"); /* decoded already: a percent sign is a percent sign */
    accepts("%2e%2e/x");
}

static void test_traversal(void **state)
{
    (void)state;
    refuses("..");
    refuses("../etc/passwd");
    refuses("js/../../etc/passwd");
    refuses("js/..");
    refuses("js/../index.html");
    refuses(".");
    refuses("./index.html");
    refuses("js/./main.js");
    refuses("..\\index.html");
    refuses("js\\main.js");
}

static void test_empty_segments(void **state)
{
    (void)state;
    refuses("");
    refuses("/");
    refuses("/index.html");
    refuses("//index.html");
    refuses("js//main.js");
    refuses("js/");
    refuses("js/main.js/");
}

static void test_hidden_files(void **state)
{
    (void)state;
    refuses(".git/config");
    refuses(".htaccess");
    refuses("js/.main.js.swp");
    refuses("...");
    refuses("a/...b");
}

static void test_control_characters(void **state)
{
    char out[STATIC_PATH_MAX];
    static const char with_nul[] = "index.html\0.png";
    chatd_str s = {with_nul, sizeof(with_nul) - 1};

    (void)state;
    assert_int_equal(static_path_normal(s, out, sizeof(out)), CHATD_E_INVAL);
    refuses("a\nb");
    refuses("a\r\nSet-Cookie: x");
    refuses("a\x01");
    refuses("a\x1f");
    refuses("\x7f");
}

static void test_lengths(void **state)
{
    char path[STATIC_PATH_MAX + 1], out[STATIC_PATH_MAX];
    size_t i;

    (void)state;
    memset(path, 'a', sizeof(path));
    path[255] = '\0';
    accepts(path);
    path[255] = 'a';
    path[256] = '\0';
    refuses(path);

    /* the whole: the longest that fits, with segments of 127 bytes, and one byte more */
    for (i = 0; i < sizeof(path); i++)
        path[i] = i % 128 == 127 ? '/' : 'a';
    path[STATIC_PATH_MAX - 1] = '\0';
    accepts(path);
    path[STATIC_PATH_MAX - 1] = 'a';
    path[STATIC_PATH_MAX] = '\0';
    refuses(path);

    /* the caller's buffer is what counts, its NUL included */
    assert_int_equal(normal("abc", out, 3), CHATD_E_INVAL);
    assert_int_equal(normal("abc", out, 4), CHATD_OK);
    assert_int_equal(normal("abc", out, 0), CHATD_E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_names),        cmocka_unit_test(test_traversal),
        cmocka_unit_test(test_empty_segments),     cmocka_unit_test(test_hidden_files),
        cmocka_unit_test(test_control_characters), cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
