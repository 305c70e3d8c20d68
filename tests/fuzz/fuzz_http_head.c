/* SPDX-License-Identifier: MIT */
/*
 * The raw HTTP checker: the same events for any cut, limits kept, and every head and body that it lets
 * through is one by a second, slower reading of the rules. The first byte chooses cuts and limits.
 */
#include "net/http_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

struct digest {
    uint64_t hash;
    unsigned events;
    bool failed;
    size_t passed;
};

static void add(struct digest *d, uint64_t value)
{
    d->hash = (d->hash ^ value) * UINT64_C(0x100000001b3);
    d->hash ^= d->hash >> 29;
}

static size_t count(const char *head, size_t n, const char *text)
{
    size_t found = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= n; i++) {
        size_t k = 0;
        while (k < len && (head[i + k] == text[k] || (head[i + k] | 0x20) == text[k])) {
            k++;
        }
        found += k == len;
    }
    return found;
}

/* What must hold for any head that passes; written without the state machine's knowledge. */
static void check_head(const struct http_head *h, const struct http_head_limits *lim,
                       const char *head, size_t n)
{
    CHECK(n <= lim->max_head_bytes);
    CHECK(n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0);
    CHECK(count(head, n, "\r\n\r\n") == 1);
    CHECK(head[0] != ' ' && head[0] != '\r');
    size_t lines = 0;
    size_t line = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)head[i];
        CHECK(c >= ' ' || c == '\t' || c == '\r' || c == '\n');
        CHECK(c != 0x7f);
        CHECK(c != '\n' || (i > 0 && head[i - 1] == '\r'));
        CHECK(c != '\r' || (i + 1 < n && head[i + 1] == '\n'));
        if (c == '\n') {
            CHECK(i - 1 - line <= lim->max_line_bytes);
            line = i + 1;
            lines++;
            CHECK(line == n || (head[line] != ' ' && head[line] != '\t'));
            const char *colon = memchr(head + line, ':', n - line);
            CHECK(lines < 2 || line == n || colon == NULL || colon[1] != '\t');
        }
    }
    CHECK(lines - 2 <= lim->max_headers);
    size_t hosts = count(head, n, "\nhost:");
    size_t lengths = count(head, n, "\ncontent-length:");
    size_t codings = count(head, n, "\ntransfer-encoding:");
    const char *end = memchr(head, '\r', n);
    bool is_http11 = count(head, (size_t)(end - head), " HTTP/1.1") > 0;
    CHECK(hosts <= 1 && (hosts == 1 || !is_http11));
    CHECK(lengths + codings <= 1);
    CHECK(h->upgrade == (count(head, n, "\nupgrade:") > 0));
    CHECK(!h->websocket || (h->upgrade && memcmp(head, "GET ", 4) == 0));
    CHECK(!h->has_body || (!h->upgrade && lengths + codings == 1 && head[0] == 'P'));
    CHECK(!h->in_head && h->in_body == h->has_body);
}

static void note(struct digest *d, const struct http_head *h, enum http_head_result result,
                 const struct http_head_limits *lim)
{
    d->events++;
    add(d, (uint64_t)result);
    add(d, d->passed);
    add(d, (uint64_t)h->upgrade << 2 | (uint64_t)h->websocket << 1 | (uint64_t)h->has_body);
    if (result == HTTP_BODY_DONE) {
        CHECK(h->body_bytes <= lim->max_body_bytes);
        CHECK(!h->in_body && !h->in_head);
        add(d, h->body_bytes);
    }
    if (result == HTTP_HEAD_ERROR) {
        CHECK(h->reason != NULL);
        CHECK(h->status == 400 || h->status == 413 || h->status == 414 || h->status == 417 ||
              h->status == 431 || h->status == 501 || h->status == 505);
        add(d, h->status);
        add(d, (uintptr_t)h->reason);
        d->failed = true;
    }
}

static struct digest run(const uint8_t *input, size_t size, size_t step,
                         const struct http_head_limits *lim)
{
    struct digest d = {.hash = 1};
    uint8_t *data = malloc(size > 0 ? size : 1); /* it is written to */
    CHECK(data != NULL);
    if (size > 0) {
        memcpy(data, input, size);
    }
    struct http_head h;
    http_head_init(&h);
    size_t begin = 0; /* of the current head */
    for (size_t at = 0; at < size && !d.failed; at += step) {
        size_t n = size - at < step ? size - at : step;
        size_t offset = 0;
        enum http_head_result result;
        do {
            size_t used = SIZE_MAX;
            bool was_in_head = h.in_head || !h.in_body;
            result = http_head_feed(&h, lim, data + at + offset, n - offset, &used);
            CHECK(used <= n - offset);
            offset += used;
            d.passed += used;
            if (result == HTTP_HEAD_MORE) {
                CHECK(offset == n);
                break;
            }
            note(&d, &h, result, lim);
            if (result == HTTP_HEAD_DONE) {
                CHECK(was_in_head);
                check_head(&h, lim, (const char *)data + begin, d.passed - begin);
            }
            begin = d.passed;
        } while (!d.failed);
    }
    if (d.failed) {
        size_t used = SIZE_MAX;
        CHECK(http_head_feed(&h, lim, data, size, &used) == HTTP_HEAD_ERROR && used == 0);
    } else {
        CHECK(d.passed == size);
        CHECK(h.body_bytes <= lim->max_body_bytes);
    }
    for (size_t i = 0; i < size; i++) {
        add(&d, data[i]);
    }
    free(data);
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_head_limits limits[] = {
        {.max_head_bytes = 8192,
         .max_line_bytes = 4096,
         .max_headers = 64,
         .max_body_bytes = 65536},
        {.max_head_bytes = 100, .max_line_bytes = 40, .max_headers = 4, .max_body_bytes = 10},
        {.max_head_bytes = 60, .max_line_bytes = 60, .max_headers = 2, .max_body_bytes = 0},
        {.max_head_bytes = SIZE_MAX,
         .max_line_bytes = SIZE_MAX,
         .max_headers = UINT32_MAX,
         .max_body_bytes = UINT64_MAX},
    };
    if (size < 1) {
        return 0;
    }
    const struct http_head_limits *lim = &limits[data[0] & 3];
    size_t step = 2 + (data[0] >> 2 & 31);
    data++;
    size--;
    struct digest whole = run(data, size, size > 0 ? size : 1, lim);
    const size_t steps[] = {1, step, step * 5, size / 2 + 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct digest cut = run(data, size, steps[i], lim);
        CHECK(cut.hash == whole.hash && cut.events == whole.events && cut.passed == whole.passed);
    }
    return 0;
}
