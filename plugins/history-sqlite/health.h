/* SPDX-License-Identifier: MIT */
/*
 * What the operator sees of the store's state, and the canary: a small write and read that is tried
 * every few seconds, so that /readyz knows of a full or failing disk before a client does.
 */
#ifndef HISTORY_SQLITE_HEALTH_H
#define HISTORY_SQLITE_HEALTH_H

#include "batch.h"

#define HEALTH_CANARIES 3u /* so many in a row that did not go through: away */

struct health {
    chatd_plugin *self;
    struct batch *batch;
    const char *path;
    uint32_t every_ms;
    enum chatd_ready state;
    bool probing;      /* a canary is in the batch */
    int64_t probed_ms; /* when the latest one was sent */
    int64_t well_ms;   /* up to then writes went through */
    char failure[512]; /* of the latest canary; empty: it went through, or is under way */
};

/* [start] Reports READY and starts the canary. The strings are borrowed. CHATD_OK or an error. */
int health_start(struct health *health, chatd_plugin *self, struct batch *batch, const char *path,
                 uint32_t every_ms);

/* [loop] A write was committed: the store works. `trial`: a canary's. */
void health_well(struct health *health, bool trial);

/* [loop] AWAY or DEGRADED with what failed, part of a sentence, until a write goes through. */
void health_ill(struct health *health, enum chatd_ready state, const char *failure);

/* [loop] A canary failed and harmed nobody: DEGRADED, and AWAY when it goes on. */
void health_trial_failed(struct health *health, const char *failure);

#endif
