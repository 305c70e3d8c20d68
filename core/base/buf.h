/* SPDX-License-Identifier: MIT */
/* A growing byte buffer, always followed by a NUL. For text the server itself composes; what a peer
 * sizes is capped before it gets here. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *p; /* NULL while empty and never used */
    size_t n, cap;
};

void buf_deinit(struct buf *b);
void buf_clear(struct buf *b);
char *buf_reserve(struct buf *b, size_t n); /* room for n more bytes and the NUL */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_json(struct buf *b, const char *p, size_t n); /* as a JSON string, quotes included */

#endif
