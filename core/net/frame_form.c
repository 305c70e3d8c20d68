/* SPDX-License-Identifier: MIT */
/* Finds or makes the compressed form of a message. */
#include "net/frame_form.h"

#include "net/ws_deflate.h"
#include "net/ws_extension.h"

static struct frame *compress(struct net *net, struct frame *f, uint8_t bits)
{
    size_t n = f->len - f->head_bytes, made;
    const uint8_t *payload;

    made = ws_deflate(net->deflate, bits, f->bytes + f->head_bytes, n, &payload);
    if (made == 0) {
        f->no_gain |= (uint8_t)(1 << (bits - WS_WINDOW_BITS_MIN));
        return f;
    }
    net->count->deflated++;
    net->count->deflated_plain_bytes += (int64_t)n;
    net->count->deflated_bytes += (int64_t)made;
    return frame_form_add(f, bits, payload, made);
}

struct frame *frame_form_make(struct net *net, struct frame *f, uint8_t window_bits)
{
    size_t n = f->len - f->head_bytes;
    uint8_t bits = ws_deflate_window(n, window_bits);
    struct frame *form;

    if (n < (size_t)net->limits.deflate_min || n > FRAME_FORM_MAX ||
        (f->no_gain & 1 << (bits - WS_WINDOW_BITS_MIN)) != 0)
        return f;
    for (form = f->forms; form != NULL; form = form->forms) {
        if (form->window_bits == bits)
            return form;
    }
    return compress(net, f, bits);
}
