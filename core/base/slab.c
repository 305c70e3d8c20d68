/* SPDX-License-Identifier: MIT */
/* Slabs with generations. */
#include "base/slab.h"

#include "base/mem.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif
#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#define SLAB_POISON(p, n)   __asan_poison_memory_region(p, n)
#define SLAB_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define SLAB_POISON(p, n)   ((void)0)
#define SLAB_UNPOISON(p, n) ((void)0)
#endif

#define SLAB_NONE UINT32_MAX
#define INDEX_MAX 0xffffffu

static uint32_t *generation(const struct slab *s, uint32_t index)
{
    return &s->chunk[index / SLAB_CHUNK]->generation[index % SLAB_CHUNK];
}

static uint32_t *next_free(const struct slab *s, uint32_t index)
{
    return &s->chunk[index / SLAB_CHUNK]->next_free[index % SLAB_CHUNK];
}

static void *slot(const struct slab *s, uint32_t index)
{
    return (char *)s->chunk[index / SLAB_CHUNK]->items +
           (size_t)(index % SLAB_CHUNK) * s->item_bytes;
}

void slab_widen(struct slab *s, size_t item_bytes)
{
    s->item_bytes = (item_bytes + 15) & ~(size_t)15;
}

void slab_init(struct slab *s, size_t item_bytes, uint32_t max, uint8_t worker)
{
    memset(s, 0, sizeof(*s));
    slab_widen(s, item_bytes);
    s->max = max < INDEX_MAX ? max : INDEX_MAX;
    s->free_head = s->free_tail = SLAB_NONE;
    s->worker = worker;
}

void slab_deinit(struct slab *s)
{
    uint32_t i;

    for (i = 0; i * SLAB_CHUNK < s->n_slots; i++) {
        SLAB_UNPOISON(s->chunk[i]->items, SLAB_CHUNK * s->item_bytes);
        mem_free(s->chunk[i]);
    }
    mem_free(s->chunk);
    memset(s, 0, sizeof(*s));
}

static void push_free(struct slab *s, uint32_t index)
{
    *next_free(s, index) = SLAB_NONE;
    if (s->free_tail == SLAB_NONE)
        s->free_head = index;
    else
        *next_free(s, s->free_tail) = index;
    s->free_tail = index;
}

static void grow(struct slab *s)
{
    uint32_t chunks = s->n_slots / SLAB_CHUNK, n = s->n_slots + SLAB_CHUNK, i;

    s->chunk = mem_grow(s->chunk, chunks, sizeof(struct slab_chunk *));
    s->chunk[chunks] = mem_alloc(sizeof(struct slab_chunk) + SLAB_CHUNK * s->item_bytes);
    SLAB_POISON(s->chunk[chunks]->items, SLAB_CHUNK * s->item_bytes);
    for (i = s->n_slots; i < n; i++)
        push_free(s, i);
    s->n_slots = n;
}

uint64_t slab_id(const struct slab *s, uint32_t index)
{
    return (uint64_t)s->worker << 56 | (uint64_t)*generation(s, index) << 24 | index;
}

void *slab_new(struct slab *s, uint64_t *id_out)
{
    uint32_t index;
    void *p;

    if (s->n_live >= s->max)
        return NULL;
    if (s->free_head == SLAB_NONE) {
        if (s->n_slots + SLAB_CHUNK > INDEX_MAX)
            return NULL;
        grow(s);
    }
    index = s->free_head;
    s->free_head = *next_free(s, index);
    if (s->free_head == SLAB_NONE)
        s->free_tail = SLAB_NONE;
    ++*generation(s, index);
    s->n_live++;
    p = slot(s, index);
    SLAB_UNPOISON(p, s->item_bytes);
    memset(p, 0, s->item_bytes);
    *id_out = slab_id(s, index);
    return p;
}

void *slab_at(const struct slab *s, uint32_t index)
{
    if (index >= s->n_slots || (*generation(s, index) & 1) == 0)
        return NULL;
    return slot(s, index);
}

void *slab_get(const struct slab *s, uint64_t id)
{
    uint32_t index = slab_index(id);

    if (id == 0 || index >= s->n_slots || slab_id(s, index) != id ||
        (*generation(s, index) & 1) == 0)
        return NULL;
    return slot(s, index);
}

void slab_free(struct slab *s, uint64_t id)
{
    uint32_t index = slab_index(id);

    if (slab_get(s, id) == NULL)
        return;
    SLAB_POISON(slot(s, index), s->item_bytes);
    s->n_live--;
    ++*generation(s, index);
    /* The next life would begin at the maximum: the slot retires instead of wrapping. */
    if (*generation(s, index) < UINT32_MAX - 1)
        push_free(s, index);
}
