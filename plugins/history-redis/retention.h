/* SPDX-License-Identifier: MIT */
/*
 * Deletes what is older than history_age. One worker of all that share a Redis walks over the rooms at a
 * time: whoever gets a key that ends by itself. The walk is a paced SCAN; each room is a small
 * script, again while it finds something. Two that walk at once do no harm. What is gone the position check
 * tells subscribers (check.h). All on the loop.
 */
#ifndef HISTORY_REDIS_RETENTION_H
#define HISTORY_REDIS_RETENTION_H

#include "clock.h"
#include "queue.h"

#define RETENTION_EVERY_MS_MAX 60000 /* a tenth of the age, within these */
#define RETENTION_EVERY_MS_MIN 200
#define RETENTION_PAUSE_MS     20u
#define RETENTION_STEP         "200" /* keys of a step */
#define RETENTION_SLICE        512 /* records that one script looks at, and about so many bytes: */
#define RETENTION_BYTES        (1024 * 1024)

struct retention {
    chatd_plugin *self;
    struct queue *queue;
    int64_t age_ms, every_ms, before_ms;
    struct clock clock;
    bool walking;
    uint32_t pending; /* rooms of this step without an answer */
    char cursor[24];
    chatd_timer timer, pause;
    int expired; /* the metric that counts what was deleted */
};

/* [start] CHATD_OK or an error. An age of 0 keeps everything. */
int retention_start(struct retention *retention, chatd_plugin *self, struct queue *queue,
                    int64_t age_ms, int expired);

#endif
