/* SPDX-License-Identifier: MIT */
/*
 * The queue between the loop and the io thread. Operations wait while a job runs; the next job
 * takes all that came meanwhile, so the busier the server, the more share one commit. At most one
 * job is under way.
 *
 * What one job writes for a room leaves in one write to each of its members, so it pays to have the
 * messages of a busy room in one job. Its people often answer what they have just been told: after
 * a job that was mostly one room's, the next waits two turns of the loop for them. (Without that,
 * eight in flight fall into a job of five and a job of three that take turns for ever.) Where each
 * message is another room's, nothing is won by waiting, and the io thread is kept at work.
 */
#ifndef HISTORY_SQLITE_BATCH_H
#define HISTORY_SQLITE_BATCH_H

#include "commit.h"

#include <chatd/task.h>

#define BATCH_DEADLINE_MS 5000u

struct batch_options {
    chatd_plugin *self;
    uint32_t batch_max; /* operations in one transaction */
    uint32_t queue_max; /* operations pending, those under way included */
    /* [loop] A job has ended, before its operations are answered. */
    void (*ended)(void *arg, const struct commit_result *result);
    /* [loop] A job has been under way for a whole deadline. */
    void (*stuck)(void *arg);
    /* [loop] The job that batch_deinit() found under way has ended; may free the batch. */
    void (*over)(void *arg);
    void *arg;
};

struct batch {
    struct batch_options options;
    struct store *store;
    struct op_list queued;
    struct op_list running; /* the job's, until it is released */
    struct commit_result result;
    uint32_t pending;
    uint64_t serial;
    chatd_timer deadline, retry;
    bool posted, busy; /* a job will be started soon; one is under way */
    bool crowded;      /* most of what the last job wrote was for the same few rooms */
    bool closed, cancelled;
    bool left; /* batch_deinit() came while a job was under way */
};

void batch_init(struct batch *batch, const struct batch_options *options);

/* [loop] Queues an operation, which the batch then owns. `patient`: no deadline and no cap, for the
 * plugin's own. CHATD_E_BUSY: queue_max is reached; CHATD_E_STATE: closed. The caller then still
 * owns it. */
int batch_submit(struct batch *batch, struct op *op, bool patient);

/* [loop] Starts what is pending now instead of in the next turn. */
void batch_flush(struct batch *batch);

/* [loop] The server stops, and timers are gone: takes nothing new, and answers what no job carries with
 * CHATD_E_CANCELLED. The rest is answered when the job is cancelled. */
void batch_cancel(struct batch *batch);

/* [loop] Takes nothing new and frees what is left, without calling anybody back. False: a job is
 * still under way, and neither the batch nor the store may be touched before `over` is called. */
bool batch_deinit(struct batch *batch);

#endif
