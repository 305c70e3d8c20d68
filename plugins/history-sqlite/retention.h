/* SPDX-License-Identifier: MIT */
/*
 * Deletes what is older than history_age, a portion at a time, and tells subscribers what is gone.
 * Every worker looks; whoever comes first deletes, the others find nothing but what their own
 * subscribers have to be told.
 */
#ifndef HISTORY_SQLITE_RETENTION_H
#define HISTORY_SQLITE_RETENTION_H

#include "clock.h"
#include "subs.h"

#define RETENTION_EVERY_MS_MAX 60000 /* a tenth of the age, within these */
#define RETENTION_EVERY_MS_MIN 200

struct retention {
    chatd_plugin *self;
    struct batch *batch;
    struct subs *subs;
    int64_t age_ms;
    struct clock clock;
    bool under_way;
    int expired; /* the metric that counts what was deleted */
};

/* [start] CHATD_OK or an error. An age of 0 keeps everything. */
int retention_start(struct retention *retention, chatd_plugin *self, struct batch *batch,
                    struct subs *subs, int64_t age_ms, int expired);

#endif
