/* SPDX-License-Identifier: MIT */
/* What the host counts, in the seat of its process; and the text of /metrics. */
#ifndef HOST_METRIC_H
#define HOST_METRIC_H

#include "base/buf.h"
#include "board/seat.h"
#include "host/host.h"

enum { QUEUE_CPU, QUEUE_IO, QUEUES };

/* The core's own, one value beside the other. */
struct core_values {
    struct net_counters net; /* first: SEAT_CONNECTIONS */
    struct http_counters http;
    int64_t channels, timers, watches, io_uring; /* now */
    int64_t jobs_waiting[QUEUES];                /* now */
    int64_t jobs[QUEUES];
    int64_t rate_limited;
};

void metric_init(struct host *h); /* takes its seat; after net_init() and http_open() */
void metric_deinit(struct host *h);
void metric_beat(struct host *h);    /* the loop turns */
void metric_refresh(struct host *h); /* what is counted elsewhere and only shown here */
void metric_text(struct host *h, struct buf *out);
/* Where calls (0) and nanoseconds (1) of a plugin's handlers of an event are counted. */
int64_t *metric_hook(struct host *h, const struct plugin *p, const char *event);

#endif
