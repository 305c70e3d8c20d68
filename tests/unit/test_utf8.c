/* SPDX-License-Identifier: MIT */
/* UTF-8: every code point, every way to be wrong (RFC 3629), and every cut of a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/utf8.h"

#include <string.h>

#define RUN(text, valid) check_text(text, sizeof(text) - 1, valid)

/* The answer must be the same for one feed, for every cut in two, bytewise, and behind ASCII that puts
   the text anywhere relative to the blocks that are passed over. */
static void check_text(const char *text, size_t n, bool valid)
{
    uint8_t padded[64];
    assert_true(n <= 24);
    for (size_t pad = 0; pad <= 20; pad++) {
        size_t len = pad + n + pad;
        memset(padded, 'a', sizeof padded);
        memcpy(padded + pad, text, n);
        assert_int_equal(utf8_valid(padded, len), valid);
        for (size_t cut = 0; cut <= len; cut++) {
            uint32_t state = utf8_feed(utf8_init(), padded, cut);
            state = utf8_feed(state, padded + cut, len - cut);
            assert_int_equal(utf8_is_complete(state), valid);
        }
        uint32_t state = utf8_init();
        for (size_t i = 0; i < len; i++) {
            state = utf8_feed(state, padded + i, 1);
        }
        assert_int_equal(utf8_is_complete(state), valid);
    }
    assert_int_equal(utf8_valid(text, n), valid);
}

static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6) {
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    }
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110fff; c++) {
        uint8_t bytes[4];
        size_t n = encode(c, bytes);
        bool valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        if (utf8_valid(bytes, n) != valid) {
            fail_msg("U+%04X: %s expected", (unsigned)c, valid ? "valid" : "invalid");
        }
    }
}

/* All 2^16 pairs, against the grammar: two ASCII characters, or a two-byte one. */
static void every_pair(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t bytes[2] = {(uint8_t)a, (uint8_t)b};
            bool ascii = a < 0x80 && b < 0x80;
            bool two = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
            assert_int_equal(utf8_valid(bytes, 2), ascii || two);
        }
    }
}

static void good_texts(void **state)
{
    (void)state;
    RUN("", true);
    RUN("Hello", true);
    RUN("a\0b", true); /* NUL is a character */
    RUN("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true);
    RUN("\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80", true);
    RUN("\xef\xbb\xbf", true);     /* byte order mark */
    RUN("\xef\xbf\xbe", true);     /* a non-character is still encoded well */
    RUN("\xed\x9f\xbf", true);     /* U+D7FF */
    RUN("\xee\x80\x80", true);     /* U+E000 */
    RUN("\xf4\x8f\xbf\xbf", true); /* U+10FFFF */
}

static void overlongs(void **state)
{
    (void)state;
    RUN("\xc0\x80", false);
    RUN("\xc0\xaf", false);
    RUN("\xc1\xbf", false);
    RUN("\xe0\x80\xaf", false);
    RUN("\xe0\x9f\xbf", false);
    RUN("\xf0\x80\x80\xaf", false);
    RUN("\xf0\x8f\xbf\xbf", false);
    RUN("\xf8\x88\x80\x80\x80", false);
    RUN("\xfc\x84\x80\x80\x80\x80", false);
}

static void surrogates(void **state)
{
    (void)state;
    RUN("\xed\xa0\x80", false);
    RUN("\xed\xaf\xbf", false);
    RUN("\xed\xb0\x80", false);
    RUN("\xed\xbf\xbf", false);
    RUN("\xed\xa1\x8c\xed\xbe\xb4", false); /* a CESU-8 pair */
}

static void above_the_last(void **state)
{
    (void)state;
    RUN("\xf4\x90\x80\x80", false);
    RUN("\xf5\x80\x80\x80", false);
    RUN("\xf7\xbf\xbf\xbf", false);
    RUN("\xfe", false);
    RUN("\xff", false);
}

static void misplaced_bytes(void **state)
{
    (void)state;
    RUN("\x80", false);
    RUN("\xbf", false);
    RUN("a\x80", false);
    RUN("\xc3(", false);
    RUN("\xe2\x82(", false);
    RUN("\xf0\x9f\x98(", false);
    RUN("\xc3\xa4\xa4", false);
    RUN("\xe2\xe2\x82\xac", false);
}

static void cut_characters(void **state)
{
    (void)state;
    static const char *const cut[] = {"\xc3",         "\xe2",         "\xe2\x82",
                                      "\xe0\xa0",     "\xf0",         "\xf0\x9f",
                                      "\xf0\x9f\x98", "\xf4\x8f\xbf", "\xed\x9f"};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        uint32_t s = utf8_feed(utf8_init(), (const uint8_t *)cut[i], strlen(cut[i]));
        assert_false(utf8_is_complete(s));
        assert_false(utf8_is_broken(s)); /* more may come */
        assert_false(utf8_valid(cut[i], strlen(cut[i])));
    }
}

/* A block of ASCII breaks a character that was begun; passing over it would join the two halves. */
static void ascii_block_inside_a_character(void **state)
{
    (void)state;
    static const char *const halves[][2] = {
        {"\xc3", "\xa4"}, {"\xe2\x82", "\xac"}, {"\xf0\x9f", "\x98\x80"}};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        for (size_t ascii = 1; ascii <= 48; ascii++) {
            uint8_t block[48];
            memset(block, 'a', sizeof block);
            uint32_t s = utf8_init();
            s = utf8_feed(s, (const uint8_t *)halves[i][0], strlen(halves[i][0]));
            s = utf8_feed(s, block, ascii);
            assert_true(utf8_is_broken(s));
            s = utf8_feed(s, (const uint8_t *)halves[i][1], strlen(halves[i][1]));
            assert_false(utf8_is_complete(s));
        }
    }
}

static void broken_is_seen_at_once_and_stays(void **state)
{
    (void)state;
    /* The second byte of an overlong, a surrogate or a too high character decides, not the last one. */
    static const char *const early[] = {"\xc0",     "\xe0\x80", "\xed\xa0",
                                        "\xf0\x80", "\xf4\x90", "\xf5"};
    for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
        uint32_t s = utf8_feed(utf8_init(), (const uint8_t *)early[i], strlen(early[i]));
        assert_true(utf8_is_broken(s));
        for (unsigned b = 0; b < 256; b++) {
            uint8_t byte = (uint8_t)b;
            assert_true(utf8_is_broken(utf8_feed(s, &byte, 1)));
        }
        uint8_t ascii[64];
        memset(ascii, 'a', sizeof ascii);
        assert_true(utf8_is_broken(utf8_feed(s, ascii, sizeof ascii)));
    }
}

static void states(void **state)
{
    (void)state;
    assert_int_equal(utf8_init(), UTF8_ACCEPT);
    assert_int_equal(utf8_feed(utf8_init(), NULL, 0), UTF8_ACCEPT);
    for (unsigned b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        assert_true(utf8_feed(utf8_init(), &byte, 1) <= UINT8_MAX); /* fits the connection's byte */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(every_pair),
        cmocka_unit_test(good_texts),
        cmocka_unit_test(overlongs),
        cmocka_unit_test(surrogates),
        cmocka_unit_test(above_the_last),
        cmocka_unit_test(misplaced_bytes),
        cmocka_unit_test(cut_characters),
        cmocka_unit_test(ascii_block_inside_a_character),
        cmocka_unit_test(broken_is_seen_at_once_and_stays),
        cmocka_unit_test(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
