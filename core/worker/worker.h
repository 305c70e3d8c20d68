/* SPDX-License-Identifier: MIT */
/*
 * A worker: one loop on one thread with its host of plugins. It is alone (workers = 0, --check), or one
 * of several under a master, to which it then has a link.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "config/core_options.h"
#include "host/host.h"

struct worker_link;

enum leave { STAY, LEAVE_STOP, LEAVE_ROLL };

struct worker {
    struct event_base *base;
    struct config *config;
    struct core_options opt;
    struct host host;
    struct event *tick, *term, *intr, *hup, *usr2;
    char *plugin_dir;
    struct config **configs; /* those of reloads */
    size_t n_configs;
    struct worker_link *link; /* NULL: alone */

    enum leave leaving;
    struct event *leave_deadline, *leave_step;
    int64_t leave_until_ms;  /* plugins' jobs have until then */
    int64_t spread_until_ms; /* of a roll: the last client is asked to go by then */
    uint32_t spread_next;    /* where in the slab of connections it goes on */
    int lock;                /* of the address; alone only */
    int64_t watchdog_ms;     /* systemd's; alone only */
    bool done;
    int code; /* of worker_run() */
};

/* What a master's worker is told; all zero for one that is alone. */
struct worker_seat {
    struct board *board;
    unsigned seat;
    const char *instance, *left_out;
    int64_t server_pid;
    bool has_master;
};

/* Loads the plugins and runs their init. The configuration must outlive the worker. */
int worker_init(struct worker *w, struct config *config, const struct core_options *opt,
                const struct worker_seat *seat, struct config_report *rep);
/* A config_report.line that goes to the log. */
void worker_log_report(void *arg, int severity, const char *text);
/* Alone: listens by itself, until it is told to stop. The exit code. */
int worker_run(struct worker *w);
/* Starts the plugins and waits for those that are away: until clock_mono_ms() is `until_ms`, with 0 for a
 * moment. 0, or -1: one failed. */
int worker_start(struct worker *w, int64_t until_ms);
void worker_loop(struct worker *w); /* until `done`; then all connections have ended */
/* Ends the process when a plugin's job does not return in time. */
void worker_deinit(struct worker *w);

/* Reads the configuration again, from the copy in `fd` or, with -1, from its file, and applies it. False:
 * it has mistakes, nothing has changed. */
bool worker_reload(struct worker *w, int fd, bool is_quiet);

/* leave.c. Stops accepting and ends all clients: at once, within half of `ms`, with 1001; or in a roll
 * spread over `ms`, with 1012. A roll may turn into a stop. */
void worker_leave(struct worker *w, enum leave how, int64_t ms);
bool worker_is_empty(struct worker *w);
void worker_end_connections(struct worker *w); /* what is left, at once */

/* crash.c. A crash leaves in the seat what it was, then goes its way. */
void crash_watch(struct host *h);

/* link.c. The process that the master started: its whole life. */
int worker_main(const char *file);
void link_flush(struct worker *w); /* at the end of a turn */
void link_free(struct worker *w);

#endif
