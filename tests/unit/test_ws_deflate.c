/* SPDX-License-Identifier: MIT */
/* RFC 7692, 7.2: the examples, each window, and what must not be inflated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/ws_deflate.h"
#include "net/ws_frame.h"
#include "net/ws_inflate.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_MESSAGE 1000

/* "code" or "opcode:text" */
static char said[MAX_MESSAGE + 64];
static struct ws_inflate *z;

static int setup(void **state)
{
    (void)state;
    z = ws_inflate_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ws_inflate_free(&z);
    ws_inflate_free(&z);
    return 0;
}

static const char *inflated(uint8_t opcode, const void *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1), *memory;
    struct ws_event ev = {.kind = WS_MESSAGE, .opcode = opcode, .is_compressed = true};

    memcpy(copy, p, n);
    ev.data = copy;
    ev.len = n;
    ws_inflate(z, &ev, MAX_MESSAGE, &memory);
    assert_false(ev.is_compressed);
    if (ev.kind == WS_MESSAGE) {
        assert_true(ev.len <= MAX_MESSAGE);
        ev.data[ev.len] = '\0'; /* there is room for it */
        snprintf(said, sizeof(said), "%d:%s", ev.opcode, (char *)ev.data);
    } else {
        assert_int_equal(ev.kind, WS_ERROR);
        assert_non_null(ev.reason);
        snprintf(said, sizeof(said), "%d", ev.code);
    }
    free(memory);
    free(copy);
    return said;
}

#define GIVES(bytes, expected) \
    assert_string_equal(inflated(WS_OP_TEXT, bytes, sizeof(bytes) - 1), expected)

