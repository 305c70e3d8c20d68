/* SPDX-License-Identifier: MIT */
/* What every fuzz target begins with. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* A copy of its own that is exactly as long, so that a sanitizer sees a read behind it. */
static inline char *exact(const void *p, size_t n)
{
    char *copy = malloc(n > 0 ? n : 1);

    CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

/* The same with a NUL behind it, where a text is expected to have one. */
static inline char *exact_text(const void *p, size_t n)
{
    char *copy = malloc(n + 1);

    CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

#endif
