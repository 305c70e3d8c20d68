/* SPDX-License-Identifier: MIT */
/* What the files of this plugin share: its options, its state in one worker, its metrics. */
#ifndef ROOMS_ROOMS_H
#define ROOMS_ROOMS_H

#include "limits.h"
#include "ring.h"
#include "rules.h"

#include <chatd/chatd.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>

#include <string.h>

/* Filled by the core; read through config_of(), since a reload replaces it. */
struct rooms_config {
    const char *default_room;
    int64_t history_on_join;
    int64_t text_max;
    int64_t ring_bytes;
    int64_t rooms_max;
    int64_t inflight_max;
    int64_t joins_max;
    int64_t resume_max;
    int64_t dedup_window_ms;
    int64_t rate[LIMIT_COUNT]; /* a second; 0: no limit */
};

enum rooms_metric {
    METRIC_MESSAGES,
    METRIC_REFUSED,
    METRIC_ROOMS,
    METRIC_MEMBERS,
    METRIC_RING_BYTES,
    METRIC_STORE_READS,
    METRIC_GAPS,
    METRIC_COUNT
};

struct census;
struct listing;
struct room;

/* One worker's state; self->data. */
struct rooms {
    chatd_plugin *self;
    const struct chatd_service *log, *kv; /* NULL: nobody offers it */
    const struct chatd_service *bus;
    struct room *table; /* uthash by name */
    struct room *idle;  /* without holders, the longest idle first */
    struct ring_budget budget;
    struct limits limits;
    struct census *census;   /* members in other workers */
    struct listing *listing; /* the scan of kv `rooms` under way */
    uint64_t listed;         /* rooms in kv `rooms`, as far as this worker knows */
    int64_t listed_at_ms;    /* mono: when they were last counted */
    uint32_t members;
    uint32_t inflight; /* messages under way with no connection behind them */
    int seat_slot;
    uint32_t turn_event; /* turn.c */
    int metric[METRIC_COUNT];
};

static inline const struct rooms_config *config_of(const struct rooms *rooms)
{
    return rooms->self->config;
}

static inline void count(struct rooms *rooms, enum rooms_metric metric)
{
    chatd_metric_add(rooms->self, rooms->metric[metric], 0, 1);
}

/* What a denied event says, with texts that are never NULL. */
static inline struct refusal refusal_of(const struct chatd_ev *ev)
{
    return (struct refusal){ev->code.n > 0 ? ev->code.p : "forbidden",
                            ev->text.n > 0 ? ev->text.p : "This was refused.", ev->retry_ms};
}

static inline bool str_equal(chatd_str a, chatd_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
