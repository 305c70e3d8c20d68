/* SPDX-License-Identifier: MIT */
/*
 * A client's stream where permessage-deflate was agreed on, as net/conn.c takes it: reader and inflater
 * together say the same however the stream is cut, and nothing that comes out breaks the limit. The first
 * byte of the input chooses limit and cuts; with its top bit set the rest is no stream but a text, which is
 * compressed, framed in fragments and has to come back.
 */
#include "check.h"

#include "net/utf8.h"
#include "net/ws_deflate.h"
#include "net/ws_frame.h"
#include "net/ws_inflate.h"
#include "net/ws_reader.h"

static struct ws_inflate *inflater;
static struct ws_deflate *deflater;

/* All events of a run as one number (FNV-1a), and what the last message was. */
struct run {
    uint64_t hash;
    unsigned events, messages;
    bool ended;
    uint8_t *last;
    size_t last_n;
};

static void add(struct run *run, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++)
        run->hash = (run->hash ^ p[i]) * UINT64_C(0x100000001b3);
}

static void note_message(struct run *run, const struct ws_event *ev, size_t max)
{
    CHECK(ev->len <= max && !ev->is_compressed);
    CHECK(ev->opcode == WS_OP_TEXT || ev->opcode == WS_OP_BINARY);
    CHECK(ev->opcode != WS_OP_TEXT || utf8_valid(ev->data, ev->len));
    if (ev->len > 0)
        ev->data[ev->len - 1] ^= 0; /* it may be written to */
    run->messages++;
    free(run->last);
    run->last = (uint8_t *)exact(ev->data, ev->len);
    run->last_n = ev->len;
}

static void note(struct run *run, const struct ws_event *ev, size_t max)
{
    uint32_t kind = ev->kind;

    CHECK(!run->ended);
    run->events++;
    if (ev->kind == WS_MESSAGE)
        note_message(run, ev, max);
    else
        CHECK(ev->len <= WS_CONTROL_MAX);
    run->ended = ev->kind == WS_CLOSE || ev->kind == WS_ERROR;
    CHECK((ev->reason != NULL) == (ev->kind == WS_ERROR));
    add(run, &kind, sizeof(kind));
    add(run, &ev->opcode, sizeof(ev->opcode));
    add(run, &ev->code, sizeof(ev->code));
    add(run, &ev->len, sizeof(ev->len));
    add(run, ev->data, ev->len);
}

static void take(struct run *run, struct ws_reader *r, uint8_t *p, size_t n, size_t max)
{
    struct ws_event ev;

    while (ws_reader_next(r, &p, &n, max, &ev) != WS_MORE) {
        uint8_t *memory = NULL;
        size_t compressed = ev.len;

        if (ev.kind == WS_MESSAGE && ev.is_compressed) {
            ws_inflate(inflater, &ev, max, &memory);
            /* Deflate makes at most 1032 of one byte: a bomb is no larger than that. */
            CHECK(ev.kind == WS_ERROR || ev.len <= compressed * 1032 + 258);
        }
        note(run, &ev, max);
        free(memory);
        if (run->ended) /* what conn.c does then: nothing more is read */
            return;
    }
}

static struct run run_all(const uint8_t *data, size_t size, size_t step, size_t max)
{
    struct run run = {.hash = UINT64_C(0xcbf29ce484222325)};
    struct ws_reader r;

    ws_reader_init(&r);
    ws_reader_allow_compressed(&r);
    for (size_t at = 0; at < size && !run.ended; at += step) {
        size_t n = size - at < step ? size - at : step;
        uint8_t *copy = (uint8_t *)exact(data + at, n);

        take(&run, &r, copy, n, max);
        free(copy);
    }
    ws_reader_deinit(&r);
    return run;
}

static void check_cuts(const uint8_t *data, size_t size, size_t step, size_t max)
{
    const size_t steps[] = {1, step, step * 9, size / 2 + 1};
    struct run whole = run_all(data, size, size > 0 ? size : 1, max);

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct run cut = run_all(data, size, steps[i], max);

        CHECK(cut.hash == whole.hash && cut.events == whole.events && cut.ended == whole.ended);
        free(cut.last);
    }
    free(whole.last);
}

static size_t put_frame(uint8_t *out, uint8_t first, const uint8_t *p, size_t n)
{
    static const uint8_t mask[4] = {0xde, 0xad, 0xbe, 0xef};
    size_t at = 0;

    out[at++] = first;
    if (n < 126) {
        out[at++] = (uint8_t)(0x80 | n);
    } else {
        CHECK(n < 65536);
        out[at++] = 0x80 | 126;
        out[at++] = (uint8_t)(n >> 8);
        out[at++] = (uint8_t)n;
    }
    memcpy(out + at, mask, sizeof(mask));
    at += sizeof(mask);
    for (size_t i = 0; i < n; i++)
        out[at++] = p[i] ^ mask[i % 4];
    return at;
}

/* What is compressed here, and cut into three fragments with a ping between them, comes back. */
static void check_round_trip(const uint8_t *p, size_t n, uint8_t bits, size_t step)
{
    const uint8_t *small = NULL;
    size_t made = n < 60000 ? ws_deflate(deflater, bits, p, n, &small) : 0, at = 0;
    uint8_t *stream;
    struct run run;

    if (made == 0)
        return;
    stream = malloc(made + 64);
    at += put_frame(stream + at, 0x40 | WS_OP_BINARY, small, made / 3);
    at += put_frame(stream + at, 0x80 | WS_OP_PING, (const uint8_t *)"?", 1);
    at += put_frame(stream + at, WS_OP_CONT, small + made / 3, made / 3);
    at += put_frame(stream + at, 0x80 | WS_OP_CONT, small + made / 3 * 2, made - made / 3 * 2);
    run = run_all(stream, at, step, n);
    CHECK(run.messages == 1 && run.events == 2 && !run.ended);
    CHECK(run.last_n == n && memcmp(run.last, p, n) == 0);
    free(run.last);
    /* One byte less than it has is too few. */
    run = run_all(stream, at, step, n - 1);
    CHECK(run.messages == 0 && run.ended);
    free(run.last);
    free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {0, 1, 125, 126, 1000, 4096, 65536, 1 << 18};

    if (inflater == NULL) {
        inflater = ws_inflate_new();
        deflater = ws_deflate_new(3);
    }
    if (size < 1)
        return 0;
    if (data[0] & 0x80)
        check_round_trip(data + 1, size - 1, (uint8_t)(9 + (data[0] & 7) % 7),
                         2 + (data[0] >> 3 & 15));
    else
        check_cuts(data + 1, size - 1, 2 + (data[0] >> 3 & 15), limits[data[0] & 7]);
    return 0;
}
