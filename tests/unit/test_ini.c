/* SPDX-License-Identifier: MIT */
/* The INI reader: entries with their lines, and every line it refuses with its exact message. */
#define _DEFAULT_SOURCE 1 /* mkstemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/mem.h"
#include "config/ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What report() got, one line each. */
struct heard {
    char text[4096];
};

static void hear(void *arg, const char *text)
{
    struct heard *h = arg;
    size_t n = strlen(h->text);
    assert_true(n + strlen(text) + 2 <= sizeof(h->text));
    snprintf(h->text + n, sizeof(h->text) - n, "%s\n", text);
}

static struct ini *read_n(const char *text, size_t n, const char *expected)
{
    struct heard h = {{0}};
    struct ini *ini = NULL;
    int rc = ini_read_mem("t.ini", (const uint8_t *)text, n, &ini, hear, &h);
    assert_non_null(ini);
    assert_string_equal(h.text, expected);
    assert_int_equal(rc, expected[0] == '\0' ? 0 : -1);
    return ini;
}

static struct ini *read_text(const char *text, const char *expected)
{
    return read_n(text, strlen(text), expected);
}

static void refuse(const char *text, const char *expected)
{
    ini_free(read_text(text, expected));
}

static void entry_is(const struct ini *ini, size_t i, const char *section, const char *key,
                     const char *value, unsigned line)
{
    assert_true(i < ini->n);
    assert_string_equal(ini->entry[i].section, section);
    assert_string_equal(ini->entry[i].key, key);
    assert_string_equal(ini->entry[i].value, value);
    assert_int_equal(ini->entry[i].line, line);
}

static void test_entries_and_lines(void **state)
{
    (void)state;
    struct ini *ini = read_text("; head\n"
                                "\n"
                                "[chatd]   ; the core\n"
                                "listen  =  0.0.0.0:8080  \r\n"
                                "  # indented comments are fine\n"
                                "name=a:b=c;d\n"
                                "[history-redis]\n"
                                "empty =\n"
                                "[chatd]\n"
                                "workers = auto ; as many as CPUs",
                                "");
    assert_string_equal(ini->file, "t.ini");
    assert_int_equal(ini->n, 4);
    entry_is(ini, 0, "chatd", "listen", "0.0.0.0:8080", 4);
    entry_is(ini, 1, "chatd", "name", "a:b=c;d", 6);
    entry_is(ini, 2, "history-redis", "empty", "", 8);
    entry_is(ini, 3, "chatd", "workers", "auto", 10);
    assert_int_equal(ini->sections, 3);
    assert_string_equal(ini->section[1].name, "history-redis");
    assert_int_equal(ini->section[1].line, 7);
    ini_free(ini);
}

static void test_empty_and_bom(void **state)
{
    (void)state;
    refuse("", "");
    refuse("\n\n", "");
    struct ini *ini = read_text("\xef\xbb\xbf[chatd]\nk = v\n", "");
    entry_is(ini, 0, "chatd", "k", "v", 2);
    ini_free(ini);
}

static void test_comment_inside_value(void **state)
{
    (void)state;
    struct ini *ini = read_text("[a]\nx = one ;two\ny = one;two\nz = one #two\n", "");
    entry_is(ini, 0, "a", "x", "one", 2);
    entry_is(ini, 1, "a", "y", "one;two", 3);
    entry_is(ini, 2, "a", "z", "one #two", 4);
    ini_free(ini);
}

