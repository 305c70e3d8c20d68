/* SPDX-License-Identifier: MIT */
/*
 * WebSocket messages out of bytes: the examples of RFC 6455 section 5.7, one case per rule, and every
 * stream cut in every place, whose events must be those of the whole.
 */
#define _DEFAULT_SOURCE 1 /* setrlimit under -std=c11 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/ws_frame.h"
#include "net/ws_reader.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#define MAX_MESSAGE 1000
#define KEY         0x37, 0xfa, 0x21, 0x3d

/* --- a stream of client frames --- */

struct stream {
    uint8_t bytes[8192];
    size_t n;
};

static void put_raw(struct stream *s, const void *p, size_t n)
{
    assert_true(s->n + n <= sizeof s->bytes);
    if (n > 0) {
        memcpy(s->bytes + s->n, p, n);
    }
    s->n += n;
}

static void put_frame(struct stream *s, unsigned first, const void *payload, size_t n)
{
    static const uint8_t mask[4] = {KEY};
    uint8_t header[10];
    size_t header_bytes = ws_frame_header(header, (uint8_t)first, n);
    header[1] |= 0x80;
    put_raw(s, header, header_bytes);
    put_raw(s, mask, sizeof mask);
    uint8_t *start = s->bytes + s->n;
    put_raw(s, payload, n);
    ws_unmask(start, n, mask, 0);
}

static void put(struct stream *s, unsigned first, const char *text)
{
    put_frame(s, first, text, strlen(text));
}

static bool allows_compressed;

static void init(struct ws_reader *r)
{
    ws_reader_init(r);
    if (allows_compressed) {
        ws_reader_allow_compressed(r);
    }
}

/* --- what the reader says, written down --- */

struct record {
    char text[16384];
    size_t n;
};

static void note(struct record *rec, const struct ws_event *ev)
{
    static const char *const names[] = {"more", "message", "ping", "pong", "close", "error"};
    int n = snprintf(rec->text + rec->n, sizeof rec->text - rec->n, "%s op=%u code=%u [%zu ",
                     names[ev->kind], (unsigned)ev->opcode, (unsigned)ev->code, ev->len);
    rec->n += (size_t)n;
    for (size_t i = 0; i < ev->len; i++) {
        assert_true(rec->n + 8 < sizeof rec->text);
        n = snprintf(rec->text + rec->n, sizeof rec->text - rec->n,
                     ev->data[i] >= ' ' && ev->data[i] < 0x7f ? "%c" : "<%02x>",
                     (unsigned)ev->data[i]);
        rec->n += (size_t)n;
    }
    n = snprintf(rec->text + rec->n, sizeof rec->text - rec->n, "] %s\n",
                 ev->reason != NULL  ? ev->reason
                 : ev->is_compressed ? "compressed"
                                     : "");
    rec->n += (size_t)n;
    assert_true(rec->n < sizeof rec->text);
}

/* One read: a copy that is exactly as long, so that a sanitizer sees any byte touched outside. */
static void feed(struct ws_reader *r, struct record *rec, const uint8_t *bytes, size_t n,
                 size_t max)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    uint8_t *p = copy;
    size_t left = n;
    struct ws_event ev;
    while (ws_reader_next(r, &p, &left, max, &ev) != WS_MORE) {
        assert_true(p >= copy && p + left == copy + n);
        note(rec, &ev);
    }
    assert_int_equal(ev.kind, WS_MORE);
    free(copy);
}

static void run(struct record *rec, const struct stream *s, size_t first_cut, size_t second_cut,
                size_t max)
{
    struct ws_reader r;
    init(&r);
    rec->n = 0;
    rec->text[0] = '\0';
    feed(&r, rec, s->bytes, first_cut, max);
    feed(&r, rec, s->bytes + first_cut, second_cut - first_cut, max);
    feed(&r, rec, s->bytes + second_cut, s->n - second_cut, max);
    ws_reader_deinit(&r);
}

