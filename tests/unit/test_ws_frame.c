/* SPDX-License-Identifier: MIT */
/* WebSocket frame headers in and out, one case per rule of RFC 6455 section 5.2 to 5.5, and the mask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/ws_frame.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define MASK       0x37, 0xfa, 0x21, 0x3d

/* Every shorter piece must ask for more and touch nothing. */
static struct ws_header good(const uint8_t *p, size_t n)
{
    struct ws_header h;
    const char *reason = NULL;
    for (size_t cut = 0; cut < n; cut++) {
        memset(&h, 0x5a, sizeof h);
        struct ws_header before = h;
        assert_int_equal(ws_frame_parse(p, cut, 0, &h, &reason), WS_HEADER_MORE);
        assert_memory_equal(&h, &before, sizeof h);
    }
    assert_int_equal(ws_frame_parse(p, n, 0, &h, &reason), WS_HEADER_OK);
    assert_null(reason);
    assert_int_equal(h.header_bytes, n);
    assert_memory_equal(h.mask, p + n - 4, 4);
    return h;
}

/* Refused from byte `at` on, however much follows, and not before. */
static void bad(const uint8_t *p, size_t n, size_t at)
{
    struct ws_header h;
    const char *first = NULL;
    for (size_t cut = 0; cut <= n; cut++) {
        const char *reason = NULL;
        enum ws_header_result expected = cut <= at ? WS_HEADER_MORE : WS_HEADER_BAD;
        assert_int_equal(ws_frame_parse(p, cut, 0, &h, &reason), expected);
        if (expected == WS_HEADER_BAD) {
            assert_non_null(reason);
            first = first != NULL ? first : reason;
            assert_ptr_equal(reason, first);
        }
    }
    assert_non_null(first);
}

static void opcodes(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t p[] = {(uint8_t)first, 0x80, MASK};
        unsigned opcode = first & 15;
        bool data = opcode <= 2;
        bool control = opcode >= 8 && opcode <= 10;
        bool fin = (first & WS_FIN) != 0;
        if ((first & 0x70) == 0 && (data || (control && fin))) {
            struct ws_header h = good(p, sizeof p);
            assert_int_equal(h.opcode, opcode);
            assert_int_equal(h.fin, fin);
            assert_int_equal(h.rsv, 0);
            assert_int_equal(h.payload_bytes, 0);
        } else {
            bad(p, sizeof p, 0);
        }
    }
}

static void reserved_bits_of_an_extension(void **state)
{
    (void)state;
    struct ws_header h;
    const char *reason = NULL;
    uint8_t p[] = {0xc1, 0x80, MASK};
    assert_int_equal(ws_frame_parse(p, sizeof p, WS_RSV1, &h, &reason), WS_HEADER_OK);
    assert_int_equal(h.rsv, WS_RSV1);
    assert_int_equal(ws_frame_parse(p, sizeof p, WS_RSV2 | WS_RSV3, &h, &reason), WS_HEADER_BAD);
    p[0] = 0xe1;
    assert_int_equal(ws_frame_parse(p, sizeof p, WS_RSV1, &h, &reason), WS_HEADER_BAD);
}

static void mask_is_required(void **state)
{
    (void)state;
    bad(BYTES(0x81, 0x05, 'H', 'e', 'l', 'l', 'o'), 1);
    bad(BYTES(0x89, 0x00), 1);
    bad(BYTES(0x82, 0x7e, 0x01, 0x00), 1);
}

static void lengths(void **state)
{
    (void)state;
    assert_int_equal(good(BYTES(0x82, 0x80 | 125, MASK)).payload_bytes, 125);
    assert_int_equal(good(BYTES(0x82, 0xfe, 0, 126, MASK)).payload_bytes, 126);
    assert_int_equal(good(BYTES(0x82, 0xfe, 1, 2, MASK)).payload_bytes, 0x102);
    assert_int_equal(good(BYTES(0x82, 0xfe, 0xff, 0xff, MASK)).payload_bytes, 0xffff);
    assert_true(good(BYTES(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, MASK)).payload_bytes == 0x10000);
    assert_true(good(BYTES(0x82, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, MASK)).payload_bytes ==
                UINT64_C(0x0102030405060708));
    assert_true(good(BYTES(0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, MASK))
                    .payload_bytes == INT64_MAX);
}

static void lengths_not_minimal(void **state)
{
    (void)state;
    bad(BYTES(0x82, 0xfe, 0, 0, MASK), 3);
    bad(BYTES(0x82, 0xfe, 0, 125, MASK), 3);
    bad(BYTES(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, MASK), 9);
    bad(BYTES(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, MASK), 9);
    bad(BYTES(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, MASK), 9);
    bad(BYTES(0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, MASK), 9);
}

