/* SPDX-License-Identifier: MIT */
/* Inflates whole messages within a limit. */
#define ZLIB_CONST /* it takes what may not be written to */
#include "net/ws_inflate.h"

#include "base/mem.h"
#include "net/utf8.h"
#include "net/ws_extension.h"
#include "net/ws_frame.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ROOM_MIN = 256, GUESSED_RATIO = 4, AT_END_OF_BLOCK = 128 /* in data_type, see inflate() */ };

struct ws_inflate {
    z_stream stream;
};

/* What came out so far. Grows with it, up to one byte beyond the limit. */
struct output {
    uint8_t *p;
    size_t n, room, max;
    bool is_whole; /* no block was left open */
};

enum outcome { GOOD, CORRUPT, TOO_BIG, NO_MEMORY, NOT_TEXT };

static const struct {
    uint16_t code;
    const char *reason;
} fault[] = {
    [CORRUPT] = {1007, "The compressed message cannot be inflated."},
    [TOO_BIG] = {1009, "The message is longer than allowed once it is inflated."},
    [NO_MEMORY] = {1011, "There is no memory for the message."},
    [NOT_TEXT] = {1007, "The text message is not UTF-8."},
};

static voidpf z_alloc(voidpf opaque, uInt n, uInt each)
{
    (void)opaque;
    return mem_alloc((size_t)n * each);
}

static void z_free(voidpf opaque, voidpf p)
{
    (void)opaque;
    mem_free(p);
}

struct ws_inflate *ws_inflate_new(void)
{
    struct ws_inflate *z = mem_alloc(sizeof(*z));

    z->stream.zalloc = z_alloc;
    z->stream.zfree = z_free;
    inflateInit2(&z->stream, -WS_WINDOW_BITS_MAX); /* negative: without zlib's header */
    return z;
}

void ws_inflate_free(struct ws_inflate **z)
{
    if (*z == NULL)
        return;
    inflateEnd(&(*z)->stream);
    mem_free(*z);
    *z = NULL;
}

static bool grow(struct output *out, size_t room)
{
    uint8_t *p;

    if (room > out->max)
        room = out->max + 1;
    p = realloc(out->p, room);
    if (p == NULL)
        return false;
    out->p = p;
    out->room = room;
    return true;
}

/* A final block may stand anywhere; what follows it begins anew (7.2.3.4). */
static enum outcome feed(z_stream *s, const uint8_t *p, size_t n, struct output *out)
{
    s->next_in = p;
    s->avail_in = (uInt)n;
    for (;;) {
        int rc;

        if (out->n == out->room && !grow(out, out->room * 2))
            return NO_MEMORY;
        s->next_out = out->p + out->n;
        s->avail_out = (uInt)(out->room - out->n);
        rc = inflate(s, Z_SYNC_FLUSH);
        out->n = out->room - s->avail_out;
        if (out->n > out->max)
            return TOO_BIG;
        if (rc == Z_STREAM_END && s->avail_in > 0) {
            inflateReset(s);
        } else if (rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END) {
            return CORRUPT;
        } else if (s->avail_in == 0 && (s->avail_out > 0 || rc == Z_STREAM_END)) {
            out->is_whole = rc == Z_STREAM_END || (s->data_type & AT_END_OF_BLOCK) != 0;
            return GOOD;
        }
    }
}

static enum outcome inflate_whole(z_stream *s, const uint8_t *p, size_t n, struct output *out)
{
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff}; /* which the sender took off (7.2.2) */
    enum outcome outcome;

    if (!grow(out, n > ROOM_MIN / GUESSED_RATIO ? n * GUESSED_RATIO : ROOM_MIN))
        return NO_MEMORY;
    inflateReset(s);
    outcome = feed(s, p, n, out);
    if (outcome == GOOD)
        outcome = feed(s, tail, sizeof(tail), out);
    return outcome == GOOD && !out->is_whole ? CORRUPT : outcome;
}

void ws_inflate(struct ws_inflate *z, struct ws_event *ev, size_t max_message_bytes,
                uint8_t **memory_out)
{
    struct output out = {.max = max_message_bytes};
    enum outcome outcome = inflate_whole(&z->stream, ev->data, ev->len, &out);

    *memory_out = out.p;
    ev->is_compressed = false;
    ev->data = out.p;
    ev->len = out.n;
    if (outcome == GOOD && ev->opcode == WS_OP_TEXT && !utf8_valid(out.p, out.n))
        outcome = NOT_TEXT;
    if (outcome != GOOD)
        *ev = (struct ws_event){
            .kind = WS_ERROR, .code = fault[outcome].code, .reason = fault[outcome].reason};
}
