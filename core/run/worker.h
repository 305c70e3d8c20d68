/* SPDX-License-Identifier: MIT */
/* A worker: one loop on one thread with its host of plugins. */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include "config/core_options.h"
#include "host/host.h"

struct worker {
    struct event_base *base;
    struct config *config;
    struct core_options opt;
    struct host host;
    struct event *tick, *term, *intr, *hup, *drain_deadline;
    char *plugin_dir;
    struct config **configs; /* those of reloads */
    size_t n_configs;
    bool draining, done;
    int code; /* of worker_run() */
};

/* Fills the options of [chatd]; part of --check, --dump-config and --health too. Errors are counted
 * in rep. */
void worker_options(struct config *config, struct core_options *opt, struct config_report *rep);
/* Loads the plugins and runs their init. `at_work`: HOST_AT_WORK_BYTES, or NULL; see host.h. */
int worker_init(struct worker *w, struct config *config, const struct core_options *opt,
                char *at_work, struct config_report *rep);
/* A config_report.line that goes to the log. */
void worker_log_report(void *arg, int severity, const char *text);
int worker_run(struct worker *w); /* until it is told to stop; the exit code */
/* Ends the process when a plugin's job does not return within drain_time. */
void worker_deinit(struct worker *w);

#endif
