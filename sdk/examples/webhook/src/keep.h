/* SPDX-License-Identifier: MIT */
/*
 * What waits for a receiver that is away, in chatd.kv, so that it outlives the worker.
 *
 *     webhook         LIFE.NUMBER.EVENTS   the body of a batch
 *     webhook-lease   LIFE                 the life of the worker that delivers LIFE's batches; ends by itself
 *
 * A life is one worker's, from start to end: 16 hex digits, drawn anew each time. Its lease is there while it has something in
 * chatd.kv. Who finds batches of a life without a lease takes the lease and with it the batches. A worker that leaves in
 * good order gives its lease back, so that nobody has to wait for its end; that comes to nothing where the worker ends before
 * the store is at it. A batch may be delivered twice, when a worker dies between
 * the answer and its entry's end or stands still for longer than its lease; its ids are the same then.
 */
#ifndef WEBHOOK_KEEP_H
#define WEBHOOK_KEEP_H

#include "queue.h"

#include <chatd/chatd.h>

#define KEEP_KEY_BYTES 40 /* "LIFE.NUMBER.EVENTS" */

struct keep {
    chatd_plugin *self;
    const struct chatd_service *kv; /* NULL: nobody offers it */
    struct queue *queue;
    const struct queue_limits *limits;
    void (*taken)(chatd_plugin *self, uint32_t events); /* batches came into the queue */
    char cursor[257];
    size_t cursor_n;
    uint32_t asking, found; /* leases asked for in this round, events taken in it */
    bool is_scanning, is_leaving, has_complained;
    bool has_lease; /* of its own life */
};

/* [start] Looks for what others left, now and then again. */
void keep_start(struct keep *keep, chatd_plugin *self, struct queue *queue,
                const struct queue_limits *limits,
                void (*taken)(chatd_plugin *self, uint32_t events));

/* Keeps a sealed batch, unless it is kept or too large. */
void keep_put(struct keep *keep, struct batch *batch);

/* It was delivered, or is dropped: its entry ends. The batch may be freed then. */
void keep_forget(struct keep *keep, struct batch *batch);

/* [drain] Others may take over. */
void keep_leave(struct keep *keep);

#endif
