/* SPDX-License-Identifier: MIT */
/*
 * The raw HTTP checker: what passes, one case per rule that does not, limits, bodies, pipelines; all
 * of it cut in every place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/http_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET   "GET / HTTP/1.1\r\n"
#define POST  "POST / HTTP/1.1\r\nHost: h\r\n"
#define HOST  "Host: chat.example\r\n"
#define END   "\r\n"
#define CHUNK POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct http_head_limits normal = {
    .max_head_bytes = 1000, .max_line_bytes = 200, .max_headers = 20, .max_body_bytes = 100};

/* --- what the checker says, written down: H head, B body done, E status, each with the bytes passed on
   up to there; then what is open --- */

struct record {
    char text[600];
    size_t n;
    size_t passed;
    char bytes[4096]; /* what was passed on, as far as it fits */
    const char *reason;
};

static void note(struct record *rec, const char *format, unsigned a, size_t b)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%s%u@%zu ", format, a, b);
    assert_true(rec->n + (size_t)n < sizeof rec->text);
    memcpy(rec->text + rec->n, line, (size_t)n + 1);
    rec->n += (size_t)n;
}

/* One read, in memory that is exactly as long. False after an error. */
static bool feed(struct http_head *h, const struct http_head_limits *lim, struct record *rec,
                 const char *bytes, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    size_t at = 0;
    enum http_head_result result;
    do {
        size_t used = 12345;
        result = http_head_feed(h, lim, copy + at, n - at, &used);
        assert_true(used <= n - at);
        if (rec->passed + used < sizeof rec->bytes) {
            memcpy(rec->bytes + rec->passed, copy + at, used);
        }
        at += used;
        rec->passed += used;
        if (result == HTTP_HEAD_DONE) {
            assert_false(h->in_head);
            assert_int_equal(h->in_body, h->has_body);
            note(rec, h->websocket ? "W" : h->upgrade ? "U" : "H", h->has_body, rec->passed);
        } else if (result == HTTP_BODY_DONE) {
            assert_false(h->in_head || h->in_body);
            note(rec, "B", (unsigned)h->body_bytes, rec->passed);
        } else if (result == HTTP_HEAD_ERROR) {
            assert_non_null(h->reason);
            note(rec, "E", h->status, rec->passed);
            rec->reason = h->reason;
        } else {
            assert_int_equal(result, HTTP_HEAD_MORE);
            assert_int_equal(at, n);
        }
    } while (result == HTTP_HEAD_DONE || result == HTTP_BODY_DONE);
    free(copy);
    return result != HTTP_HEAD_ERROR;
}

static void start(struct http_head *h, struct record *rec)
{
    http_head_init(h);
    memset(rec, 0, sizeof *rec);
}

static void finish(const struct http_head *h, struct record *rec)
{
    if (h->in_head || h->in_body) {
        note(rec, h->in_head ? "head" : "body", 0, rec->passed);
    }
    if (rec->n > 0) {
        rec->text[rec->n - 1] = '\0';
    }
}

static void run(struct record *rec, const struct http_head_limits *lim, const char *bytes, size_t n,
                size_t cut, size_t step)
{
    struct http_head h;
    start(&h, rec);
    bool good = feed(&h, lim, rec, bytes, cut);
    for (size_t at = cut; good && at < n; at += step) {
        good = feed(&h, lim, rec, bytes + at, n - at < step ? n - at : step);
    }
    finish(&h, rec);
}

static void gives_n(const struct http_head_limits *lim, const char *bytes, size_t n,
                    const char *expected)
{
    struct record rec;
    run(&rec, lim, bytes, n, n, 1);
    if (strcmp(rec.text, expected) != 0) {
        fail_msg("\"%s\": \"%s\" (%s), expected \"%s\"", bytes, rec.text,
                 rec.reason != NULL ? rec.reason : "", expected);
    }
    const char *reason = rec.reason;
    for (size_t step = 1; step <= 7; step++) {
        run(&rec, lim, bytes, n, 0, step);
        assert_string_equal(rec.text, expected);
        assert_ptr_equal(rec.reason, reason);
    }
    for (size_t cut = 1; cut < n; cut++) {
        run(&rec, lim, bytes, n, cut, n);
        assert_string_equal(rec.text, expected);
        assert_ptr_equal(rec.reason, reason);
    }
}

