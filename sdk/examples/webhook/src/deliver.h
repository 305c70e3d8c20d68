/* SPDX-License-Identifier: MIT */
/*
 * After it happened: events_url is told, batch by batch, one request at a time.
 *
 * A batch that fails is repeated, later and later, until it is delivered, refused, or older than give_up; those behind it wait,
 * so that the receiver sees them in order. While the receiver fails, what waits is kept in chatd.kv too.
 */
#ifndef WEBHOOK_DELIVER_H
#define WEBHOOK_DELIVER_H

#include "counters.h"
#include "endpoint.h"
#include "health.h"
#include "keep.h"
#include "queue.h"
#include "web.h"

struct deliver {
    chatd_plugin *self;
    struct web *web;
    struct health *health;
    const struct counters *counters;
    struct endpoint to;
    struct queue queue;
    struct queue_limits limits;
    struct keep keep;
    struct batch *batch;         /* under way */
    struct web_request *request; /* with this; both or none */
    chatd_timer seal, retry;
    bool is_waiting;            /* for `retry` */
    uint32_t attempts;          /* of the first batch, that failed */
    uint32_t refusals;          /* batches, since one was delivered */
    uint64_t numbered;          /* the last event's id */
    uint64_t overflowed;        /* events, since the queue was full; 0: it is not */
    bool is_leaving, is_ending; /* drain and cancel were called */
};

/* [init] Reads events_url; to.url is NULL if it is not set. deliver_deinit() ends it either way. */
int deliver_init(struct deliver *deliver, chatd_plugin *self, const char *life);

/* [start] */
void deliver_start(struct deliver *deliver);

/* Begins the JSON of an event, with all that every event has, and ends it: it waits then. */
void deliver_begin(struct deliver *deliver, struct text *event, const char *kind, int64_t ts_ms);
void deliver_add(struct deliver *deliver, struct text *event);

/* [drain] Sends what is there at once, and what comes. */
void deliver_drain(struct deliver *deliver);

/* [cancel] The loop has stopped, nobody is served any more: waits for what is under way, but not long. */
void deliver_end(struct deliver *deliver);

/* [stop] Says what was not delivered. */
void deliver_deinit(struct deliver *deliver);

#endif
