/* SPDX-License-Identifier: MIT */
/*
 * The position check: what Redis published is lost without a word when a proxy swallows it, when a
 * right is missing, or when the publisher's PUBLISH failed after its append. So every now and then each
 * room that somebody subscribes to is asked where it stands; who has not come there a moment later reads.
 * One small command for each room, CHECK_BATCH at a time. Where records are deleted by age, it also asks for
 * the first one that is left. All on the loop.
 */
#ifndef HISTORY_REDIS_CHECK_H
#define HISTORY_REDIS_CHECK_H

#include "queue.h"
#include "subs.h"

#define CHECK_BATCH     100u
#define CHECK_SETTLE_MS 1000u /* for publications on their way while the answer came */

struct check {
    chatd_plugin *self;
    struct queue *queue;
    struct subs *subs;
    uint32_t pending; /* questions without an answer */
    bool walking;
    bool with_first;
    chatd_timer timer, settle;
    int missed; /* the metric that counts rooms found behind */
};

/* [start] Begins to look, every `interval_ms`. */
int check_start(struct check *check, chatd_plugin *self, struct queue *queue, struct subs *subs,
                uint32_t interval_ms, bool with_first, int missed);

#endif