#define GIVES(bytes, expected) gives_n(&normal, bytes, sizeof(bytes) - 1, expected)

/* Passes as one head, with or without a body announced. */
#define PASSES(bytes) passes(bytes, sizeof(bytes) - 1)
static void passes(const char *bytes, size_t n)
{
    char expected[32];
    snprintf(expected, sizeof expected, "H0@%zu", n);
    gives_n(&normal, bytes, n, expected);
}

/* Refused with this status, and never passed on to its end: the parser behind must not act on it. */
#define REFUSED(status, bytes) refused(&normal, status, bytes, sizeof(bytes) - 1)
static void refused(const struct http_head_limits *lim, unsigned status, const char *bytes,
                    size_t n)
{
    struct record rec;
    run(&rec, lim, bytes, n, n, 1);
    char expected[32];
    snprintf(expected, sizeof expected, "E%u@%zu", status, rec.passed);
    assert_true(rec.passed < n);
    gives_n(lim, bytes, n, expected);
}

/* --- request line --- */

static void good_request_lines(void **state)
{
    (void)state;
    PASSES(GET HOST END);
    PASSES("GET /a/b?c=d&e=%20 HTTP/1.1\r\n" HOST END);
    PASSES("HEAD / HTTP/1.1\r\n" HOST END);
    PASSES("M-SEARCH!#$ / HTTP/1.1\r\n" HOST END); /* any token; what is served is decided behind */
    PASSES("OPTIONS * HTTP/1.1\r\n" HOST END);
    PASSES("GET http://chat.example/x HTTP/1.1\r\n" HOST END);
    PASSES("GET HTTPS://[::1]:8080/x HTTP/1.1\r\n" HOST END);
    PASSES("GET / HTTP/1.0\r\n" END);
    PASSES("GET / HTTP/1.0\r\n" HOST END);
}

