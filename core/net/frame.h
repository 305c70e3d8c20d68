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
    /* Of a message: its compressed forms, of which it holds a reference each. Of such a form: the next. */
    struct frame *forms;
    uint8_t head_bytes; /* of a message, what is before its payload; else 0: it has one form only */
    uint8_t window_bits; /* of a compressed form */
    uint8_t no_gain; /* a bit for each window, from the least on, that does not make it smaller */
    uint8_t bytes[];
};

struct frame *frame_new(uint8_t opcode, const void *payload, size_t n); /* one reference */
struct frame *frame_raw(const void *bytes, size_t n); /* bytes as they are: a handshake answer */
void frame_unref(struct frame **f);                   /* clears the pointer */
/* Gives the message `f` a compressed form: `payload` for windows of so many bits. It is `f`'s. */
struct frame *frame_form_add(struct frame *f, uint8_t window_bits, const void *payload, size_t n);

static inline struct frame *frame_ref(struct frame *f)
{
    f->refs++;
    return f;
}

#endif
