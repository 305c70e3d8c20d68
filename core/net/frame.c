/* SPDX-License-Identifier: MIT */
/* Shared frames. */
#include "net/frame.h"

#include "base/mem.h"
#include "net/ws_frame.h"

#include <string.h>

static struct frame *frame_alloc(const void *head, size_t head_n, const void *payload, size_t n)
{
    struct frame *f = mem_raw(sizeof(*f) + head_n + n);

    *f = (struct frame){.refs = 1, .len = (uint32_t)(head_n + n)};
    if (head_n > 0)
        memcpy(f->bytes, head, head_n);
    if (n > 0)
        memcpy(f->bytes + head_n, payload, n);
    return f;
}

struct frame *frame_new(uint8_t opcode, const void *payload, size_t n)
{
    uint8_t head[10];
    size_t head_n = ws_frame_header(head, (uint8_t)(WS_FIN | opcode), n);
    struct frame *f = frame_alloc(head, head_n, payload, n);

    if (!ws_opcode_is_control(opcode))
        f->head_bytes = (uint8_t)head_n;
    return f;
}

struct frame *frame_raw(const void *bytes, size_t n)
{
    return frame_alloc(NULL, 0, bytes, n);
}

struct frame *frame_form_add(struct frame *f, uint8_t window_bits, const void *payload, size_t n)
{
    uint8_t head[10];
    size_t head_n = ws_frame_header(head, f->bytes[0] | WS_RSV1, n);
    struct frame *form = frame_alloc(head, head_n, payload, n);

    form->window_bits = window_bits;
    form->forms = f->forms;
    f->forms = form;
    return form;
}

/* A form may outlive the frame, in a queue; it knows no other then. */
static void unref_forms(struct frame *f)
{
    struct frame *form, *next;

    for (form = f->forms; form != NULL; form = next) {
        next = form->forms;
        form->forms = NULL;
        frame_unref(&form);
    }
}

void frame_unref(struct frame **f)
{
    if (*f != NULL && --(*f)->refs == 0) {
        unref_forms(*f);
        mem_free(*f);
    }
    *f = NULL;
}
