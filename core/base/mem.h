/* SPDX-License-Identifier: MIT */
/*
 * Memory of the core: allocation that cannot fail.
 *
 * Out of memory ends the process with one line on stderr: the master starts a new worker, and no
 * caller carries a path that is never tested. What a peer can size is capped before it gets here.
 * Whatever these functions return is freed with mem_free(). All are thread-safe.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* `n` zeroed bytes; never NULL, also for n = 0. */
void *mem_alloc(size_t n);

/* The same, not zeroed: for what is written in full at once. */
void *mem_raw(size_t n);

/* realloc(): the first min(old, n) bytes stay, new ones are not initialised. `p` may be NULL. */
void *mem_realloc(void *p, size_t n);

/* Room for one more element in an array of `n` elements of `each` bytes that only ever grew through
 * this call: the array, moved to twice the room whenever it is full. */
void *mem_grow(void *array, size_t n, size_t each);

/* A copy of `s`; of its first `n` bytes, or fewer if it ends before. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* The formatted text in memory of its own. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

void mem_free(void *p);

/* Overwrites `n` bytes with zeros in a way no optimiser removes: for secrets, before mem_free(). */
void mem_wipe(void *p, size_t n);

#endif
