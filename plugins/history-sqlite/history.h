/* SPDX-License-Identifier: MIT */
/* The plugin's own: its options, its parts, and the services they are offered by. */
#ifndef HISTORY_SQLITE_HISTORY_H
#define HISTORY_SQLITE_HISTORY_H

#include "batch.h"
#include "health.h"
#include "peers.h"
#include "retention.h"
#include "subs.h"
#include "sweep.h"

struct history_config {
    const char *path;
    int64_t history_max, history_age_ms, batch_max, queue_max;
    int64_t canary_ms;
    int32_t log;         /* offer chatd.log */
    int32_t synchronous; /* enum store_sync */
};

#define HISTORY_AGE_MS_MIN 1000

struct history_metrics {
    int appends, duplicates, commits, operations, failures, refused, refills, expired, queue,
        commit_seconds;
};

struct history {
    chatd_plugin *self;
    struct store *store;
    struct batch batch;
    struct health health;
    struct peers peers;
    struct subs subs;
    struct sweep sweep;
    struct retention retention;
    struct history_metrics metrics;
};

struct chatd_log_api;
struct chatd_kv_api;

/* log.c and kv.c. Their first argument is the plugin whose `data` is a struct history. */
extern const struct chatd_log_api history_log_api;
extern const struct chatd_kv_api history_kv_api;

/* Hands a caller's operation to the batch and keeps the metrics; as batch_submit(), but always
 * takes the operation: it is destroyed on an error. */
int history_submit(struct history *history, struct op *op);

/* Room for an operation of `size` bytes and copies of `n` strings behind it; the copies replace
 * what the `strings` point to. NULL: no memory. */
void *history_op_new(size_t size, const struct op_class *class, chatd_str *const *strings, int n);

#endif
