/* SPDX-License-Identifier: MIT */
/* What a connection could not take yet: references to frames, oldest first. The offset belongs to
 * the head. Pure bookkeeping but for outq_write(). */
#ifndef NET_OUTQ_H
#define NET_OUTQ_H

#include "net/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a reference to a frame counts beside the frame's bytes: its place in the ring, which doubles.
 * Frames are shared, the places are not, and many small frames are mostly places. */
enum { OUTQ_PLACE_BYTES = 2 * sizeof(struct frame *) };

/* Zero is empty. */
struct outq {
    struct frame **frame; /* ring of `cap` (a power of two) */
    uint32_t head, n, cap;
    uint32_t offset; /* bytes of the head that are gone already */
    size_t bytes;    /* still to go */
    /* Its connection's: when its peer took something last, and was last sent a pong. */
    uint32_t progress_s, pong_s;
};

enum outq_result { OUTQ_EMPTY, OUTQ_AGAIN, OUTQ_FAILED };

/* What it is measured by against the caps; 0: nothing waits. */
static inline size_t outq_weight(const struct outq *q)
{
    return q->bytes + (size_t)q->n * OUTQ_PLACE_BYTES;
}

void outq_deinit(struct outq *q); /* zero afterwards, which is empty */
void outq_push(struct outq *q, struct frame *f, uint32_t offset); /* takes one new reference */
/* Writes until the socket takes no more; *wrote_out: bytes that left. */
enum outq_result outq_write(struct outq *q, int fd, size_t *wrote_out);
/* Drops all but a half-sent head, whose rest must follow lest the stream break. */
void outq_cut(struct outq *q);

#endif
