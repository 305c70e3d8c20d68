/* SPDX-License-Identifier: MIT */
/*
 * A core for one plugin instance, stepped by a test: virtual clocks, posts, timers, io jobs.
 *
 * Only what history-sqlite calls is there; everything else of the table is NULL. Time stands still
 * unless fakecore_advance() moves it.
 */
#ifndef FAKECORE_H
#define FAKECORE_H

#include <chatd/chatd.h>
#include <stdbool.h>

struct fakecore;

enum fakecore_jobs {
    FAKECORE_INLINE, /* run in the step after they were queued */
    FAKECORE_THREAD, /* run in a thread, joined in the step after */
    FAKECORE_HOLD    /* not run until the mode changes: the disk hangs */
};

/* `config` is borrowed. */
struct fakecore *fakecore_new(const void *config, const char *instance);
void fakecore_free(struct fakecore *core);
chatd_plugin *fakecore_plugin(struct fakecore *core);

/* Before start: the core has this bus, which others may have too. */
struct fakebus;
void fakecore_bus(struct fakecore *core, struct fakebus *bus);

/* What the plugin offered in init; NULL: nothing of that name. */
const struct chatd_service *fakecore_service(struct fakecore *core, const char *name);

/* One post, timer or job; false: there is nothing to do at the present time. */
bool fakecore_step(struct fakecore *core);

/* Steps until there is nothing to do at the present time. */
void fakecore_run(struct fakecore *core);

/* Moves both clocks, then runs. */
void fakecore_advance(struct fakecore *core, int64_t ms);

void fakecore_jobs(struct fakecore *core, enum fakecore_jobs mode);

/* The next `n` jobs are refused with CHATD_E_BUSY. */
void fakecore_refuse_jobs(struct fakecore *core, int n);

/* Calls done(CHATD_E_CANCELLED) of a job that is held; it runs and is released once the mode
 * changes. Posts and timers are refused from now on, as in a server that stops. */
void fakecore_cancel_jobs(struct fakecore *core);

int fakecore_ready(const struct fakecore *core);
const char *fakecore_ready_text(const struct fakecore *core);

/* The last line logged at `level`; empty: none. */
const char *fakecore_log(const struct fakecore *core, enum chatd_log_level level);

/* What was added to or last set for a metric. */
int64_t fakecore_metric(const struct fakecore *core, const char *name);

#endif
