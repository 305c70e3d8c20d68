/* SPDX-License-Identifier: MIT */
/* "Rooms: 1-64 bytes of UTF-8 without control characters, white space, `/`, `{`, `}`" and the rules
 * for texts and authors. */
#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static chatd_str str(const char *s)
{
    return (chatd_str){s, strlen(s)};
}

static void names_that_are_good(void **state)
{
    static const char *const good[] = {
        "general",
        "a",
        "caf\xc3\xa9",
        "\xe6\x97\xa5\xe6\x9c\xac",
        "\xf0\x9f\x98\x80",
        "a.b-c_d#!",
        "\xf4\x8f\xbf\xbf",
        "..",
        "%2f",
        "\"\\",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(rules_room_name(str(good[i])));
}

static void names_that_are_not(void **state)
{
    static const struct {
        const char *name, *says;
    } bad[] = {
        {"", "empty"},
        {"a b", "white space"},
        {" a", "white space"},
        {"a\t", "white space"},
        {"a\nb", "white space"},
        {"a\xc2\xa0", "white space"},    /* U+00A0 */
        {"a\xc2\x85", "white space"},    /* U+0085, which is a control too */
        {"\xe1\x9a\x80", "white space"}, /* U+1680 */
        {"\xe2\x80\x83", "white space"}, /* U+2003 */
        {"\xe2\x80\xa8", "white space"}, /* U+2028 */
        {"\xe2\x80\xa9", "white space"}, /* U+2029 */
        {"\xe2\x80\xaf", "white space"}, /* U+202F */
        {"\xe2\x81\x9f", "white space"}, /* U+205F */
        {"\xe3\x80\x80", "white space"}, /* U+3000 */
        {"a\x01", "control"},
        {"a\x7f", "control"},
        {"\xc2\x80", "control"},
        {"\xc2\x9f", "control"},
        {"a\xc2\xad", "not seen"},     /* U+00AD soft hyphen */
        {"a\xcd\x8f", "not seen"},     /* U+034F grapheme joiner */
        {"a\xd8\x9c", "not seen"},     /* U+061C Arabic letter mark */
        {"a\xe1\x85\x9f", "not seen"}, /* U+115F Hangul filler */
        {"a\xe2\x80\x8b", "not seen"}, /* U+200B zero-width space */
        {"a\xe2\x80\x8d", "not seen"}, /* U+200D zero-width joiner */
        {"\xe2\x80\xae"
         "a",
         "not seen"}, /* U+202E override */
        {"\xe2\x81\xa6"
         "a",
         "not seen"},                  /* U+2066 isolate */
        {"a\xe2\x81\xa0", "not seen"}, /* U+2060 word joiner */
        {"a\xe3\x85\xa4", "not seen"}, /* U+3164 Hangul filler */
        {"a\xef\xb8\x8f", "not seen"}, /* U+FE0F variation selector */
        {"\xef\xbb\xbf"
         "a",
         "not seen"},                      /* U+FEFF */
        {"a\xf3\xa0\x80\x81", "not seen"}, /* U+E0001 tag */
        {"a/b", "/ { }"},
        {"{a", "/ { }"},
        {"a}", "/ { }"},
        {"\x80", "UTF-8"},
        {"\xc3", "UTF-8"},
        {"\xc0\xaf", "UTF-8"}, /* overlong slash */
        {"\xe0\x80\xaf", "UTF-8"},
        {"\xf0\x80\x80\xaf", "UTF-8"},
        {"\xed\xa0\x80", "UTF-8"},     /* a surrogate */
        {"\xf4\x90\x80\x80", "UTF-8"}, /* above U+10FFFF */
        {"\xf8\x88\x80\x80\x80", "UTF-8"},
        {"\xe2\x82", "UTF-8"},
        {"\xe2\x28\xa1", "UTF-8"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *why = rules_room_name(str(bad[i].name));

        assert_non_null(why);
        assert_non_null(strstr(why, bad[i].says));
    }
    assert_non_null(rules_room_name((chatd_str){"a\0b", 3}));
}

static void names_are_counted_in_bytes(void **state)
{
    char name[66];

    (void)state;
    memset(name, 'x', 65);
    name[65] = '\0';
    assert_non_null(rules_room_name(str(name)));
    assert_null(rules_room_name(str(name + 1)));
    memcpy(name + 63, "\xc3\xa9", 2); /* the last two of 64 bytes from name + 1 */
    assert_null(rules_room_name(str(name + 1)));
}

static void expect_text(const char *text, size_t max, const char *code)
{
    struct refusal why = {"unset", "unset", 1};
    bool is_good = rules_message_text(str(text), max, &why);

    if (code == NULL) {
        assert_true(is_good);
    } else {
        assert_false(is_good);
        assert_string_equal(why.code, code);
        assert_non_null(why.text);
    }
}

static void texts(void **state)
{
    struct refusal why;

    (void)state;
    expect_text("hi", 2, NULL);
    expect_text("hi!", 2, "too_large");
    expect_text("\xc3\xa9", 2, NULL);
    expect_text("\xc3\xa9", 1, "too_large");
    expect_text("", 10, "bad_request");
    expect_text(" \t\n\xe3\x80\x80", 10, "bad_request");
    expect_text(" x ", 10, NULL);
    expect_text("a\xff", 10, "bad_request");
    assert_false(rules_message_text((chatd_str){"a\0b", 3}, 10, &why));
    assert_false(rules_message_text((chatd_str){NULL, 0}, 10, &why));
}

/* Plain bytes are looked at eight at a time: nothing before, in and behind an eight is missed. */
static void texts_of_any_length(void **state)
{
    static const char *const odd[] = {"\x01", "\x7f", "\xc2\x85", "\xff", "\xe2\x80\xae"};
    static const char forty[] = "0123456789012345678901234567890123456789";
    char text[128];
    size_t n, at, i;

    (void)state;
    for (n = 1; n < 40; n++) {
        snprintf(text, sizeof(text), "%*s", (int)n, "");
        expect_text(text, 128, "bad_request");
        for (at = 0; at < n; at++) {
            snprintf(text, sizeof(text), "%*s%c%*s", (int)at, "", at % 2 ? 'x' : '"',
                     (int)(n - at - 1), "");
            expect_text(text, 128, NULL);
            for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                snprintf(text, sizeof(text), "%.*s%s%.*s", (int)at, forty, odd[i], (int)(n - at),
                         forty);
                expect_text(text, 128, "bad_request");
            }
        }
    }
}

#define PDF "\xe2\x80\xac"
#define PDI "\xe2\x81\xa9"

static void texts_have_no_control_characters(void **state)
{
    char text[] = "a?b", c1[] = "a\xc2?b";
    int c;

    (void)state;
    for (c = 1; c < 0x20; c++) {
        text[1] = (char)c;
        expect_text(text, 10, c == '\t' || c == '\n' || c == '\r' ? NULL : "bad_request");
    }
    expect_text("a\x7f", 10, "bad_request");
    for (c = 0x80; c < 0xa0; c++) {
        c1[2] = (char)c;
        expect_text(c1, 10, "bad_request");
    }
    expect_text("a\xe2\x80\xa8\xe2\x80\xa9z", 10, NULL);       /* line and paragraph separators */
    expect_text("\xe2\x80\x8f\xd7\x90\xe2\x80\x8d", 10, NULL); /* marks, joiners */
}

static void texts_change_direction_and_back(void **state)
{
    static const char *const embeddings[] = {"\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xad",
                                             "\xe2\x80\xae"};
    static const char *const isolates[] = {"\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8"};
    char text[400] = "";
    int i;

    (void)state;
    for (i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "a%sb", embeddings[i]);
        expect_text(text, 400, "bad_request");
        snprintf(text, sizeof(text), "a%sb" PDF, embeddings[i]);
        expect_text(text, 400, NULL);
        snprintf(text, sizeof(text), "a%sb" PDI, embeddings[i]);
        expect_text(text, 400, "bad_request");
    }
    for (i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "a%sb", isolates[i]);
        expect_text(text, 400, "bad_request");
        snprintf(text, sizeof(text), "a%sb" PDI, isolates[i]);
        expect_text(text, 400, NULL);
        snprintf(text, sizeof(text), "%s%sb" PDF PDI, isolates[i], embeddings[i]);
        expect_text(text, 400, NULL);
        snprintf(text, sizeof(text), "%s%sb" PDI PDF, isolates[i], embeddings[i]);
        expect_text(text, 400, "bad_request");
    }
    expect_text("a" PDF, 400, "bad_request");
    expect_text("a" PDI, 400, "bad_request");
    text[0] = '\0';
    for (i = 0; i < 100; i++)
        strcat(text, isolates[0]);
    expect_text(text, 400, "bad_request");
}

static void users(void **state)
{
    char name[USER_NAME_MAX + 2];

    (void)state;
    memset(name, 'u', sizeof(name));
    assert_true(rules_user(CHATD_STR("guest-12")));
    assert_true(rules_user((chatd_str){name, USER_NAME_MAX}));
    assert_false(rules_user((chatd_str){name, USER_NAME_MAX + 1}));
    assert_false(rules_user(CHATD_STR("")));
    assert_false(rules_user(CHATD_STR("a\0b")));
    assert_false(rules_user(CHATD_STR("\xff")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_good),
        cmocka_unit_test(names_that_are_not),
        cmocka_unit_test(names_are_counted_in_bytes),
        cmocka_unit_test(texts),
        cmocka_unit_test(texts_of_any_length),
        cmocka_unit_test(texts_have_no_control_characters),
        cmocka_unit_test(texts_change_direction_and_back),
        cmocka_unit_test(users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
