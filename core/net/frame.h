/* SPDX-License-Identifier: MIT */
/* An encoded server frame, shared by everybody it goes to: header and payload in one block, counted
 * references. Loop thread only. */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame {
    uint32_t refs;
    uint32_t len; /* bytes on the wire */
    uint8_t bytes[];
};

struct frame *frame_new(uint8_t opcode, const void *payload, size_t n); /* one reference */
struct frame *frame_raw(const void *bytes, size_t n); /* bytes as they are: a handshake answer */
void frame_unref(struct frame **f);                   /* clears the pointer */

static inline struct frame *frame_ref(struct frame *f)
{
    f->refs++;
    return f;
}

#endif
