/* SPDX-License-Identifier: MIT */
/* Deflates messages, with one state for each window that is in use. */
#define ZLIB_CONST /* it takes what may not be written to */
#include "net/ws_deflate.h"

#include "base/mem.h"
#include "net/ws_extension.h"

#include <zlib.h>

enum {
    WINDOWS = WS_WINDOW_BITS_MAX - WS_WINDOW_BITS_MIN + 1,
    LOOKAHEAD = 262,  /* what zlib keeps of a window for itself (MIN_LOOKAHEAD in its deflate.h) */
    TAIL_BYTES = 4,   /* 00 00 ff ff, taken off */
    FLUSH_BYTES = 16, /* beyond what is of use: with fewer, zlib may repeat the end of a flush */
};

struct ws_deflate {
    z_stream *stream[WINDOWS];
    uint8_t *out;
    size_t room;
    int level;
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

struct ws_deflate *ws_deflate_new(int level)
{
    struct ws_deflate *d = mem_alloc(sizeof(*d));

    d->level = level;
    return d;
}

void ws_deflate_free(struct ws_deflate **dp)
{
    struct ws_deflate *d = *dp;
    unsigned i;

    if (d == NULL)
        return;
    for (i = 0; i < WINDOWS; i++) {
        if (d->stream[i] != NULL)
            deflateEnd(d->stream[i]);
        mem_free(d->stream[i]);
    }
    mem_free(d->out);
    mem_free(d);
    *dp = NULL;
}

uint8_t ws_deflate_window(size_t n, uint8_t window_bits)
{
    uint8_t bits = WS_WINDOW_BITS_MIN;

    while (bits < window_bits && n + LOOKAHEAD > (size_t)1 << bits)
        bits++;
    return bits;
}

/* Most messages are short and the tables have to be cleared for each: they are as small as the window
 * (its bits - 6 is 3 to 9), which costs a message that fits it nothing. */
static z_stream *stream_of(struct ws_deflate *d, uint8_t bits)
{
    z_stream **s = &d->stream[bits - WS_WINDOW_BITS_MIN];

    if (*s == NULL) {
        *s = mem_alloc(sizeof(**s));
        (*s)->zalloc = z_alloc;
        (*s)->zfree = z_free;
        deflateInit2(*s, d->level, Z_DEFLATED, -bits, bits - 6, Z_DEFAULT_STRATEGY);
    } else {
        deflateReset(*s);
    }
    return *s;
}

size_t ws_deflate(struct ws_deflate *d, uint8_t window_bits, const void *p, size_t n,
                  const uint8_t **out)
{
    z_stream *s = stream_of(d, window_bits);
    size_t made;

    if (d->room < n + FLUSH_BYTES) {
        mem_free(d->out);
        d->room = n + FLUSH_BYTES;
        d->out = mem_alloc(d->room);
    }
    s->next_in = p;
    s->avail_in = (uInt)n;
    s->next_out = d->out;
    s->avail_out = (uInt)(n + FLUSH_BYTES);
    if (n == 0 || deflate(s, Z_SYNC_FLUSH) != Z_OK || s->avail_in > 0 || s->avail_out == 0)
        return 0;
    made = n + FLUSH_BYTES - s->avail_out - TAIL_BYTES;
    *out = d->out;
    return made < n ? made : 0;
}
