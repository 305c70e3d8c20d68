/* SPDX-License-Identifier: MIT */
/* The rings: circular arrays that grow to what a room needs, under one budget. */
#include "ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define RING_ROOM_MIN 8u

static struct ring_entry *slot_at(const struct ring *ring, uint32_t i)
{
    return &ring->slots[(ring->head + i) & (ring->room - 1)];
}

void ring_init(struct ring *ring, struct ring_budget *budget)
{
    *ring = (struct ring){.budget = budget};
}

static void entry_deinit(struct ring *ring, struct ring_entry *entry)
{
    struct ring_budget *budget = ring->budget;
    int d;

    for (d = 0; d < DIALECT_COUNT; d++) {
        if (entry->dialect[d].frame.v != 0)
            budget->release(budget->arg, &entry->dialect[d].frame);
    }
    budget->bytes -= entry->bytes;
    free(entry->record);
    *entry = (struct ring_entry){.seq = 0};
}

static void drop_oldest(struct ring *ring)
{
    entry_deinit(ring, slot_at(ring, 0));
    ring->head = (ring->head + 1) & (ring->room - 1);
    ring->is_whole = false;
    if (--ring->n == 0)
        DL_DELETE(ring->budget->rings, ring);
}

/* An entry was put into its slot. */
static void count_one(struct ring *ring)
{
    if (ring->n++ == 0)
        DL_APPEND(ring->budget->rings, ring);
}

void ring_start(struct ring *ring, uint64_t last)
{
    while (ring->n > 0)
        drop_oldest(ring);
    free(ring->slots);
    ring->slots = NULL;
    ring->room = ring->head = 0;
    ring->is_whole = false;
    ring->last = last;
}

void ring_deinit(struct ring *ring)
{
    ring_start(ring, 0);
}

/* Room for one more entry, up to RING_ENTRIES_MAX. */
static int grow(struct ring *ring)
{
    uint32_t room = ring->room == 0 ? RING_ROOM_MIN : ring->room * 2, i;
    struct ring_entry *slots;

    if (ring->n < ring->room)
        return CHATD_OK;
    if (ring->room == RING_ENTRIES_MAX)
        return CHATD_E_BUSY;
    slots = calloc(room, sizeof(*slots));
    if (slots == NULL)
        return CHATD_E_BUSY;
    for (i = 0; i < ring->n; i++)
        slots[i] = *slot_at(ring, i);
    free(ring->slots);
    ring->slots = slots;
    ring->room = room;
    ring->head = 0;
    return CHATD_OK;
}

static int entry_init(struct ring *ring, struct ring_entry *entry, uint64_t seq, int64_t ts,
                      chatd_str record)
{
    char *copy = malloc(record.n + 1);

    if (copy == NULL)
        return CHATD_E_BUSY;
    if (record.n > 0)
        memcpy(copy, record.p, record.n);
    copy[record.n] = '\0';
    *entry = (struct ring_entry){.seq = seq,
                                 .ts = ts,
                                 .record = copy,
                                 .record_n = record.n,
                                 .bytes = sizeof(*entry) + record.n + 1};
    ring->budget->bytes += entry->bytes;
    return CHATD_OK;
}

struct ring_entry *ring_push(struct ring *ring, uint64_t seq, int64_t ts, chatd_str record)
{
    struct ring_entry *entry;

    if (seq != ring->last + 1)
        ring_start(ring, seq - 1);
    if (ring->n == RING_ENTRIES_MAX)
        drop_oldest(ring);
    if (grow(ring) < 0) {
        ring_start(ring, seq);
        return NULL;
    }
    entry = slot_at(ring, ring->n);
    if (entry_init(ring, entry, seq, ts, record) < 0) {
        ring_start(ring, seq);
        return NULL;
    }
    count_one(ring);
    ring->last = seq;
    ring_touch(ring);
    return entry;
}

int ring_push_front(struct ring *ring, uint64_t seq, int64_t ts, chatd_str record)
{
    uint32_t head;

    if (seq == 0 || seq + 1 != ring_first(ring) || seq < ring->floor)
        return CHATD_E_INVAL;
    if (grow(ring) < 0)
        return CHATD_E_BUSY;
    head = (ring->head - 1) & (ring->room - 1);
    if (entry_init(ring, &ring->slots[head], seq, ts, record) < 0)
        return CHATD_E_BUSY;
    ring->head = head;
    count_one(ring);
    return CHATD_OK;
}

void ring_drop_before(struct ring *ring, uint64_t first)
{
    if (first > ring->floor)
        ring->floor = first;
    while (ring->n > 0 && ring_first(ring) < ring->floor)
        drop_oldest(ring);
}

uint64_t ring_first(const struct ring *ring)
{
    return ring->last - ring->n + 1;
}

struct ring_entry *ring_find(struct ring *ring, uint64_t seq)
{
    if (seq > ring->last || seq < ring_first(ring))
        return NULL;
    return slot_at(ring, (uint32_t)(seq - ring_first(ring)));
}

bool ring_covers(const struct ring *ring, uint32_t n)
{
    return ring->n >= n || ring->is_whole || ring_first(ring) <= ring->floor;
}

void ring_set_frame(struct ring *ring, struct ring_entry *entry, enum dialect dialect,
                    chatd_frame frame, size_t bytes)
{
    assert(!entry->dialect[dialect].is_made);
    entry->dialect[dialect].frame = frame;
    entry->dialect[dialect].is_made = true;
    entry->bytes += bytes;
    ring->budget->bytes += bytes;
}

void ring_touch(struct ring *ring)
{
    if (ring->n == 0 || ring->next == NULL)
        return;
    DL_DELETE(ring->budget->rings, ring);
    DL_APPEND(ring->budget->rings, ring);
}

void ring_pin(struct ring *ring)
{
    ring->pins++;
}

void ring_unpin(struct ring *ring)
{
    assert(ring->pins > 0);
    ring->pins--;
}

void ring_budget_enforce(struct ring_budget *budget)
{
    struct ring *ring, *next;

    for (ring = budget->rings; ring != NULL && budget->bytes > budget->max; ring = next) {
        next = ring->next; /* an emptied ring leaves the list */
        while (ring->pins == 0 && ring->n > 0 && budget->bytes > budget->max)
            drop_oldest(ring);
    }
}