static void run_bytewise(struct record *rec, const struct stream *s, size_t step, size_t max)
{
    struct ws_reader r;
    init(&r);
    rec->n = 0;
    rec->text[0] = '\0';
    for (size_t i = 0; i < s->n; i += step) {
        feed(&r, rec, s->bytes + i, s->n - i < step ? s->n - i : step, max);
    }
    ws_reader_deinit(&r);
}

static void gives_up_to(const struct stream *s, size_t max, const char *expected)
{
    struct record rec;
    run(&rec, s, s->n, s->n, max);
    assert_string_equal(rec.text, expected);
    for (size_t step = 1; step <= 9; step++) {
        run_bytewise(&rec, s, step, max);
        assert_string_equal(rec.text, expected);
    }
    size_t stride = s->n < 150 ? 1 : 1 + s->n / 60;
    for (size_t a = 0; a <= s->n; a++) {
        for (size_t b = a; b <= s->n; b += stride) {
            run(&rec, s, a, b, max);
            assert_string_equal(rec.text, expected);
        }
    }
}

static void gives(const struct stream *s, const char *expected)
{
    gives_up_to(s, MAX_MESSAGE, expected);
}

/* --- section 5.7 --- */

static void example_masked_text(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put_raw(&s, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    gives(&s, "message op=1 code=0 [5 Hello] \n");
}

static void example_unmasked_is_refused(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put_raw(&s, "\x81\x05\x48\x65\x6c\x6c\x6f", 7);
    gives(&s, "error op=0 code=1002 [0 ] A client's frame must be masked.\n");
}

static void example_fragmented(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x01, "Hel");
    put(&s, 0x80, "lo");
    gives(&s, "message op=1 code=0 [5 Hello] \n");
}

static void example_ping_and_pong(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x89, "Hello");
    put_raw(&s, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    gives(&s, "ping op=0 code=0 [5 Hello] \npong op=0 code=0 [5 Hello] \n");
}

static void example_256_bytes(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    char payload[257] = {0};
    memset(payload, 'x', 256);
    put(&s, 0x82, payload);
    assert_memory_equal(s.bytes, "\x82\xfe\x01\x00", 4);
    char expected[400];
    snprintf(expected, sizeof expected, "message op=2 code=0 [256 %s] \n", payload);
    gives(&s, expected);
}

static void example_64k(void **state)
{
    (void)state;
    enum { N = 65536 };
    uint8_t *bytes = calloc(1, N + 14);
    assert_non_null(bytes);
    memcpy(bytes, "\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0", 14);
    for (size_t i = 0; i < N; i++) {
        bytes[14 + i] = (uint8_t)(i * 31);
    }
    for (size_t cut = 0; cut < N + 14; cut += cut < 20 ? 1 : 9973) {
        struct ws_reader r;
        struct ws_event ev;
        ws_reader_init(&r);
        uint8_t *p = bytes;
        size_t n = cut;
        assert_int_equal(ws_reader_next(&r, &p, &n, N, &ev), WS_MORE);
        assert_int_equal(n, 0);
        n = N + 14 - cut;
        assert_int_equal(ws_reader_next(&r, &p, &n, N, &ev), WS_MESSAGE);
        assert_int_equal(ev.len, N);
        assert_memory_equal(ev.data, bytes + 14, N); /* the mask is 0 */
        assert_int_equal(n, 0);
        ws_reader_deinit(&r);
    }
    free(bytes);
}

/* --- messages --- */

static void empty_messages(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x81, "");
    put(&s, 0x82, "");
    put(&s, 0x01, "");
    put(&s, 0x00, "");
    put(&s, 0x80, "");
    put(&s, 0x89, "");
    put(&s, 0x8a, "");
    gives(&s, "message op=1 code=0 [0 ] \nmessage op=2 code=0 [0 ] \nmessage op=1 code=0 [0 ] \n"
              "ping op=0 code=0 [0 ] \npong op=0 code=0 [0 ] \n");
}

