/* SPDX-License-Identifier: MIT */
/*
 * Marks whose code runs, around every call into a plugin: a process that crashed or hangs cannot say so
 * any more, and the master reads it in the seat.
 *
 *     struct work_before before = work_enter(p, WORK_TIMER, 0);
 *     cb(&p->pub, arg);
 *     work_leave(h, before);
 *
 * Calls nest: what was marked before comes back. `since_ms` is that of the outermost, since it is the loop
 * that must not be held up.
 */
#ifndef HOST_WORK_H
#define HOST_WORK_H

#include "base/clock.h"
#include "board/seat.h"
#include "host/host.h"

struct work_before {
    uint32_t work;
    uint64_t conn;
};

/* For who has read the clock anyway. */
static inline struct work_before work_enter_at(struct host *h, uint32_t work, uint64_t conn,
                                               int64_t mono_ms)
{
    struct seat *s = h->seat;
    struct work_before before = {s->work, s->conn};

    /* Before `work`: who finds a mark never takes it for older than it is. */
    if (before.work == 0)
        __atomic_store_n(&s->since_ms, mono_ms, __ATOMIC_RELAXED);
    __atomic_store_n(&s->conn, conn, __ATOMIC_RELAXED);
    __atomic_store_n(&s->work, work, __ATOMIC_RELEASE);
    return before;
}

static inline struct work_before work_enter(const struct plugin *p, enum work_kind kind,
                                            uint64_t conn)
{
    struct host *h = p->host;

    return work_enter_at(h, work_pack(kind, 0, p->row), conn,
                         h->seat->work == 0 ? clock_mono_ms() : 0);
}

static inline void work_leave(struct host *h, struct work_before before)
{
    __atomic_store_n(&h->seat->work, before.work, __ATOMIC_RELEASE);
    __atomic_store_n(&h->seat->conn, before.conn, __ATOMIC_RELAXED);
}

/* What a job's thread runs; 0 on the loop and in between. For a signal handler. */
uint32_t work_thread(void);

#endif
