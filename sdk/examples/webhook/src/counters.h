/* SPDX-License-Identifier: MIT */
/* What /metrics shows, as chatd_webhook_*. */
#ifndef WEBHOOK_COUNTERS_H
#define WEBHOOK_COUNTERS_H

#include <chatd/chatd.h>

/* The labels of verdicts_total, in their order. */
enum counter_verdict {
    VERDICT_UNCHANGED,
    VERDICT_REWRITTEN,
    VERDICT_DROPPED,
    VERDICT_FAILED, /* the receiver could not be asked, or its answer is none */
    VERDICT_LATE,   /* it did not answer by the deadline */
    VERDICT_FULL,   /* `inflight` were waited for already */
    VERDICT_GONE    /* the client left first */
};

/* Of deliveries_total: requests. */
enum counter_delivery { DELIVERY_DONE, DELIVERY_FAILED, DELIVERY_REFUSED };

/* Of events_total. */
enum counter_event {
    EVENT_SENT,
    EVENT_OVERFLOWED, /* the queue was full */
    EVENT_REFUSED,    /* the receiver does not take it */
    EVENT_GIVEN_UP,   /* it failed for longer than give_up */
    EVENT_LOST,       /* the worker ended */
    EVENT_KEPT,       /* the worker ended, and chatd.kv has it */
    EVENT_TAKEN       /* another one left it there, and this one sends it */
};

struct counters {
    int verdicts, verdict_seconds, waiting;
    int deliveries, delivery_seconds, events, queue;
};

/* [init] */
int counters_register(struct counters *counters, chatd_plugin *self);

#endif