static void controls_between_fragments(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x89, "before");
    put(&s, 0x02, "one ");
    put(&s, 0x89, "ping");
    put(&s, 0x00, "two ");
    put(&s, 0x8a, "");
    put(&s, 0x00, "");
    put(&s, 0x8a, "a pong that is longer than what is there of the message so far");
    put(&s, 0x80, "three");
    put(&s, 0x81, "next");
    gives(&s,
          "ping op=0 code=0 [6 before] \n"
          "ping op=0 code=0 [4 ping] \n"
          "pong op=0 code=0 [0 ] \n"
          "pong op=0 code=0 [62 a pong that is longer than what is there of the message so far] \n"
          "message op=2 code=0 [13 one two three] \n"
          "message op=1 code=0 [4 next] \n");
}

static void only_the_last_fragment_has_content(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x01, "");
    put(&s, 0x80, "late");
    put(&s, 0x01, "early");
    put(&s, 0x80, "");
    gives(&s, "message op=1 code=0 [4 late] \nmessage op=1 code=0 [5 early] \n");
}

static void binary_may_be_anything(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put_frame(&s, 0x82, "\xff\x00\xc0", 3);
    gives(&s, "message op=2 code=0 [3 <ff><00><c0>] \n");
}

static void continuation_without_a_message(void **state)
{
    (void)state;
    static const char expected[] =
        "error op=0 code=1002 [0 ] A continuation frame has no message to continue.\n";
    struct stream s = {.n = 0};
    put(&s, 0x80, "x");
    gives(&s, expected);
    struct stream after = {.n = 0};
    put(&after, 0x01, "a");
    put(&after, 0x80, "b");
    put(&after, 0x00, "c");
    char both[200];
    snprintf(both, sizeof both, "message op=1 code=0 [2 ab] \n%s", expected);
    gives(&after, both);
}

static void message_inside_a_message(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x01, "a");
    put(&s, 0x81, "b");
    gives(&s, "error op=0 code=1002 [0 ] A new message began inside a fragmented one.\n");
    s.n = 0;
    put(&s, 0x02, "");
    put(&s, 0x01, "");
    gives(&s, "error op=0 code=1002 [0 ] A new message began inside a fragmented one.\n");
}

static void frame_faults(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"\xc1\x80\0\0\0\0", 6},     /* RSV1 without an extension */
        {"\xa1\x80\0\0\0\0", 6},     /* RSV2 */
        {"\x91\x80\0\0\0\0", 6},     /* RSV3 */
        {"\x83\x80\0\0\0\0", 6},     /* reserved data opcode */
        {"\x8b\x80\0\0\0\0", 6},     /* reserved control opcode */
        {"\x09\x80\0\0\0\0", 6},     /* fragmented ping */
        {"\x89\xfe\0\x7e\0\0\0", 7}, /* ping of 126 bytes */
        {"\x82\xfe\0\x7d\0\0\0", 7}, /* length not minimal */
        {"\x82\x00", 2},             /* no mask */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream s = {.n = 0};
        put(&s, 0x81, "ok");
        put_raw(&s, cases[i].bytes, cases[i].n);
        put(&s, 0x81, "never seen");
        struct record rec;
        run(&rec, &s, s.n, s.n, MAX_MESSAGE);
        assert_non_null(
            strstr(rec.text, "message op=1 code=0 [2 ok] \nerror op=0 code=1002 [0 ] "));
        assert_null(strstr(rec.text, "never"));
        gives(&s, rec.text);
    }
}

/* --- UTF-8 --- */

