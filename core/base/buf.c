/* SPDX-License-Identifier: MIT */
/* The growing byte buffer. */
#include "base/buf.h"

#include "base/mem.h"

#include <chatd/json.h>

#include <stdio.h>
#include <string.h>

void buf_deinit(struct buf *b)
{
    mem_free(b->p);
    memset(b, 0, sizeof(*b));
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    if (b->p != NULL)
        b->p[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->cap - b->n <= n) {
        size_t cap = b->cap ? b->cap : 64;

        while (cap - b->n <= n)
            cap *= 2;
        b->p = mem_realloc(b->p, cap);
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    char *end = buf_reserve(b, n);

    if (n > 0)
        memcpy(end, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list copy;
    int n;

    va_copy(copy, ap);
    n = vsnprintf(NULL, 0, fmt, copy);
    va_end(copy);
    if (n <= 0)
        return;
    vsnprintf(buf_reserve(b, (size_t)n), (size_t)n + 1, fmt, ap);
    b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_json(struct buf *b, const char *p, size_t n)
{
    char *end = buf_reserve(b, chatd_json_quote_max(n));

    b->n += chatd_json_quote((chatd_str){p, n}, end);
}
