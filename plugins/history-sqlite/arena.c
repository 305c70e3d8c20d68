/* SPDX-License-Identifier: MIT */
/* Memory for the results of one operation: blocks that are filled from the front. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 8192u

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    char bytes[];
};

bool arena_copy(struct arena *arena, const void *bytes, size_t n, chatd_str *out)
{
    struct arena_block *block = arena->blocks;

    if (block == NULL || block->size - block->used <= n) {
        size_t size = n < ARENA_BLOCK ? ARENA_BLOCK : n + 1;

        block = malloc(sizeof(*block) + size);
        if (block == NULL)
            return false;
        block->next = arena->blocks;
        block->used = 0;
        block->size = size;
        arena->blocks = block;
    }
    char *copy = block->bytes + block->used;

    if (n > 0)
        memcpy(copy, bytes, n);
    copy[n] = '\0';
    block->used += n + 1;
    arena->bytes += n;
    *out = (chatd_str){copy, n};
    return true;
}

void arena_free(struct arena *arena)
{
    struct arena_block *next;

    for (struct arena_block *block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (struct arena){0};
}