static void text_is_checked_over_fragments(void **state)
{
    (void)state;
    static const char euro[] = "\xe2\x82\xac";
    for (size_t cut = 0; cut <= 3; cut++) {
        struct stream s = {.n = 0};
        put_frame(&s, 0x01, euro, cut);
        put(&s, 0x89, "\xff"); /* a control payload is not text */
        put_frame(&s, 0x80, euro + cut, 3 - cut);
        gives(&s, "ping op=0 code=0 [1 <ff>] \nmessage op=1 code=0 [3 <e2><82><ac>] \n");
    }
}

static void bad_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xff", "ok \xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "a text that is long enough for whole blocks \x80 of ASCII"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stream s = {.n = 0};
        put(&s, 0x81, bad[i]);
        put(&s, 0x81, "never seen");
        gives(&s, "error op=0 code=1007 [0 ] The text message is not UTF-8.\n");
    }
}

static void text_ends_inside_a_character(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x81, "\xe2\x82");
    gives(&s, "error op=0 code=1007 [0 ] The text message ends inside a character.\n");
    s.n = 0;
    put(&s, 0x01, "\xe2\x82");
    put(&s, 0x80, "");
    gives(&s, "error op=0 code=1007 [0 ] The text message ends inside a character.\n");
}

static void text_state_starts_anew(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put_frame(&s, 0x82, "\xe2\x82", 2); /* binary leaves nothing behind */
    put(&s, 0x81, "a");
    gives(&s, "message op=2 code=0 [2 <e2><82>] \nmessage op=1 code=0 [1 a] \n");
}

/* 1007 comes with the byte that breaks the text, though the frame goes on for long. */
static void bad_text_fails_early(void **state)
{
    (void)state;
    uint8_t bytes[] = {0x81, 0xfe, 0x03, 0x00, 0, 0, 0, 0, 'a', 0xc0};
    struct ws_reader r;
    struct ws_event ev;
    ws_reader_init(&r);
    uint8_t *p = bytes;
    size_t n = 9;
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MORE);
    n = 1;
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_ERROR);
    assert_int_equal(ev.code, 1007);
    assert_null(r.buf);
    ws_reader_deinit(&r);
}

/* --- size --- */

static void too_long_is_told_by_the_header(void **state)
{
    (void)state;
    static const char expected[] =
        "error op=0 code=1009 [0 ] The message is longer than allowed.\n";
    struct stream s = {.n = 0};
    put_raw(&s, "\x82\xfe\x03\xe9\1\2\3\4", 8); /* 1001 */
    gives(&s, expected);
    s.n = 0;
    put_raw(&s, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\1\2\3\4", 14);
    gives(&s, expected);
    s.n = 0;
    put(&s, 0x01, "12345");
    put_raw(&s, "\x80\x86\1\2\3\4", 6);
    gives_up_to(&s, 10, expected);
    s.n = 0;
    put(&s, 0x01, "12345");
    put_raw(&s, "\x00\xff\x7f\xff\xff\xff\xff\xff\xff\xff\1\2\3\4", 14); /* must not wrap around */
    gives_up_to(&s, 10, expected);
}

static void the_limit_itself_is_allowed(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x81, "1234567890");
    put(&s, 0x01, "12345");
    put(&s, 0x89, "controls do not count");
    put(&s, 0x80, "67890");
    gives_up_to(&s, 10,
                "message op=1 code=0 [10 1234567890] \n"
                "ping op=0 code=0 [21 controls do not count] \n"
                "message op=1 code=0 [10 1234567890] \n");
    s.n = 0;
    put(&s, 0x81, "");
    gives_up_to(&s, 0, "message op=1 code=0 [0 ] \n");
}

/* --- close --- */

static void close_frames(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x88, "");
    put(&s, 0x81, "never seen");
    gives(&s, "close op=0 code=1005 [0 ] \n");
    s.n = 0;
    put_frame(&s, 0x88, "\x03\xe8", 2);
    gives(&s, "close op=0 code=1000 [0 ] \n");
    s.n = 0;
    put_frame(&s, 0x88, "\x03\xe9going \xe2\x82\xac away", 16);
    put_raw(&s, "\xff\xff\xff", 3);
    gives(&s, "close op=0 code=1001 [14 going <e2><82><ac> away] \n");
}

