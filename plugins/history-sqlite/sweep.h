/* SPDX-License-Identifier: MIT */
/*
 * Looks every few seconds whether other workers appended to rooms that have subscribers here. Hints
 * tell of that at once; but a worker may die between its commit and its hint, and the bus may lose.
 * Costs one number while nobody else writes.
 */
#ifndef HISTORY_SQLITE_SWEEP_H
#define HISTORY_SQLITE_SWEEP_H

#include "subs.h"

#define SWEEP_EVERY_MS 5000u
/* An append has its time when it is called, and may be committed much later. */
#define SWEEP_SLACK_MS 60000

struct sweep {
    chatd_plugin *self;
    struct batch *batch;
    struct subs *subs;
    int64_t version;  /* of the data that were looked at last */
    int64_t since_ms; /* when that was, by the clock on the wall */
    bool under_way;
};

/* [start] CHATD_OK or an error. */
int sweep_start(struct sweep *sweep, chatd_plugin *self, struct batch *batch, struct subs *subs);

#endif