static void bad_request_lines(void **state)
{
    (void)state;
    REFUSED(400, "\r\n" GET HOST END);
    REFUSED(400, " GET / HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET  / HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET /  HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET / HTTP/1.1 \r\n" HOST END);
    REFUSED(400, "GET\t/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET /\tHTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET / x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "G(T / HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET\r\n" HOST END);
    REFUSED(400, "GET /\r\n" END); /* HTTP/0.9 */
    REFUSED(400, "GET / HTTP/1.1\n" HOST END);
    REFUSED(400, "GET / HTTP/1.1\r" HOST END);
    REFUSED(400, "GET / HTTP/1.1\r\r\n" HOST END);
    REFUSED(400, "GET /\0 HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET /\x7f HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST END);
    REFUSED(400, "\x16\x03\x01\x02\x00\x01"); /* a TLS hello */
}

static void bad_targets(void **state)
{
    (void)state;
    REFUSED(400, "GET x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET * HTTP/1.1\r\n" HOST END);
    REFUSED(400, "OPTIONS *x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET ?x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http:/x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http:// HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http:///x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET ftp://h/x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET h:443 HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET //h/x HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET //h:x/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET /x#y HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://u@h/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://h:65536/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://h:0080000/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://h:8x/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://h:/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://h:8:8/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://h%41/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://[::1/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://[zz]/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://[]/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://[::1]8/ HTTP/1.1\r\n" HOST END);
    REFUSED(400, "GET http://\\h/ HTTP/1.1\r\n" HOST END);
    REFUSED(501, "CONNECT h:443 HTTP/1.1\r\n" HOST END);
}

static void versions(void **state)
{
    (void)state;
    REFUSED(505, "GET / HTTP/2.0\r\n" HOST END);
    REFUSED(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    REFUSED(505, "GET / HTTP/1.2\r\n" HOST END);
    REFUSED(505, "GET / HTTP/0.9\r\n" HOST END);
    REFUSED(400, "GET / http/1.1\r\n" HOST END);
    REFUSED(400, "GET / HTTP/1.10\r\n" HOST END);
    REFUSED(400, "GET / HTTP/11\r\n" HOST END);
    REFUSED(400, "GET / HTTP/1.x\r\n" HOST END);
    REFUSED(400, "GET / HTTP/1\r\n" HOST END);
    REFUSED(400, "GET / ICAP/1.1\r\n" HOST END);
}

/* --- headers --- */

static void good_headers(void **state)
{
    (void)state;
    PASSES(GET HOST "Accept:*/*\r\n" END);
    PASSES(GET HOST "Accept:   text/html,\t*/*;q=0.1 \t\r\n" END);
    PASSES(GET HOST "Empty:\r\nBlank: \t \r\n" END);
    PASSES(GET HOST "X-~!#$%&'*+.^_`|: obs-text \x80\xff\r\n" END);
    PASSES(GET "hOsT:h\r\n" END);
    PASSES(GET HOST "X: 1\r\nX: 2\r\n" END);
    PASSES(GET HOST "Host-X: 1\r\nContent-Length-X: a\r\nUpgrades: x\r\n" END);
    PASSES(GET HOST "A-Header-With-A-Name-That-Is-Longer-Than-Any-We-Know: x\r\n" END);
}

static void bad_headers(void **state)
{
    (void)state;
    REFUSED(400, GET HOST "X : y\r\n" END);
    REFUSED(400, GET HOST "X\t: y\r\n" END);
    REFUSED(400, GET HOST ": y\r\n" END);
    REFUSED(400, GET HOST "X y\r\n" END);
    REFUSED(400, GET HOST "X\r\n" END);
    REFUSED(400, GET HOST "X(: y\r\n" END);
    REFUSED(400, GET HOST "\xc3\xa4: y\r\n" END);
    REFUSED(400, GET HOST "X\0: y\r\n" END);
    REFUSED(400, GET HOST "X: a\r\n folded\r\n" END);
    REFUSED(400, GET HOST "X: a\r\n\tfolded\r\n" END);
    REFUSED(400, GET " X: a\r\n" HOST END);
}

static void line_ends(void **state)
{
    (void)state;
    REFUSED(400, GET HOST "X: y\n" END);
    REFUSED(400, GET HOST "X: y\rz\r\n" END);
    REFUSED(400, GET HOST "X: y\r\r\n" END);
    REFUSED(400, GET HOST "\n");
    REFUSED(400, GET HOST "\rX");
    REFUSED(400, GET HOST "\r\r\n");
}

static void control_characters(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char bytes[] = GET HOST "X: a_b\r\n" END;
        *strchr(bytes, '_') = (char)c;
        if (c == '\t' || (c >= ' ' && c != 0x7f)) {
            passes(bytes, sizeof bytes - 1);
        } else {
            refused(&normal, 400, bytes, sizeof bytes - 1);
        }
    }
}

/* --- Host --- */

static void good_hosts(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "h",     "chat.example", "chat_1.example.",     "10.0.0.1",   "h:80",     "h:",
        "[::1]", "[::1]:8080",   "[::ffff:10.0.0.1]:1", "xn--4ca.de", "  h:1 \t", "a~b%20c"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char bytes[128];
        int n = snprintf(bytes, sizeof bytes, "%sHost:%s\r\n\r\n", GET, hosts[i]);
        passes(bytes, (size_t)n);
    }
}

static void bad_hosts(void **state)
{
    (void)state;
    static const char *const hosts[] = {"",      "  ",  "a b",  "a,b",         "a/b",    "a@b",
                                        "h:8x",  ":80", "[::1", "[]",          "[::1]x", "::1",
                                        "a#",    "a?b", "<h>",  "h:80:80",     "[x]",    "h\tx",
                                        "\"h\"", "a;b", "a\\b", "\xc3\xa4.de", "[::1",   "a]"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char bytes[128];
        int n = snprintf(bytes, sizeof bytes, "%sHost:%s\r\n\r\n", GET, hosts[i]);
        refused(&normal, 400, bytes, (size_t)n);
    }
}

static void exactly_one_host(void **state)
{
    (void)state;
    REFUSED(400, GET END);
    REFUSED(400, GET "X: y\r\n" END);
    REFUSED(400, GET HOST HOST END);
    REFUSED(400, GET HOST "X: y\r\nHOST: other\r\n" END);
    REFUSED(400, "GET / HTTP/1.0\r\n" HOST HOST END);
    REFUSED(400, "GET http://h/ HTTP/1.1\r\n" END);
}

/* --- bodies --- */

static void content_length(void **state)
{
    (void)state;
    GIVES(POST "Content-Length: 5\r\n\r\nhello", "H1@47 B5@52");
    GIVES(POST "content-length:\t005 \r\n\r\nhello", "H1@50 B5@55");
    GIVES(POST "Content-Length: 5\r\n\r\nhell", "H1@47 body0@51");
    GIVES(POST "Content-Length: 0\r\n\r\n", "H0@47");
    GIVES(POST END, "H0@28");
    GIVES("PUT / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n\r\n", "H1@57 B2@59");
    GIVES("PATCH / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "H1@39 B1@40");
    GIVES(GET HOST "Content-Length: 0\r\n\r\n", "H0@57");
    char most[200];
    int n = snprintf(most, sizeof most, POST "Content-Length: 100\r\n\r\n%0100d", 0);
    gives_n(&normal, most, (size_t)n, "H1@49 B100@149");
}

static void bad_content_length(void **state)
{
    (void)state;
    REFUSED(400, POST "Content-Length:\r\n\r\n");
    REFUSED(400, POST "Content-Length: \r\n\r\n");
    REFUSED(400, POST "Content-Length: 5, 5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 5 5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: +5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: -5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 0x5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 5.0\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: five\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 0\r\ncontent-length: 0\r\n\r\n");
}

static void too_large_is_known_from_the_head(void **state)
{
    (void)state;
    REFUSED(413, POST "Content-Length: 101\r\n");
    REFUSED(413, POST "Content-Length: 18446744073709551615\r\n");
    REFUSED(413, POST "Content-Length: 18446744073709551616\r\n"); /* would wrap to 0 */
    REFUSED(413, POST "Content-Length: 18446744073709551621\r\n"); /* to 5 */
    REFUSED(413, POST "Content-Length: 99999999999999999999999999999\r\n");
    struct http_head_limits all = normal;
    all.max_body_bytes = UINT64_MAX;
    static const char wraps[] = POST "Content-Length: 18446744073709551621\r\n\r\n";
    refused(&all, 413, wraps, sizeof wraps - 1);
}

/* evhttp would take such a body for the next request. */
static void bodies_only_where_they_are_read(void **state)
{
    (void)state;
    REFUSED(400, GET HOST "Content-Length: 5\r\n\r\nhello");
    REFUSED(400, GET HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    REFUSED(400, "DELETE / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
    REFUSED(400, "OPTIONS * HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
    REFUSED(400, "post / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
    REFUSED(400, "POSTX / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
}

static void transfer_encoding(void **state)
{
    (void)state;
    GIVES(POST "transfer-encoding: \t CHUNKED \r\n\r\n0\r\n\r\n", "H1@59 B0@64");
    REFUSED(501, POST "Transfer-Encoding: gzip\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: chunked, chunked\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: chunked,\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: chunked x\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: chunkedx\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: chunke\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding: identity\r\n\r\n");
    REFUSED(501, POST "Transfer-Encoding:\r\n\r\n");
    REFUSED(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
    REFUSED(400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
    REFUSED(400, POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

static void expect(void **state)
{
    (void)state;
    GIVES(POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "H1@69 B1@70");
    GIVES(POST "expect:100-Continue \r\nContent-Length: 1\r\n\r\nx", "H1@69 B1@70");
    REFUSED(417, POST "Expect: 100-\r\nContent-Length: 1\r\n\r\nx");
    REFUSED(417, POST "Expect: 100-continued\r\nContent-Length: 1\r\n\r\nx");
    REFUSED(417, POST "Expect: 100-continue x\r\nContent-Length: 1\r\n\r\nx");
    REFUSED(417, POST "Expect: wonders\r\nContent-Length: 1\r\n\r\nx");
    REFUSED(417, POST "Expect:\r\nContent-Length: 1\r\n\r\nx");
    REFUSED(400, POST "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
}

/* These bytes go in, and those come out, for every cut. */
#define BECOMES(bytes, expected) becomes(bytes, expected, sizeof(bytes) - 1)
static void becomes(const char *bytes, const char *expected, size_t n)
{
    for (size_t step = 1; step <= n; step++) {
        struct record rec;
        run(&rec, &normal, bytes, n, 0, step);
        assert_int_equal(rec.passed, n);
        assert_memory_equal(rec.bytes, expected, n);
    }
}

static void what_evhttp_gets_wrong_it_does_not_get(void **state)
{
    (void)state;
    BECOMES(POST "Transfer-Encoding:\t \tchunked\t\r\nX:\t\ta\tb\r\nY:\t\r\n\r\n0\r\n\r\n",
            POST "Transfer-Encoding:   chunked\t\r\nX:  a\tb\r\nY: \r\n\r\n0\r\n\r\n");
    BECOMES(GET "Host:\tx\r\n\r\n" GET HOST "\r\n", GET "Host: x\r\n\r\n" GET HOST "\r\n");
    BECOMES(CHUNK "2;a=\"b;2\"\r\n;2\r\n3\t ;\tx\r\n3;3\r\n0;0\r\n\r\n",
            CHUNK "2        \r\n;2\r\n3     \r\n3;3\r\n0  \r\n\r\n");
    BECOMES(CHUNK "0\r\nCookie: a=b\r\nX-Forwarded-For:\t1.2.3.4 \r\nY:\r\n\r\n" GET HOST "\r\n",
            CHUNK "0\r\nXXXXXX:    \r\nXXXXXXXXXXXXXXX:         \r\nX:\r\n\r\n" GET HOST "\r\n");
}

/* CHUNK is 56 bytes. */
static void chunks(void **state)
{
    (void)state;
    GIVES(CHUNK "0\r\n\r\n", "H1@56 B0@61");
    GIVES(CHUNK "5\r\nhello\r\n0\r\n\r\n", "H1@56 B5@71");
    GIVES(CHUNK "1\r\nh\r\n004\r\nello\r\n000\r\n\r\n", "H1@56 B5@80");
    GIVES(CHUNK "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", "H1@56 B21@92");
    GIVES(CHUNK "2\r\n\r\n\r\n0\r\n\r\n", "H1@56 B2@68");
    GIVES(CHUNK "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "H1@56 B5@85");
    GIVES(CHUNK "5 \t;a\r\nhello\r\n0\r\n\r\n", "H1@56 B5@75");
    GIVES(CHUNK "0\r\nX-Sum: 1\r\nY:\r\n\r\n", "H1@56 B0@75");
    GIVES(CHUNK "5\r\nhel", "H1@56 body0@62");
    GIVES(CHUNK "5\r\nhello\r\n0\r\n", "H1@56 body0@69");
}

/* The head is good, the body is not. */
#define BAD_BODY(status, bytes) bad_body(status, CHUNK bytes, sizeof(CHUNK bytes) - 1)
static void bad_body(unsigned status, const char *bytes, size_t n)
{
    struct record rec;
    run(&rec, &normal, bytes, n, n, 1);
    char expected[40];
    snprintf(expected, sizeof expected, "H1@56 E%u@%zu", status, rec.passed);
    assert_true(rec.passed < n);
    gives_n(&normal, bytes, n, expected);
}

static void bad_chunks(void **state)
{
    (void)state;
    BAD_BODY(400, "\r\n");
    BAD_BODY(400, "x\r\n");
    BAD_BODY(400, ";a\r\n");
    BAD_BODY(400, " 5\r\nhello\r\n");
    BAD_BODY(400, "-5\r\nhello\r\n");
    BAD_BODY(400, "+5\r\nhello\r\n");
    BAD_BODY(400, "0x5\r\nhello\r\n");
    BAD_BODY(400, "5 \r\nhello\r\n");
    BAD_BODY(400, "5 5\r\nhello\r\n");
    BAD_BODY(400, "5\nhello\r\n");
    BAD_BODY(400, "5\rhello\r\n");
    BAD_BODY(400, "5;a\nhello\r\n");
    BAD_BODY(400, "5;a\0\r\nhello\r\n");
    BAD_BODY(400, "5;a\r\rhello\r\n");
    BAD_BODY(400, "5\r\nhello0\r\n");
    BAD_BODY(400, "5\r\nhello\n0\r\n");
    BAD_BODY(400, "5\r\nhello\r0\r\n");
    BAD_BODY(400, "5\r\nhell\r\n0\r\n\r\n");
    BAD_BODY(400, "00000000000000001\r\nx\r\n"); /* 17 digits */
    BAD_BODY(400, "0\r\n\n");
    BAD_BODY(400, "0\r\n\rx");
}

static void chunks_are_limited(void **state)
{
    (void)state;
    BAD_BODY(413, "65\r\n"); /* 101 */
    BAD_BODY(413, "ffffffffffffffff\r\n");
    BAD_BODY(413, "10000000000000005\r\n"); /* would wrap to 5 */
    char bytes[400];
    int n = snprintf(bytes, sizeof bytes, CHUNK "32\r\n%050d\r\n32\r\n%050d\r\n", 0, 0);
    gives_n(&normal, bytes, (size_t)n, "H1@56 body0@168");
    n = snprintf(bytes, sizeof bytes, CHUNK "32\r\n%050d\r\n32\r\n%050d\r\n1\r\n", 0, 0);
    gives_n(&normal, bytes, (size_t)n, "H1@56 E413@168");
}

static void bad_trailers(void **state)
{
    (void)state;
    BAD_BODY(400, "0\r\nX : y\r\n\r\n");
    BAD_BODY(400, "0\r\n X: y\r\n\r\n");
    BAD_BODY(400, "0\r\nX: y\n\r\n");
    BAD_BODY(400, "0\r\nX: a\r\n b\r\n\r\n");
    BAD_BODY(400, "0\r\nGET / HTTP/1.1\r\n\r\n");
    BAD_BODY(400, "0\r\nHost: other\r\n\r\n");
    BAD_BODY(400, "0\r\nContent-Length: 5\r\n\r\n");
    BAD_BODY(400, "0\r\nTransfer-Encoding: chunked\r\n\r\n");
    BAD_BODY(400, "0\r\nUpgrade: websocket\r\n\r\n");
}

/* --- limits --- */

static void limits_hold_to_the_byte(void **state)
{
    (void)state;
    static const char bytes[] =
        "GET /0123456789 HTTP/1.1\r\nHost: h\r\nLonger: 0123456789abcdef012\r\n\r\n";
    size_t n = sizeof bytes - 1;
    struct http_head_limits lim = {.max_head_bytes = n, .max_line_bytes = 27, .max_headers = 2};
    char expected[32];
    snprintf(expected, sizeof expected, "H0@%zu", n);
    gives_n(&lim, bytes, n, expected);

    lim.max_head_bytes = n - 1;
    snprintf(expected, sizeof expected, "E431@%zu", n - 1);
    gives_n(&lim, bytes, n, expected);
    lim.max_head_bytes = 20; /* inside the request line */
    gives_n(&lim, bytes, n, "E414@20");
    lim.max_head_bytes = n;

    lim.max_line_bytes = 26;
    gives_n(&lim, bytes, n, "E431@61");
    lim.max_line_bytes = 24; /* exactly the request line */
    gives_n(&lim, bytes, n, "E431@59");
    lim.max_line_bytes = 23;
    gives_n(&lim, bytes, n, "E414@23");
    lim.max_line_bytes = 27;

    lim.max_headers = 1;
    gives_n(&lim, bytes, n, "E431@41");
    lim.max_headers = 0;
    gives_n(&lim, bytes, n, "E431@30");
}

static void endless_lines_are_stopped(void **state)
{
    (void)state;
    static const char *const starts[] = {"",       "GET /",    "GET / ",       GET,
                                         GET "X:", CHUNK "1;", CHUNK "0\r\nX:"};
    static const unsigned statuses[] = {414, 414, 414, 431, 431, 413, 431};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct http_head h;
        struct record rec;
        start(&h, &rec);
        assert_true(feed(&h, &normal, &rec, starts[i], strlen(starts[i])));
        unsigned fed = 0;
        while (feed(&h, &normal, &rec, "a", 1)) {
            assert_true(++fed <= normal.max_line_bytes);
        }
        assert_int_equal(h.status, statuses[i]);
    }
}

/* Framing around the bytes of a body cannot go on for ever either. */
static void endless_framing_is_stopped(void **state)
{
    (void)state;
    struct http_head h;
    struct record rec;
    start(&h, &rec);
    static const char chunk[] = "1;0123456789012345678901234567890123456789\r\nx\r\n";
    assert_true(feed(&h, &normal, &rec, CHUNK, sizeof CHUNK - 1));
    size_t fed = 0;
    while (feed(&h, &normal, &rec, chunk, sizeof chunk - 1)) {
        fed += sizeof chunk - 1;
        assert_true(fed < 2 * normal.max_head_bytes);
    }
    assert_int_equal(h.status, 413);

    /* The body has an allowance of its own: a long head takes nothing from it. */
    struct http_head_limits tight = normal;
    tight.max_head_bytes = sizeof CHUNK - 1;
    static const char small[] =
        CHUNK "1;0123456789012345678901234567890123456789\r\nx\r\n0\r\n\r\n";
    start(&h, &rec);
    assert_true(feed(&h, &tight, &rec, small, sizeof small - 1));

    start(&h, &rec);
    assert_true(feed(&h, &normal, &rec, CHUNK "0\r\n", sizeof CHUNK + 2));
    unsigned trailers = 0;
    while (feed(&h, &normal, &rec, "X:y\r\n", 5)) {
        assert_true(++trailers <= normal.max_headers);
    }
    assert_int_equal(h.status, 431);
}

/* --- several requests, upgrades --- */

static void pipelines(void **state)
{
    (void)state;
    GIVES(GET HOST END GET HOST END, "H0@38 H0@76");
    GIVES(POST "Content-Length: 5\r\n\r\nhello" GET HOST END, "H1@47 B5@52 H0@90");
    GIVES(CHUNK "5\r\nhello\r\n0\r\nX: y\r\n\r\n" CHUNK "0\r\n\r\n" GET HOST END,
          "H1@56 B5@77 H1@133 B0@138 H0@176");
    GIVES(GET HOST END GET "X: y\r\n" END,
          "H0@38 E400@61"); /* the Host of the first does not count */
    GIVES(GET HOST END "GE", "H0@38 head0@40");
    GIVES(GET HOST END "\r\n" GET HOST END, "H0@38 E400@38");
    /* What looks like a request inside a body is one for nobody. */
    GIVES(POST "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", "H1@48 B18@66");
}

static void upgrades(void **state)
{
    (void)state;
    GIVES(GET HOST "Upgrade: websocket\r\n" END, "W0@58");
    GIVES(GET HOST "upgrade:\tWebSocket \r\n" END, "W0@59");
    GIVES(GET HOST "Upgrade: h2c, websocket ,x\r\n" END, "W0@66");
    GIVES(GET HOST "Upgrade: h2c\r\nUpgrade: websocket\r\n" END, "W0@72");
    GIVES(GET HOST "Upgrade: websocket\r\nContent-Length: 0\r\n" END, "W0@77");
    GIVES(GET HOST "Upgrade: h2c\r\n" END, "U0@52");
    GIVES(GET HOST "Upgrade: websockets\r\n" END, "U0@59");
    GIVES(GET HOST "Upgrade: websocke\r\n" END, "U0@57");
    GIVES(GET HOST "Upgrade: web socket\r\n" END, "U0@59");
    GIVES(GET HOST "Upgrade: websocket x\r\n" END, "U0@60");
    GIVES(GET HOST "Upgrade: x websocket\r\n" END, "U0@60");
    GIVES(GET HOST "Upgrade:\r\n" END, "U0@48");
    GIVES(POST "Upgrade: websocket\r\n" END, "U0@48");
}

static void an_upgrade_has_no_body(void **state)
{
    (void)state;
    REFUSED(400, GET HOST "Upgrade: websocket\r\nContent-Length: 5\r\n\r\nhello");
    REFUSED(400, POST "Content-Length: 5\r\nUpgrade: websocket\r\n\r\nhello");
    REFUSED(400, POST "Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    struct record rec;
    static const char bytes[] = POST "Upgrade: x\r\nContent-Length: 1\r\n\r\nx";
    run(&rec, &normal, bytes, sizeof bytes - 1, sizeof bytes - 1, 1);
    assert_string_equal(rec.reason, "An upgrade must not have a body.");
}

/* When the caller answers it as a plain request, the connection goes on. */
static void a_declined_upgrade_is_a_request(void **state)
{
    (void)state;
    GIVES(GET HOST "Upgrade: h2c\r\n" END GET HOST END, "U0@52 H0@90");
}

static void flags_follow_the_stream(void **state)
{
    (void)state;
    struct http_head h;
    struct record rec;
    size_t used;
    start(&h, &rec);
    assert_int_equal(http_head_feed(&h, &normal, NULL, 0, &used), HTTP_HEAD_MORE);
    assert_false(h.in_head || h.in_body);
    feed(&h, &normal, &rec, "P", 1);
    assert_true(h.in_head);
    static const char rest[] = "OST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r";
    feed(&h, &normal, &rec, rest, sizeof rest - 1);
    assert_true(h.in_head && !h.in_body);
    feed(&h, &normal, &rec, "\n", 1);
    assert_true(!h.in_head && h.in_body);
    feed(&h, &normal, &rec, "ab", 2);
    assert_true(!h.in_head && h.in_body);
    assert_int_equal(h.body_bytes, 2);
    feed(&h, &normal, &rec, "c", 1);
    assert_false(h.in_head || h.in_body);
    assert_true(h.has_body);
    assert_int_equal(h.body_bytes, 3);
    feed(&h, &normal, &rec, "G", 1);
    assert_true(h.in_head && !h.has_body);
    assert_int_equal(h.body_bytes, 0);
}

static void an_error_stays(void **state)
{
    (void)state;
    struct http_head h;
    struct record rec;
    start(&h, &rec);
    assert_false(feed(&h, &normal, &rec, "\n", 1));
    size_t used = 999;
    uint8_t more[] = "GET";
    assert_int_equal(http_head_feed(&h, &normal, more, 3, &used), HTTP_HEAD_ERROR);
    assert_int_equal(used, 0);
    assert_int_equal(h.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_request_lines),
        cmocka_unit_test(bad_request_lines),
        cmocka_unit_test(bad_targets),
        cmocka_unit_test(versions),
        cmocka_unit_test(good_headers),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(control_characters),
        cmocka_unit_test(good_hosts),
        cmocka_unit_test(bad_hosts),
        cmocka_unit_test(exactly_one_host),
        cmocka_unit_test(content_length),
        cmocka_unit_test(bad_content_length),
        cmocka_unit_test(too_large_is_known_from_the_head),
        cmocka_unit_test(bodies_only_where_they_are_read),
        cmocka_unit_test(transfer_encoding),
        cmocka_unit_test(expect),
        cmocka_unit_test(what_evhttp_gets_wrong_it_does_not_get),
        cmocka_unit_test(chunks),
        cmocka_unit_test(bad_chunks),
        cmocka_unit_test(chunks_are_limited),
        cmocka_unit_test(bad_trailers),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(endless_lines_are_stopped),
        cmocka_unit_test(endless_framing_is_stopped),
        cmocka_unit_test(pipelines),
        cmocka_unit_test(upgrades),
        cmocka_unit_test(an_upgrade_has_no_body),
        cmocka_unit_test(a_declined_upgrade_is_a_request),
        cmocka_unit_test(flags_follow_the_stream),
        cmocka_unit_test(an_error_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