static void close_inside_a_message(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x01, "the first half");
    put_frame(&s, 0x88, "\x0f\xa1slow", 6);
    gives(&s, "close op=0 code=4001 [4 slow] \n");
}

static void close_codes(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 0xffff; code += code < 1100 || code > 4990 ? 1 : 5) {
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                    (code >= 3000 && code <= 4999);
        uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
        struct stream s = {.n = 0};
        put_frame(&s, 0x88, payload, 2);
        struct record rec;
        run(&rec, &s, s.n, s.n, MAX_MESSAGE);
        char expected[100] =
            "error op=0 code=1002 [0 ] The close code must not be used in a frame.\n";
        if (good) {
            snprintf(expected, sizeof expected, "close op=0 code=%u [0 ] \n", code);
        }
        assert_string_equal(rec.text, expected);
    }
    /* 1005 in a frame is not the same as no code. */
    struct stream s = {.n = 0};
    put_frame(&s, 0x88, "\x03\xed", 2);
    gives(&s, "error op=0 code=1002 [0 ] The close code must not be used in a frame.\n");
}

static void close_payload_of_one_byte(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put_frame(&s, 0x88, "\x03", 1);
    gives(&s, "error op=0 code=1002 [0 ] A close frame carries half a code.\n");
}

static void close_reason_must_be_text(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put_frame(&s, 0x88, "\x03\xe8\xff", 3);
    gives(&s, "error op=0 code=1007 [0 ] The reason in the close frame is not UTF-8.\n");
    s.n = 0;
    put_frame(&s, 0x88, "\x03\xe8\xe2\x82", 4); /* cut inside a character */
    gives(&s, "error op=0 code=1007 [0 ] The reason in the close frame is not UTF-8.\n");
}

/* --- memory --- */

static void a_whole_message_is_not_copied(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x81, "first");
    put(&s, 0x89, "second");
    struct ws_reader r;
    struct ws_event ev;
    ws_reader_init(&r);
    uint8_t *p = s.bytes;
    size_t n = s.n;
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MESSAGE);
    assert_ptr_equal(ev.data, s.bytes + 6);
    assert_ptr_equal(p, s.bytes + 11);
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_PING);
    assert_ptr_equal(ev.data, s.bytes + 17);
    assert_null(r.buf);
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MORE);
    assert_int_equal(n, 0);
    ws_reader_deinit(&r);
}

/* The header came alone, as it does when a message is cut by the read: still no copy. */
static void no_copy_behind_a_torn_header(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x81, "payload");
    for (size_t cut = 0; cut <= 6; cut++) {
        struct stream t = s;
        struct ws_reader r;
        struct ws_event ev;
        ws_reader_init(&r);
        uint8_t *p = t.bytes;
        size_t n = cut;
        assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MORE);
        n = t.n - cut;
        assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MESSAGE);
        assert_ptr_equal(ev.data, t.bytes + 6);
        ws_reader_deinit(&r);
    }
}

/* At WS_MORE memory is held only for a payload that is not complete, and at most twice what came. */
static void memory_follows_what_arrived(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    char big[700];
    memset(big, 'b', sizeof big);
    put_frame(&s, 0x01, big, 300);
    put_frame(&s, 0x89, big, 125);
    put_frame(&s, 0x80, big, 700);
    put_frame(&s, 0x82, big, 200);
    struct ws_reader r;
    struct ws_event ev;
    ws_reader_init(&r);
    for (size_t i = 0; i < s.n; i++) {
        uint8_t *p = s.bytes + i;
        size_t n = 1;
        bool event = false;
        while (ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev) != WS_MORE) {
            event = true;
        }
        assert_int_equal(n, 0);
        assert_true(r.buf_cap <= 2 * (i + 1));
        assert_true(r.buf_cap <= MAX_MESSAGE + WS_CONTROL_MAX);
        assert_true((r.buf != NULL) == (r.buf_cap != 0));
        if (event && r.message_op == 0) {
            assert_null(r.buf);
        }
    }
    assert_null(r.buf);
    ws_reader_deinit(&r);
}

