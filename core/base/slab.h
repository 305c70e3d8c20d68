/* SPDX-License-Identifier: MIT */
/*
 * Objects of one size at fixed addresses, named by 64-bit ids: worker (8 bits), generation (32),
 * index (24). A slot's generation is odd while it lives and even while it is free, goes up at both
 * ends and is never reset: an id from before is answered with NULL. Slots are reused oldest first;
 * one whose generation would wrap is retired. Id 0 is "none".
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

/* Small enough for the holes that the heap has after a storm of handshakes. */
enum { SLAB_CHUNK = 64 };

/* What is kept of each slot lies with its chunk: arrays over all of them would have to move when they grow. */
struct slab_chunk {
    uint32_t generation[SLAB_CHUNK], next_free[SLAB_CHUNK];
    max_align_t items[];
};

struct slab {
    size_t item_bytes;
    uint32_t max, n_slots, n_live;
    uint32_t free_head, free_tail;
    struct slab_chunk **chunk;
    uint8_t worker;
};

void slab_init(struct slab *s, size_t item_bytes, uint32_t max, uint8_t worker);
void slab_widen(struct slab *s, size_t item_bytes); /* before the first object */
void slab_deinit(struct slab *s);
void *slab_new(struct slab *s, uint64_t *id_out);  /* zeroed; NULL: `max` are alive */
void *slab_get(const struct slab *s, uint64_t id); /* NULL: no such living object */
void slab_free(struct slab *s, uint64_t id);
void *slab_at(const struct slab *s, uint32_t index); /* NULL: not alive */
uint64_t slab_id(const struct slab *s, uint32_t index);

static inline uint32_t slab_index(uint64_t id)
{
    return (uint32_t)(id & 0xffffff);
}

#endif
