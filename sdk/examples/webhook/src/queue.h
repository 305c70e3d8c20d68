/* SPDX-License-Identifier: MIT */
/*
 * Events that wait, in batches: each is the body of one request, written as its events come.
 *
 * A batch is open until `is_sealed` is set; the open one is the last. Nothing but the bounds of a queue is known here of where
 * batches go.
 */
#ifndef WEBHOOK_QUEUE_H
#define WEBHOOK_QUEUE_H

#include "text.h"

#include <sys/queue.h>

#define BATCH_LIFE_BYTES 17 /* 16 hex digits and a NUL */
#define BATCH_ID_BYTES   26 /* "LIFE.NUMBER", the number as 8 hex digits */

/* Whether chatd.kv has it: keep.h. */
enum batch_kept { KEPT_NOT, KEPT_ASKED, KEPT_YES, KEPT_MAYBE };

struct keeping;

struct batch {
    TAILQ_ENTRY(batch) link;
    char id[BATCH_ID_BYTES];
    struct text body;
    uint32_t n; /* events */
    bool is_sealed;
    int64_t tried_ms; /* the first time; 0: not yet */
    enum batch_kept kept;
    struct keeping *keeping; /* the call under way */
};

struct queue {
    TAILQ_HEAD(batches, batch) batches;
    uint64_t n_events;
    size_t bytes;
    uint32_t numbered; /* the last batch's */
    char life[BATCH_LIFE_BYTES];
};

struct queue_limits {
    int64_t events_max, bytes_max, batch_max;
};

/* `life` names this worker's life: no other batch has its ids. */
void queue_init(struct queue *queue, const char *life);
void queue_deinit(struct queue *queue);

/* Whether `events` more of `bytes` fit. */
bool queue_has_room(const struct queue *queue, const struct queue_limits *limits, uint64_t events,
                    size_t bytes);

/* Adds the JSON of an event to the open batch, or to a new one. The batch, sealed if it is full now; NULL: there is no
 * memory. */
struct batch *queue_add(struct queue *queue, const struct queue_limits *limits, chatd_str event);

/* The last batch, if it is open; NULL: it is not. */
struct batch *queue_open(const struct queue *queue);
struct batch *queue_first(const struct queue *queue);
struct batch *queue_find(const struct queue *queue, chatd_str id);

/* One that another worker made: before the open one, and before those of the same life that came later. */
struct batch *batch_new(chatd_str id, chatd_str body, uint32_t n);
void queue_take(struct queue *queue, struct batch *batch);

/* Takes it out and frees it. */
void queue_remove(struct queue *queue, struct batch *batch);
void batch_free(struct batch *batch);

#endif