static void an_announced_gigabyte_costs_nothing(void **state)
{
    (void)state;
    uint8_t bytes[] = {0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, KEY, 'x', 'y', 'z'};
    struct ws_reader r;
    struct ws_event ev;
    ws_reader_init(&r);
    uint8_t *p = bytes;
    size_t n = sizeof bytes;
    assert_int_equal(ws_reader_next(&r, &p, &n, SIZE_MAX, &ev), WS_MORE);
    assert_true(r.buf_cap <= 2 * sizeof bytes);
    ws_reader_deinit(&r);
    assert_null(r.buf);
}

/* Large allocations are made to fail: by the sanitizer's own limit, else by the process's. */
/* The sanitizer is a shared library: it must find this one. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__tsan_default_options(void);
#define OPTIONS "allocator_may_return_null=1:max_allocation_size_mb=4"
const char *__asan_default_options(void)
{
    return OPTIONS;
}
const char *__tsan_default_options(void)
{
    return OPTIONS;
}

#ifndef SANITIZED
static rlim_t address_space(void)
{
    unsigned long n_pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &n_pages), 1);
    fclose(f);
    return n_pages * (rlim_t)sysconf(_SC_PAGESIZE);
}
#endif

static void no_memory_fails_the_connection(void **state)
{
    (void)state;
    enum { N = 8 << 20 };
    static uint8_t input[14 + N] = {0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0};
    struct ws_reader r;
    struct ws_event ev;
    ws_reader_init(&r);
    uint8_t *p = input;
    size_t n = sizeof input;
#ifndef SANITIZED
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    /* Too little for the message; whoever looks on, valgrind for one, has some for itself. */
    struct rlimit little = {.rlim_cur = address_space() + N / 2, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
#endif
    enum ws_event_kind kind = ws_reader_next(&r, &p, &n, SIZE_MAX, &ev);
#ifndef SANITIZED
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
#endif
    assert_int_equal(kind, WS_ERROR);
    assert_int_equal(ev.code, 1011);
    assert_null(r.buf);
    assert_int_equal(ws_reader_next(&r, &p, &n, SIZE_MAX, &ev), WS_MORE);
    ws_reader_deinit(&r);
}

/* --- the end --- */

static void nothing_is_taken_after_the_end(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0x88, "");
    size_t close_bytes = s.n;
    put(&s, 0x81, "x");
    struct ws_reader r;
    struct ws_event ev;
    ws_reader_init(&r);
    uint8_t *p = s.bytes;
    size_t n = s.n;
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_CLOSE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MORE);
        assert_ptr_equal(p, s.bytes + close_bytes);
    }
    ws_reader_deinit(&r);
    /* After deinit it is as new. */
    assert_int_equal(ws_reader_next(&r, &p, &n, MAX_MESSAGE, &ev), WS_MESSAGE);
    ws_reader_deinit(&r);
}

/* --- compressed messages (RFC 7692 section 6) --- */

static void compressed_gives(const struct stream *s, size_t max, const char *expected)
{
    allows_compressed = true;
    gives_up_to(s, max, expected);
    allows_compressed = false;
}

static void rsv1_says_that_a_message_is_compressed(void **state)
{
    (void)state;
    struct stream s = {.n = 0};
    put(&s, 0xc1, "\xff"); /* not looked at */
    put(&s, 0x81, "plain");
    put(&s, 0x41, "a");
    put(&s, 0x89, "ping");
    put(&s, 0x80, "\xc3");
    put(&s, 0x81, "\xc3");
    compressed_gives(&s, MAX_MESSAGE,
                     "message op=1 code=0 [1 <ff>] compressed\n"
                     "message op=1 code=0 [5 plain] \n"
                     "ping op=0 code=0 [4 ping] \n"
                     "message op=1 code=0 [2 a<c3>] compressed\n"
                     "error op=0 code=1007 [0 ] The text message ends inside a character.\n");
}

