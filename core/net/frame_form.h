/* SPDX-License-Identifier: MIT */
/* In which form a frame goes to a connection: as it is, or compressed, once for all who can read that. */
#ifndef NET_FRAME_FORM_H
#define NET_FRAME_FORM_H

#include "net/frame.h"
#include "net/net.h"

/* `window_bits` is what the connection agreed on, 0 for nothing. Borrowed from `f`. A message stays as it
 * is below deflate_min, where that would not make it smaller, and above FRAME_FORM_MAX, which would hold the
 * loop for long. */
enum { FRAME_FORM_MAX = 262144 };

struct frame *frame_form_make(struct net *net, struct frame *f, uint8_t window_bits);

static inline struct frame *frame_form(struct net *net, struct frame *f, uint8_t window_bits)
{
    return window_bits == 0 || f->head_bytes == 0 ? f : frame_form_make(net, f, window_bits);
}

#endif
