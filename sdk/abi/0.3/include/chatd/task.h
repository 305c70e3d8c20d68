/* SPDX-License-Identifier: MIT */
/* Timers, jobs in threads, and watches of descriptors: how a plugin waits without blocking. */
#ifndef CHATD_TASK_H
#define CHATD_TASK_H

#include <chatd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* [loop] Calls `cb` after `after_ms`, then every `every_ms` (0: once). Ends with the plugin. */
static inline int chatd_timer_start(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                                    void (*cb)(chatd_plugin *self, void *arg), void *arg,
                                    chatd_timer *timer_out)
{
    return self->core->timer(self, after_ms, every_ms, cb, arg, timer_out);
}

/* [loop] CHATD_E_GONE, harmless: it has run out. May be called in the timer's own callback. */
static inline int chatd_timer_cancel(chatd_plugin *self, chatd_timer timer)
{
    return self->core->timer_cancel(self, timer);
}

/* [any] Calls `cb` on the loop, soon; what is posted while the server drains is run before the first
 * stop() (see plugin.h). CHATD_E_STATE: the server is stopping. */
static inline int chatd_post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg),
                             void *arg)
{
    return self->core->post(self, cb, arg);
}

enum chatd_job_queue {
    CHATD_JOB_CPU = 0, /* shared by all plugins: arithmetic that takes long */
    CHATD_JOB_IO = 1   /* one thread per plugin, jobs one after the other: files, look-ups */
};

/*
 * Work for a thread. `run` touches nothing but `arg` and functions tagged [any]. `done` is called
 * on the loop exactly once: with what run returned, or CHATD_E_TIMEOUT at the deadline (run may
 * still be running), or CHATD_E_CANCELLED when the server stops. `release` comes last, on the loop,
 * when run has really returned and done has run: free `arg` there.
 */
struct chatd_job {
    uint32_t size;
    uint32_t queue;                                      /* enum chatd_job_queue */
    uint32_t deadline_ms;                                /* from now; 0: none */
    int (*run)(void *arg);                               /* [pool] */
    void (*done)(chatd_plugin *self, int rc, void *arg); /* [loop] may be NULL */
    void (*release)(void *arg);                          /* [loop] may be NULL */
    void *arg;
};

/* [loop] Queues a job; the record is copied. CHATD_E_BUSY: the queue is full, nothing is called. */
static inline int chatd_job(chatd_plugin *self, const struct chatd_job *job)
{
    return self->core->job(self, job);
}

enum chatd_watch_event { CHATD_WATCH_READ = 1, CHATD_WATCH_WRITE = 2 };

/* [loop] Calls `cb` whenever `fd`, which the plugin opened itself, can be read or written; level
 * triggered. Cancel before closing the descriptor. */
static inline int chatd_watch_start(chatd_plugin *self, int fd, int events,
                                    void (*cb)(chatd_plugin *self, int fd, int events, void *arg),
                                    void *arg, chatd_watch *watch_out)
{
    return self->core->watch(self, fd, events, cb, arg, watch_out);
}

/* [loop] Changes what is waited for; 0 rests. */
static inline int chatd_watch_set(chatd_plugin *self, chatd_watch watch, int events)
{
    return self->core->watch_set(self, watch, events);
}

/* [loop] Ends it. May be called in its own callback. CHATD_E_GONE is harmless. */
static inline int chatd_watch_cancel(chatd_plugin *self, chatd_watch watch)
{
    return self->core->watch_cancel(self, watch);
}

#ifdef __cplusplus
}
#endif
#endif
