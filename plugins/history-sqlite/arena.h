/* SPDX-License-Identifier: MIT */
/* Memory for the results of one operation: many small copies that do not move, freed together. */
#ifndef HISTORY_SQLITE_ARENA_H
#define HISTORY_SQLITE_ARENA_H

#include <chatd/abi.h>
#include <stdbool.h>

struct arena_block;

/* All zero is empty. */
struct arena {
    struct arena_block *blocks;
    size_t bytes; /* copied so far */
};

/* Copies `n` bytes and a terminating NUL; *out stays good until arena_free(). False: no memory. */
bool arena_copy(struct arena *arena, const void *bytes, size_t n, chatd_str *out);

/* Frees every copy; the arena is empty and may be used again. */
void arena_free(struct arena *arena);

#endif