static void test_broken_lines(void **state)
{
    (void)state;
    refuse("[a]\nx\n", "t.ini:2: the line has no '='; write key = value\n");
    refuse("[a]\nx", "t.ini:2: the line has no '='; write key = value\n");
    refuse("[a]\nx ; = 1\n", "t.ini:2: the line has no '='; write key = value\n");
    refuse("[a]\nx: 1\n", "t.ini:2: ':' stands where '=' is expected; write key = value\n");
    refuse("[a]\n= 1\n", "t.ini:2: a key is made of letters, digits, '-', '_' and '.'\n");
    refuse("[a]\nx y = 1\n", "t.ini:2: a key is made of letters, digits, '-', '_' and '.'\n");
    refuse("x = 1\n", "t.ini:1: \"x\" stands before the first [section]\n");
    refuse("[a]\nx = 1\n y = 2\n",
           "t.ini:3: the line begins with a blank; keys and sections start in the first column, "
           "and no value goes on in a second line\n");
}

static void test_control_characters(void **state)
{
    (void)state;
    static const char nul[] = "[a]\nx = 1\0002\n";
    ini_free(read_n(nul, sizeof(nul) - 1, "t.ini:2: the line holds the control character 0x00\n"));
    refuse("[a]\nx = \x1b[1m\n", "t.ini:2: the line holds the control character 0x1b\n");
    refuse("[a]\rx = 1\n", "t.ini:1: the line holds the control character 0x0d\n");
    refuse("; \x7f\n", "t.ini:1: the line holds the control character 0x7f\n");
}

static void test_headers(void **state)
{
    (void)state;
    refuse("[a\n", "t.ini:1: the section has no closing ']'\n");
    refuse("[]\n", "t.ini:1: the name of a section is made of letters, digits, '-', '_' and '.'\n");
    refuse("[ a ]\n",
           "t.ini:1: the name of a section is made of letters, digits, '-', '_' and '.'\n");
    refuse("[a] x = 1\n", "t.ini:1: nothing but a comment may follow the ']' of a section\n");
    /* Keys of a refused section are neither complaints nor keys of the one before it. */
    struct ini *ini = read_text("[a]\nx = 1\n[b!]\nx = 2\nx = 3\n[c]\ny = 4\n",
                                "t.ini:3: the name of a section is made of letters, digits, '-', "
                                "'_' and '.'\n");
    assert_int_equal(ini->n, 2);
    entry_is(ini, 0, "a", "x", "1", 2);
    entry_is(ini, 1, "c", "y", "4", 7);
    ini_free(ini);
}

static void test_section_name_limit(void **state)
{
    (void)state;
    char name[INI_SECTION_BYTES + 2], text[128];
    memset(name, 's', sizeof(name));
    name[INI_SECTION_BYTES] = '\0';
    snprintf(text, sizeof(text), "[%s]\nx = 1\n", name);
    struct ini *ini = read_text(text, "");
    entry_is(ini, 0, name, "x", "1", 2);
    ini_free(ini);

    name[INI_SECTION_BYTES] = 's';
    name[INI_SECTION_BYTES + 1] = '\0';
    snprintf(text, sizeof(text), "[%s]\nx = 1\n", name);
    refuse(text, "t.ini:1: the section's name is longer than 49 bytes\n");
}

/* "[a]\nx=vvv\ny=1\n" whose second line has `bytes` bytes. */
static char *text_with_line(size_t bytes)
{
    char *value = mem_alloc(bytes);
    memset(value, 'v', bytes - 2);
    char *text = mem_printf("[a]\nx=%s\r\ny=1\n", value);
    mem_free(value);
    return text;
}

static void test_line_limit(void **state)
{
    (void)state;
    char *text = text_with_line(INI_LINE_BYTES);
    struct ini *ini = read_text(text, "");
    assert_int_equal(ini->n, 2);
    assert_int_equal(strlen(ini->entry[0].value), INI_LINE_BYTES - 2);
    entry_is(ini, 1, "a", "y", "1", 3);
    ini_free(ini);
    mem_free(text);

    text = text_with_line(INI_LINE_BYTES + 1);
    ini = read_text(text, "t.ini:2: the line is 4097 bytes long; 4096 is the limit\n");
    assert_int_equal(ini->n, 1);
    entry_is(ini, 0, "a", "y", "1", 3);
    ini_free(ini);
    mem_free(text);
}

