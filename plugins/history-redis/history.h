/* SPDX-License-Identifier: MIT */
/* The plugin's own: its options, its parts, and the services they are offered by. */
#ifndef HISTORY_REDIS_HISTORY_H
#define HISTORY_REDIS_HISTORY_H

#include "bus.h"
#include "channels.h"
#include "check.h"
#include "health.h"
#include "link.h"
#include "queue.h"
#include "retention.h"
#include "seed.h"
#include "subs.h"

struct history_config {
    const char *address, *user, *password;
    int64_t database;
    int32_t log; /* offer chatd.log */
    int64_t history_max, history_age_ms, queue_max, queue_bytes;
    int64_t canary_ms, check_ms, connect_timeout_ms;
};

#define HISTORY_AGE_MS_MIN 1000

struct history_metrics {
    int appends, duplicates, operations, failures, refused, connects, missed, expired, queue,
        append_seconds;
};

struct history {
    chatd_plugin *self;
    struct address address;
    struct link_options commands_options, subscriber_options;
    struct link commands, subscriber;
    struct queue queue;
    struct channels channels;
    struct page_source source;
    struct subs subs;
    struct bus bus;
    struct health health;
    struct check check;
    struct retention retention;
    struct seed seed;
    struct history_metrics metrics;
};

struct chatd_log_api;
struct chatd_kv_api;

/* log.c and kv.c. Their first argument is the plugin whose `data` is a struct history. */
extern const struct chatd_log_api history_log_api;
extern const struct chatd_kv_api history_kv_api;

/* Hands a caller's request to the queue and keeps the metrics; as queue_submit(). A NULL request is
 * CHATD_E_BUSY. */
int history_submit(struct history *history, struct request *request);

/* The log's part of what comes over the channels; nothing when it is off. */
extern const struct subs_events history_subs_events;

#endif