static void control_frames_are_short(void **state)
{
    (void)state;
    assert_int_equal(good(BYTES(0x89, 0x80 | 125, MASK)).payload_bytes, 125);
    bad(BYTES(0x89, 0xfe, 0, 126, MASK), 1);
    bad(BYTES(0x88, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, MASK), 1);
    bad(BYTES(0x8a, 0xfe, 0, 5, MASK), 1);
}

static void bytes_behind_the_header_are_left(void **state)
{
    (void)state;
    struct ws_header h;
    const char *reason = NULL;
    uint8_t p[] = {0x81, 0x85, MASK, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
    assert_int_equal(ws_frame_parse(p, sizeof p, 0, &h, &reason), WS_HEADER_OK);
    assert_int_equal(h.header_bytes, 6);
    assert_int_equal(h.payload_bytes, 5);
}

static void header_is(uint64_t payload_bytes, const uint8_t *expected, size_t n)
{
    uint8_t out[10];
    memset(out, 0xee, sizeof out);
    assert_int_equal(ws_frame_header(out, WS_FIN | WS_OP_BINARY, payload_bytes), n);
    assert_memory_equal(out, expected, n);
    for (size_t i = n; i < sizeof out; i++) {
        assert_int_equal(out[i], 0xee);
    }
}

/* The unmasked examples of section 5.7 and the edges of the three forms. */
static void server_headers(void **state)
{
    (void)state;
    uint8_t out[10];
    assert_int_equal(ws_frame_header(out, 0x81, 5), 2);
    assert_memory_equal(out, "\x81\x05", 2);
    assert_int_equal(ws_frame_header(out, 0x01, 3), 2);
    assert_memory_equal(out, "\x01\x03", 2);
    assert_int_equal(ws_frame_header(out, 0xc1, 3), 2);
    assert_memory_equal(out, "\xc1\x03", 2);
    header_is(0, BYTES(0x82, 0));
    header_is(125, BYTES(0x82, 125));
    header_is(126, BYTES(0x82, 126, 0, 126));
    header_is(256, BYTES(0x82, 126, 1, 0));
    header_is(65535, BYTES(0x82, 126, 0xff, 0xff));
    header_is(65536, BYTES(0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0));
    header_is(UINT64_C(0x0102030405060708), BYTES(0x82, 127, 1, 2, 3, 4, 5, 6, 7, 8));
}

/* What is written with a mask put in is read back. */
static void headers_round_trip(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 63; shift++) {
        for (int d = -1; d <= 1; d++) {
            uint64_t bytes = (UINT64_C(1) << shift) + (uint64_t)(int64_t)d;
            uint8_t p[WS_CLIENT_HEADER_MAX];
            size_t n = ws_frame_header(p, WS_FIN | WS_OP_TEXT, bytes);
            p[1] |= 0x80;
            memcpy(p + n, "mask", 4);
            struct ws_header h = good(p, n + 4);
            assert_true(h.payload_bytes == bytes);
        }
    }
}

static void unmask_the_example(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {MASK};
    uint8_t p[] = {0x7f, 0x9f, 0x4d, 0x51, 0x58};
    assert_int_equal(ws_unmask(p, sizeof p, mask, 0), 1);
    assert_memory_equal(p, "Hello", 5);
}

/* Every length, position, address and cut against the definition in section 5.3; the memory is exactly
   as long as the payload, so a sanitizer sees a byte too many. */
static void unmask_exactly(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {0x12, 0x80, 0xff, 0x01};
    for (size_t n = 0; n <= 40; n++) {
        for (unsigned position = 0; position < 8; position++) {
            for (size_t lead = 0; lead < 9; lead++) {
                uint8_t *p = malloc(lead + n + 1);
                assert_non_null(p);
                for (size_t i = 0; i < lead + n + 1; i++) {
                    p[i] = (uint8_t)(i * 7);
                }
                size_t cut = n / 3;
                unsigned behind = ws_unmask(p + lead, cut, mask, position);
                behind = ws_unmask(p + lead + cut, n - cut, mask, behind);
                assert_int_equal(behind, (position + n) % 4);
                for (size_t i = 0; i < lead + n + 1; i++) {
                    bool inside = i >= lead && i < lead + n;
                    uint8_t key = inside ? mask[(position + i - lead) % 4] : 0;
                    assert_int_equal(p[i], (uint8_t)(i * 7) ^ key);
                }
                free(p);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opcodes),
        cmocka_unit_test(reserved_bits_of_an_extension),
        cmocka_unit_test(mask_is_required),
        cmocka_unit_test(lengths),
        cmocka_unit_test(lengths_not_minimal),
        cmocka_unit_test(control_frames_are_short),
        cmocka_unit_test(bytes_behind_the_header_are_left),
        cmocka_unit_test(server_headers),
        cmocka_unit_test(headers_round_trip),
        cmocka_unit_test(unmask_the_example),
        cmocka_unit_test(unmask_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