static void test_repeated_key(void **state)
{
    (void)state;
    struct ini *ini = read_text("[a]\nx = 1\n[b]\nx = 2\n[a]\nx = 3\n",
                                "t.ini:6: [a] x is given a second time; the first is in line 2\n");
    assert_int_equal(ini->n, 2);
    entry_is(ini, 0, "a", "x", "1", 2);
    entry_is(ini, 1, "b", "x", "2", 4);
    ini_free(ini);
}

static void test_all_problems_in_one_run(void **state)
{
    (void)state;
    struct ini *ini = read_text("early = 1\n[a]\nword\nx = 1\nx: 2\nlast",
                                "t.ini:1: \"early\" stands before the first [section]\n"
                                "t.ini:3: the line has no '='; write key = value\n"
                                "t.ini:5: ':' stands where '=' is expected; write key = value\n"
                                "t.ini:6: the line has no '='; write key = value\n");
    assert_int_equal(ini->n, 1);
    ini_free(ini);
}

static void test_can_hold(void **state)
{
    (void)state;
    assert_true(ini_can_hold("x", ""));
    assert_true(ini_can_hold("x", "a;b # c"));
    assert_true(ini_can_hold("history-redis", "[on]"));
    assert_false(ini_can_hold("x", "a ;b"));
    assert_false(ini_can_hold("x", ";b"));
    assert_false(ini_can_hold("x", " a"));
    assert_false(ini_can_hold("x", "a\t"));
    assert_false(ini_can_hold("x", "a\nb"));
    assert_false(ini_can_hold("", "a"));
    assert_false(ini_can_hold("x y", "a"));
    char *value = mem_alloc(INI_LINE_BYTES - 3);
    memset(value, 'v', INI_LINE_BYTES - 4);
    assert_true(ini_can_hold("x", value));
    assert_false(ini_can_hold("xy", value));
    mem_free(value);
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/chatd-test-ini-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "[a]\nx = 1\nbad\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);

    struct heard h = {{0}};
    struct ini *ini = NULL;
    assert_int_equal(ini_read(path, &ini, hear, &h), -1);
    char *expected = mem_printf("%s:3: the line has no '='; write key = value\n", path);
    assert_string_equal(h.text, expected);
    entry_is(ini, 0, "a", "x", "1", 2);
    ini_free(ini);
    mem_free(expected);

    h = (struct heard){{0}};
    assert_int_equal(ftruncate(fd, INI_FILE_BYTES + 1), 0);
    assert_int_equal(ini_read(path, &ini, hear, &h), -1);
    expected = mem_printf("%s: is larger than 1048576 bytes\n", path);
    assert_string_equal(h.text, expected);
    assert_int_equal(ini->n, 0);
    ini_free(ini);
    mem_free(expected);
    close(fd);
    unlink(path);
}

static void test_unreadable_file(void **state)
{
    (void)state;
    struct heard h = {{0}};
    struct ini *ini = NULL;
    assert_int_equal(ini_read("/nonexistent/chatd.ini", &ini, hear, &h), -1);
    assert_string_equal(h.text,
                        "/nonexistent/chatd.ini: cannot be read: No such file or directory\n");
    assert_int_equal(ini->n, 0);
    ini_free(ini);

    h = (struct heard){{0}};
    assert_int_equal(ini_read("/tmp", &ini, hear, &h), -1);
    assert_string_equal(h.text, "/tmp: cannot be read: Is a directory\n");
    ini_free(ini);
    ini_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_and_lines),
        cmocka_unit_test(test_empty_and_bom),
        cmocka_unit_test(test_comment_inside_value),
        cmocka_unit_test(test_broken_lines),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_section_name_limit),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_repeated_key),
        cmocka_unit_test(test_all_problems_in_one_run),
        cmocka_unit_test(test_can_hold),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_unreadable_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
