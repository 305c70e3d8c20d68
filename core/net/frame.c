/* SPDX-License-Identifier: MIT */
/* Shared frames. */
#include "net/frame.h"

#include "base/mem.h"
#include "net/ws_frame.h"

#include <string.h>

static struct frame *frame_alloc(const void *head, size_t head_n, const void *payload, size_t n)
{
    struct frame *f = mem_alloc(sizeof(*f) + head_n + n);

    f->refs = 1;
    f->len = (uint32_t)(head_n + n);
    if (head_n > 0)
        memcpy(f->bytes, head, head_n);
    if (n > 0)
        memcpy(f->bytes + head_n, payload, n);
    return f;
}

struct frame *frame_new(uint8_t opcode, const void *payload, size_t n)
{
    uint8_t head[10];
    size_t head_n = ws_frame_header(head, (uint8_t)(0x80 | opcode), n);

    return frame_alloc(head, head_n, payload, n);
}

struct frame *frame_raw(const void *bytes, size_t n)
{
    return frame_alloc(NULL, 0, bytes, n);
}

void frame_unref(struct frame **f)
{
    if (*f != NULL && --(*f)->refs == 0)
        mem_free(*f);
    *f = NULL;
}