static void rsv1_elsewhere_is_refused(void **state)
{
    (void)state;
    static const unsigned first[] = {0xc0, 0xc8, 0xc9, 0xca, 0xe1, 0xd1};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        struct stream s = {.n = 0};
        put(&s, 0x41, "a");
        put(&s, first[i], "");
        put(&s, 0x81, "never seen");
        compressed_gives(&s, MAX_MESSAGE,
                         i < 4 ? "error op=0 code=1002 [0 ] RSV1 is set beyond the first frame of "
                                 "a message.\n"
                               : "error op=0 code=1002 [0 ] A reserved bit is set that no "
                                 "extension defines.\n");
    }
}

/* Noise gets a little longer by compression: it must not be refused for that. */
static void a_compressed_message_may_be_a_little_longer(void **state)
{
    (void)state;
    static const char noise[200] = {0};
    struct stream s = {.n = 0};
    put_frame(&s, 0xc2, noise, 80 + 80 / 8 + 64);
    put_frame(&s, 0x82, noise, 81);
    struct record rec;
    allows_compressed = true;
    run(&rec, &s, s.n, s.n, 80);
    assert_non_null(strstr(rec.text, "compressed\nerror op=0 code=1009"));
    s.n = 0;
    put_frame(&s, 0x42, noise, 80 + 80 / 8 + 64);
    put_frame(&s, 0x80, noise, 1);
    run(&rec, &s, s.n, s.n, 80);
    assert_non_null(strstr(rec.text, "code=1009"));
    allows_compressed = false;
}

static void it_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct ws_reader) <= 56);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_masked_text),
        cmocka_unit_test(example_unmasked_is_refused),
        cmocka_unit_test(example_fragmented),
        cmocka_unit_test(example_ping_and_pong),
        cmocka_unit_test(example_256_bytes),
        cmocka_unit_test(example_64k),
        cmocka_unit_test(empty_messages),
        cmocka_unit_test(controls_between_fragments),
        cmocka_unit_test(only_the_last_fragment_has_content),
        cmocka_unit_test(binary_may_be_anything),
        cmocka_unit_test(continuation_without_a_message),
        cmocka_unit_test(message_inside_a_message),
        cmocka_unit_test(frame_faults),
        cmocka_unit_test(text_is_checked_over_fragments),
        cmocka_unit_test(bad_text),
        cmocka_unit_test(text_ends_inside_a_character),
        cmocka_unit_test(text_state_starts_anew),
        cmocka_unit_test(bad_text_fails_early),
        cmocka_unit_test(too_long_is_told_by_the_header),
        cmocka_unit_test(the_limit_itself_is_allowed),
        cmocka_unit_test(close_frames),
        cmocka_unit_test(close_inside_a_message),
        cmocka_unit_test(close_codes),
        cmocka_unit_test(close_payload_of_one_byte),
        cmocka_unit_test(close_reason_must_be_text),
        cmocka_unit_test(a_whole_message_is_not_copied),
        cmocka_unit_test(no_copy_behind_a_torn_header),
        cmocka_unit_test(memory_follows_what_arrived),
        cmocka_unit_test(an_announced_gigabyte_costs_nothing),
        cmocka_unit_test(no_memory_fails_the_connection),
        cmocka_unit_test(nothing_is_taken_after_the_end),
        cmocka_unit_test(rsv1_says_that_a_message_is_compressed),
        cmocka_unit_test(rsv1_elsewhere_is_refused),
        cmocka_unit_test(a_compressed_message_may_be_a_little_longer),
        cmocka_unit_test(it_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