static void examples_of_the_rfc(void **state)
{
    (void)state;
    GIVES("\xf2\x48\xcd\xc9\xc9\x07\x00", "1:Hello");                         /* 7.2.3.1 */
    GIVES("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "1:Hello");         /* 7.2.3.3 */
    GIVES("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "1:Hello");                     /* 7.2.3.4 */
    GIVES("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "1:Hello"); /* 7.2.3.5 */
    GIVES("\x00", "1:");                                                      /* 7.2.3.6 */
}

/* 7.2.3.2: the second "Hello" of a client that keeps its window, though we said that it must not. */
static void a_window_that_was_kept_is_refused(void **state)
{
    (void)state;
    GIVES("\xf2\x48\xcd\xc9\xc9\x07\x00", "1:Hello");
    GIVES("\xf2\x00\x11\x00\x00", "1007");
    GIVES("\xf2\x48\xcd\xc9\xc9\x07\x00", "1:Hello"); /* and the next one notices nothing */
}

static void fragments_of_the_rfc(void **state)
{
    /* 7.2.3.1: the two fragments of its example, put together as the reader does. */
    static const uint8_t frames[] = {0x41, 0x83, 0, 0, 0, 0,    0xf2, 0x48, 0xcd, 0x80,
                                     0x84, 0,    0, 0, 0, 0xc9, 0xc9, 0x07, 0x00};
    uint8_t copy[sizeof(frames)], *p = copy;
    size_t n = sizeof(copy);
    struct ws_reader r;
    struct ws_event ev;

    (void)state;
    memcpy(copy, frames, sizeof(copy));
    ws_reader_init(&r);
    ws_reader_allow_compressed(&r);
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MESSAGE);
    assert_true(ev.is_compressed);
    assert_string_equal(inflated(ev.opcode, ev.data, ev.len), "1:Hello");
    ws_reader_deinit(&r);
}

static void final_blocks_may_stand_anywhere(void **state)
{
    (void)state;
    GIVES("\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "1:HelloHello");
    GIVES("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x01", "1:Hello"); /* its tail was cut off */
    GIVES("\x03\x00\x03\x00\x00", "1:");
}

static void what_cannot_be_inflated(void **state)
{
    (void)state;
    GIVES("", "1007");                                     /* 7.2.3.6: empty is one byte */
    GIVES("\xf2\x48\xcd\xc9\xc9\x07", "1007");             /* the last byte is missing */
    GIVES("\xf2\x48\xcd", "1007");                         /* half of it */
    GIVES("\xff\xff\xff\xff", "1007");                     /* no such type of block */
    GIVES("\x00\x05\x00\xfa\xfe\x48", "1007");             /* lengths that differ */
    GIVES("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c", "1007"); /* a block left open */
    GIVES("\xf2\x00\x11\x00\x00", "1007");                 /* a distance too far back */
    GIVES("\x78\x9c\xf2\x48\xcd\xc9\xc9\x07\x00", "1007"); /* zlib's header before it */
    GIVES("\xf2\x48\xcd\xc9\xc9\x07\x00", "1:Hello");
}

static void text_is_checked_after_inflating(void **state)
{
    static const char stored[] = "\x00\x02\x00\xfd\xff\xc3\x28\x00";

    (void)state;
    assert_string_equal(inflated(WS_OP_TEXT, stored, sizeof(stored) - 1), "1007");
    assert_string_equal(inflated(WS_OP_BINARY, stored, sizeof(stored) - 1), "2:\xc3(");
    GIVES("\x00\x01\x00\xfe\xff\xc3\x00", "1007"); /* it ends inside a character */
}

static uint8_t *filled(size_t n, unsigned step)
{
    uint8_t *p = malloc(n + 1);
    uint32_t x = 1;
    size_t i;

    for (i = 0; i < n; i++) {
        x = x * 1103515245 + 12345;
        p[i] = step == 0 ? 'a' : step == 1 ? (uint8_t)(x >> 16) : (uint8_t)('a' + i / step % 26);
    }
    return p;
}

static void the_limit_itself_is_allowed(void **state)
{
    struct ws_deflate *d = ws_deflate_new(9);
    const uint8_t *out;
    uint8_t *a = filled(MAX_MESSAGE + 1, 0);
    size_t n;

    (void)state;
    n = ws_deflate(d, 15, a, MAX_MESSAGE, &out);
    assert_int_equal(strlen(inflated(WS_OP_TEXT, out, n)), MAX_MESSAGE + 2);
    n = ws_deflate(d, 15, a, MAX_MESSAGE + 1, &out);
    assert_string_equal(inflated(WS_OP_TEXT, out, n), "1009");
    free(a);
    ws_deflate_free(&d);
}

/* What is 16 MiB in the end is given up at the limit: there is no room for more. */
static void a_bomb_costs_its_limit(void **state)
{
    struct ws_deflate *d = ws_deflate_new(9);
    struct ws_event ev = {.kind = WS_MESSAGE, .opcode = WS_OP_TEXT, .is_compressed = true};
    uint8_t *a = filled(1 << 24, 0), *bomb, *memory;
    const uint8_t *out;

    (void)state;
    ev.len = ws_deflate(d, 15, a, 1 << 24, &out);
    assert_in_range(ev.len, 1, 20000);
    ev.data = bomb = malloc(ev.len);
    memcpy(bomb, out, ev.len);
    ws_inflate(z, &ev, 65536, &memory);
    assert_int_equal(ev.kind, WS_ERROR);
    assert_int_equal(ev.code, 1009);
    assert_in_range(malloc_usable_size(memory), 1, 65536 + 4096);
    free(memory);
    free(bomb);
    free(a);
    ws_deflate_free(&d);
}

/* 7.2.3.1, sent by us: "Hello" alone would get longer. */
static void hello_of_the_rfc(void **state)
{
    struct ws_deflate *d = ws_deflate_new(6);
    const uint8_t *out;
    size_t n;

    (void)state;
    assert_int_equal(ws_deflate(d, 15, "Hello", 5, &out), 0);
    assert_int_equal(ws_deflate(d, 15, "", 0, &out), 0);
    n = ws_deflate(d, 15, "HelloHelloHello", 15, &out);
    assert_in_range(n, 1, 14);
    assert_memory_equal(out, "\xf2\x48\xcd\xc9\xc9", 5);
    assert_string_equal(inflated(WS_OP_TEXT, out, n), "1:HelloHelloHello");
    ws_deflate_free(&d);
    ws_deflate_free(&d);
}

/* Whether they look back no farther than a reader sees that keeps only such a window. */
static bool is_read_with(uint8_t bits, const uint8_t *p, size_t n, size_t plain)
{
    static const uint8_t tail[] = {0, 0, 0xff, 0xff};
    uint8_t *copy = malloc(n + sizeof(tail)), byte;
    z_stream s = {0};
    size_t i, made = 0;
    int rc = Z_OK;

    memcpy(copy, p, n);
    memcpy(copy + n, tail, sizeof(tail));
    assert_int_equal(inflateInit2(&s, -bits), Z_OK);
    s.next_in = copy;
    s.avail_in = (uInt)(n + sizeof(tail));
    for (i = 0; i <= plain && rc == Z_OK; i++) { /* by bytes: else it would see all its output */
        s.next_out = &byte;
        s.avail_out = 1;
        rc = inflate(&s, Z_SYNC_FLUSH);
        made += 1 - s.avail_out;
    }
    inflateEnd(&s);
    free(copy);
    return made == plain && (rc == Z_OK || rc == Z_BUF_ERROR);
}

static void a_window_is_kept_to(void **state)
{
    struct ws_deflate *d = ws_deflate_new(9);
    const uint8_t *out;
    size_t n, far;
    uint8_t bits;

    (void)state;
    for (bits = 9; bits <= 15; bits++) {
        uint8_t *p = filled(40000, 1);

        far = ((size_t)1 << bits) - 262; /* as far back as zlib looks */
        memcpy(p + far, p, 200);
        n = ws_deflate(d, bits, p, far + 200, &out);
        assert_in_range(n, 1, far + 199);
        assert_true(is_read_with(bits, out, n, far + 200));
        assert_true(bits == 9 || !is_read_with((uint8_t)(bits - 1), out, n, far + 200));
        free(p);
    }
    ws_deflate_free(&d);
}

static void short_messages_need_small_windows(void **state)
{
    (void)state;
    assert_int_equal(ws_deflate_window(0, 15), 9);
    assert_int_equal(ws_deflate_window(250, 15), 9);
    assert_int_equal(ws_deflate_window(251, 15), 10);
    assert_int_equal(ws_deflate_window(251, 9), 9);
    assert_int_equal(ws_deflate_window(32768 - 262, 15), 15);
    assert_int_equal(ws_deflate_window(1000000, 12), 12);
}

/* Sizes around what the windows and their tables hold, of all kinds, one after another. */
static void all_sizes_come_back(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 20, 249, 250, 251, 511, 512, 513, 800, 999, 1000};
    struct ws_deflate *d = ws_deflate_new(1);
    const uint8_t *out;
    unsigned step, i;
    uint8_t bits;

    (void)state;
    for (step = 0; step < 8; step++) {
        uint8_t *p = filled(MAX_MESSAGE, step == 1 ? 2 : step);

        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            for (bits = 9; bits <= 15; bits++) {
                size_t n = ws_deflate(d, bits, p, sizes[i], &out);

                if (n == 0)
                    continue;
                assert_true(n < sizes[i]);
                inflated(WS_OP_TEXT, out, n);
                assert_int_equal(strlen(said), sizes[i] + 2);
                assert_memory_equal(said + 2, p, sizes[i]);
            }
        }
        free(p);
    }
    ws_deflate_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc),
        cmocka_unit_test(a_window_that_was_kept_is_refused),
        cmocka_unit_test(fragments_of_the_rfc),
        cmocka_unit_test(final_blocks_may_stand_anywhere),
        cmocka_unit_test(what_cannot_be_inflated),
        cmocka_unit_test(text_is_checked_after_inflating),
        cmocka_unit_test(the_limit_itself_is_allowed),
        cmocka_unit_test(a_bomb_costs_its_limit),
        cmocka_unit_test(hello_of_the_rfc),
        cmocka_unit_test(a_window_is_kept_to),
        cmocka_unit_test(short_messages_need_small_windows),
        cmocka_unit_test(all_sizes_come_back),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
