/* SPDX-License-Identifier: MIT */
/* Hints between workers of history-sqlite: each has one form, and nothing else is read as one. */
#include "hint.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t room = HINT_HEAD_MAX + HINT_NAME_MAX + size;
    struct hint hint, again;

    if (!hint_read((chatd_str){(const char *)data, size}, &hint))
        return 0;
    CHECK(hint.seq > 0 && hint.ts >= 0 && hint.room.n > 0 && hint.room.n <= HINT_NAME_MAX);
    char *text = malloc(room);
    size_t n = hint_write(&hint, text, room);

    CHECK(n == size && memcmp(text, data, size) == 0);
    /* Cut to what the bus takes, it is the same news without the record. */
    n = hint_write(&hint, text, HINT_HEAD_MAX + HINT_NAME_MAX);
    CHECK(n <= HINT_HEAD_MAX + HINT_NAME_MAX && hint_read((chatd_str){text, n}, &again));
    CHECK(again.seq == hint.seq && again.room.n == hint.room.n);
    CHECK(again.record.n == 0 || again.record.n == hint.record.n);
    free(text);
    return 0;
}
