/* SPDX-License-Identifier: MIT */
/* What the operator sees of the store's state, and the canary that finds out when it is well again. */
#ifndef HISTORY_SQLITE_HEALTH_H
#define HISTORY_SQLITE_HEALTH_H

#include "batch.h"

#define HEALTH_CANARY_MS 5000u

struct health {
    chatd_plugin *self;
    struct batch *batch;
    enum chatd_ready state;
    chatd_timer timer;
    bool probing; /* a canary is in the batch */
};

void health_init(struct health *health, chatd_plugin *self, struct batch *batch);

/* [loop] A write was committed: the store works. */
void health_well(struct health *health);

/* [loop] AWAY or DEGRADED with what failed, part of a sentence. While it lasts, a small write is
 * tried every HEALTH_CANARY_MS. */
void health_ill(struct health *health, enum chatd_ready state, const char *failure);

#endif
