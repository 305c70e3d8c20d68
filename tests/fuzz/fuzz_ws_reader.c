/* SPDX-License-Identifier: MIT */
/*
 * WebSocket input: the events are the same however the stream is cut, every event keeps its rules, and
 * memory stays within what arrived. The first byte of the input chooses the cuts and the limit.
 */
#include "net/utf8.h"
#include "net/ws_frame.h"
#include "net/ws_reader.h"

#include <stdbool.h>
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

/* All events of a run as one number (FNV-1a) and their count. */
struct digest {
    uint64_t hash;
    unsigned events;
    bool ended;
};

static void add(struct digest *d, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        d->hash = (d->hash ^ p[i]) * UINT64_C(0x100000001b3);
    }
}

static bool close_code_is_good(unsigned code)
{
    return (code >= 1000 && code <= 1003) || code == 1005 || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* What the reader lets a compressed message have. */
static size_t compressed(size_t max)
{
    return max + max / 8 + 64;
}

static void check_event(const struct ws_event *ev, size_t max)
{
    switch (ev->kind) {
    case WS_MESSAGE:
        CHECK(ev->len <= (ev->is_compressed ? compressed(max) : max));
        CHECK(ev->opcode == WS_OP_TEXT || ev->opcode == WS_OP_BINARY);
        CHECK(ev->opcode != WS_OP_TEXT || ev->is_compressed || utf8_valid(ev->data, ev->len));
        break;
    case WS_PING:
    case WS_PONG:
        CHECK(ev->len <= WS_CONTROL_MAX);
        break;
    case WS_CLOSE:
        CHECK(ev->len <= WS_CONTROL_MAX - 2);
        CHECK(utf8_valid(ev->data, ev->len));
        CHECK(close_code_is_good(ev->code));
        break;
    case WS_ERROR:
        CHECK(ev->code == 1002 || ev->code == 1007 || ev->code == 1009);
        CHECK(ev->reason != NULL && ev->len == 0);
        break;
    case WS_MORE:
        break;
    }
    CHECK((ev->reason != NULL) == (ev->kind == WS_ERROR));
}

static void note(struct digest *d, struct ws_event *ev, size_t max)
{
    CHECK(!d->ended);
    check_event(ev, max);
    d->ended = ev->kind == WS_CLOSE || ev->kind == WS_ERROR;
    d->events++;
    uint32_t kind = ev->kind;
    add(d, &kind, sizeof kind);
    add(d, &ev->opcode, sizeof ev->opcode);
    add(d, &ev->is_compressed, sizeof ev->is_compressed);
    add(d, &ev->code, sizeof ev->code);
    add(d, &ev->len, sizeof ev->len);
    add(d, ev->data, ev->len);
    add(d, &ev->reason, sizeof ev->reason);
    if (ev->len > 0) {
        memset(ev->data, 0xdb, ev->len); /* the caller may write to it */
    }
}

/* One read, in memory of its own that is exactly as long. */
static void feed(struct ws_reader *r, struct digest *d, const uint8_t *bytes, size_t n, size_t max)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    CHECK(copy != NULL);
    if (n > 0) {
        memcpy(copy, bytes, n);
    }
    uint8_t *p = copy;
    size_t left = n;
    struct ws_event ev;
    enum ws_event_kind kind;
    while ((kind = ws_reader_next(r, &p, &left, max, &ev)) != WS_MORE) {
        CHECK(kind == ev.kind);
        CHECK(p >= copy && p + left == copy + n);
        note(d, &ev, max);
    }
    CHECK(ev.kind == WS_MORE);
    CHECK(left == 0 || d->ended);
    free(copy);
}

static struct digest run(const uint8_t *data, size_t size, size_t step, size_t max,
                         bool may_be_compressed)
{
    struct digest d = {.hash = UINT64_C(0xcbf29ce484222325)};
    struct ws_reader r;
    ws_reader_init(&r);
    if (may_be_compressed) {
        ws_reader_allow_compressed(&r);
    }
    for (size_t at = 0; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        feed(&r, &d, data + at, n, max);
        CHECK(r.buf_cap <= 2 * (at + n));
        CHECK(r.buf_cap <= (may_be_compressed ? compressed(max) : max) + WS_CONTROL_MAX);
        CHECK(!d.ended || r.buf == NULL);
    }
    ws_reader_deinit(&r);
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {0, 1, 16, 125, 126, 1000, 65536, SIZE_MAX / 4};
    if (size < 1) {
        return 0;
    }
    size_t max = limits[data[0] & 7];
    size_t step = 2 + (data[0] >> 3);
    data++;
    size--;
    for (unsigned deflate = 0; deflate <= 1; deflate++) {
        struct digest whole = run(data, size, size > 0 ? size : 1, max, deflate);
        const size_t steps[] = {1, step, step * 7, size / 2 + 1};
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            struct digest cut = run(data, size, steps[i], max, deflate);
            CHECK(cut.hash == whole.hash && cut.events == whole.events && cut.ended == whole.ended);
        }
    }
    return 0;
}
