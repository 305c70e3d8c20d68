/* SPDX-License-Identifier: MIT */
/*
 * Rings: the latest records of a room with the frames made from them, and the budget that the rings
 * of all rooms share. Pure: frames are given back through the budget's `release`.
 *
 * A ring holds the records first..last without a hole; `last` is the position up to which its room
 * was delivered, also while the ring is empty. What is used least recently gives way first; a ring
 * somebody is reading from is pinned and keeps what it has, up to RING_ENTRIES_MAX.
 */
#ifndef ROOMS_RING_H
#define ROOMS_RING_H

#include <chatd/abi.h>

#include <stdbool.h>

#define RING_ENTRIES_MAX 256u

/* The dialects a record is encoded in. */
enum dialect { DIALECT_CLASSIC = 0, DIALECT_V1, DIALECT_COUNT };

struct ring_entry {
    uint64_t seq;
    int64_t ts;   /* 0: unknown */
    char *record; /* JSON text, NUL-terminated */
    size_t record_n;
    size_t bytes; /* all it takes, its frames included */
    struct {
        chatd_frame frame; /* zero: not made, or there is nothing to show */
        bool is_made;
    } dialect[DIALECT_COUNT];
};

struct ring_budget {
    size_t bytes, max;
    struct ring *rings; /* those that hold something, the least recently used first */
    void (*release)(void *arg, chatd_frame *frame);
    void *arg;
};

struct ring {
    struct ring_budget *budget;
    struct ring *prev, *next; /* in budget->rings */
    struct ring_entry *slots; /* `room` of them, a power of two; the oldest at `head` */
    uint32_t room, head, n;
    uint32_t pins;
    bool is_whole; /* there are no records before the first one */
    uint64_t last;
    uint64_t floor; /* the records before it were deleted; 0: none that is known of */
};

void ring_init(struct ring *ring, struct ring_budget *budget);
void ring_deinit(struct ring *ring);

/* Empties it; the next record will be last + 1. The floor stays. */
void ring_start(struct ring *ring, uint64_t last);

/* Adds the record after `last`; a full ring loses its oldest. A seq that is not last + 1 empties the
 * ring first: it never has holes. The entry is good until the next call that adds, drops or
 * enforces. NULL: no memory; the ring is empty then and `last` is `seq` all the same. */
struct ring_entry *ring_push(struct ring *ring, uint64_t seq, int64_t ts, chatd_str record);

/* Adds the record before the first one; CHATD_E_INVAL: it is not that one or was deleted, CHATD_E_BUSY:
 * full, or no memory. */
int ring_push_front(struct ring *ring, uint64_t seq, int64_t ts, chatd_str record);

/* The records before `first` were deleted: none of them stays or comes in again, pinned or not. */
void ring_drop_before(struct ring *ring, uint64_t first);

/* The entry of `seq`, NULL if it is not here. */
struct ring_entry *ring_find(struct ring *ring, uint64_t seq);

/* The seq of the oldest entry; last + 1 when empty. */
uint64_t ring_first(const struct ring *ring);

/* True if the newest `n` records of the room are here, or all it has. */
bool ring_covers(const struct ring *ring, uint32_t n);

/* A frame was made for an entry (zero: nothing to show): takes over the caller's reference. */
void ring_set_frame(struct ring *ring, struct ring_entry *entry, enum dialect dialect,
                    chatd_frame frame, size_t bytes);

/* It was used just now. */
void ring_touch(struct ring *ring);

/* While pinned the budget takes nothing from it. */
void ring_pin(struct ring *ring);
void ring_unpin(struct ring *ring);

/* Drops the oldest entries of the least recently used rings until all fit. */
void ring_budget_enforce(struct ring_budget *budget);

#endif
