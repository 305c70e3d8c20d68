/* SPDX-License-Identifier: MIT */
/* Allocation that ends the process instead of failing. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t n)
{
    fprintf(stderr, "chatd: out of memory: %zu bytes wanted\n", n);
    abort();
}

void *mem_alloc(size_t n)
{
    void *p = calloc(1, n > 0 ? n : 1);
    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *mem_raw(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);
    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    /* realloc(p, 0) may free `p` and return NULL, which nobody could tell from a failure. */
    void *moved = realloc(p, n > 0 ? n : 1);
    if (moved == NULL)
        out_of_memory(n);
    return moved;
}

void *mem_grow(void *array, size_t n, size_t each)
{
    /* The room is the next power of two, so it is full exactly when n is zero or such a power. */
    if ((n & (n - 1)) != 0)
        return array;
    size_t room = n > 0 ? 2 * n : 1;
    if (room > SIZE_MAX / each)
        out_of_memory(SIZE_MAX);
    return mem_realloc(array, room * each);
}

char *mem_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = mem_alloc(len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_vprintf(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    /* The analyzer does not see that every caller has begun it. */
    int n = vsnprintf(NULL, 0, fmt, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    /* Only a broken format or a text beyond INT_MAX gets here negative: both are bugs. */
    if (n < 0)
        abort();
    char *text = mem_alloc((size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = mem_vprintf(fmt, args);
    va_end(args);
    return text;
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}
