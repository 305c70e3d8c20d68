/* SPDX-License-Identifier: MIT */
/*
 * Service chatd.log 1.0: a room is a log of records.
 *
 * append() gives each record the next sequence number of its room, in one atomic step. A position is
 * (epoch, seq): the epoch is a string that names the store's life, seq counts 1, 2, 3... without
 * holes. Every call but unsubscribe() is answered by its callback, within CHATD_LOG_DEADLINE_MS
 * (CHATD_E_TIMEOUT: the outcome is unknown; an append with a cid may be repeated safely).
 * CHATD_E_BACKEND: the store is away or refused; the provider's ready text says why.
 */
#ifndef CHATD_SVC_LOG_H
#define CHATD_SVC_LOG_H

#include <chatd/service.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_LOG_SERVICE     "chatd.log"
#define CHATD_LOG_MAJOR       1
#define CHATD_LOG_MINOR       0
#define CHATD_LOG_DEADLINE_MS 5000u
#define CHATD_LOG_EPOCH_MAX   64u /* bytes of an epoch */
#define CHATD_LOG_PAGE_MAX    1000u

struct chatd_log_position {
    chatd_str epoch; /* empty: none */
    uint64_t seq;
};

/* What is appended. `record` is the text of a JSON object without "seq" and "ts": the provider keeps
 * those beside it. */
struct chatd_log_entry {
    uint32_t size;
    uint32_t dedup_ms; /* a repeat of (user, cid) within this time is a double; 0: never */
    chatd_str room, user;
    chatd_str cid; /* empty: never a double */
    chatd_str record;
};

struct chatd_log_appended {
    uint32_t size;
    uint32_t duplicate; /* 1: it was there already; seq is the first one's, ts is 0 */
    chatd_str epoch;
    uint64_t seq;
    int64_t ts; /* ms since 1970, by the clock of the worker that appended */
};

/* What is read. Rows of an array have the stride the array states. */
struct chatd_log_record {
    uint64_t seq;
    int64_t ts; /* 0: unknown (written by the seed) */
    chatd_str record;
};

struct chatd_log_page {
    uint32_t size;
    uint32_t more; /* 1: there are further records in the direction of reading */
    chatd_str epoch;
    uint64_t top;                           /* seq of the room's last record; 0: none */
    const struct chatd_log_record *records; /* rising seq */
    uint32_t n, stride;
};

enum chatd_log_range_flag {
    CHATD_LOG_BEFORE = 1, /* the last `limit` records with seq < `seq`; seq 0: the newest */
    CHATD_LOG_AFTER = 2   /* the first `limit` records with seq > `seq` */
};

/* What a subscriber is told, in the order of the log, without holes or doubles. */
struct chatd_log_listener {
    uint32_t size;
    uint32_t reserved;
    void (*record)(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                   const struct chatd_log_record *record, void *arg);
    /* A new epoch: what was delivered after `seq` is void; records of the new epoch follow. Who was
     * behind `seq` also gets the records up to it. */
    void (*reset)(chatd_plugin *self, chatd_sub sub, chatd_str epoch, uint64_t seq, void *arg);
    /* The records from..to are gone for good; the ones after `to` follow. */
    void (*trimmed)(chatd_plugin *self, chatd_sub sub, uint64_t from, uint64_t to, void *arg);
};

typedef void (*chatd_log_append_cb)(chatd_plugin *self, int err,
                                    const struct chatd_log_appended *result, void *arg);
typedef void (*chatd_log_page_cb)(chatd_plugin *self, int err, const struct chatd_log_page *page,
                                  void *arg);

/* `p` is the provider, `self` the caller. */
struct chatd_log_api {
    uint32_t size;
    uint32_t reserved;
    int (*append)(chatd_plugin *p, chatd_plugin *self, const struct chatd_log_entry *entry,
                  chatd_log_append_cb cb, void *arg);
    int (*range)(chatd_plugin *p, chatd_plugin *self, chatd_str room, uint64_t seq, uint32_t limit,
                 uint32_t flags, chatd_log_page_cb cb, void *arg);
    int (*subscribe)(chatd_plugin *p, chatd_plugin *self, chatd_str room,
                     const struct chatd_log_position *after,
                     const struct chatd_log_listener *listener, void *arg, chatd_sub *sub_out);
    int (*unsubscribe)(chatd_plugin *p, chatd_plugin *self, chatd_sub sub);
};

/* [loop] Appends. On an error `result` is NULL. Copies the entry. CHATD_E_INVAL: no room or record, a
 * room, user or cid above 256 bytes or with a NUL, a record above 1 MiB. */
static inline int chatd_log_append(chatd_plugin *self, const struct chatd_service *log,
                                   const struct chatd_log_entry *entry, chatd_log_append_cb cb,
                                   void *arg)
{
    return ((const struct chatd_log_api *)log->api)->append(log->provider, self, entry, cb, arg);
}

/* [loop] Reads a page of at most `limit` (1 to CHATD_LOG_PAGE_MAX) records. A room that has none
 * gives an empty page with top 0. `limit` 0 asks for epoch and top alone. */
static inline int chatd_log_range(chatd_plugin *self, const struct chatd_service *log,
                                  chatd_str room, uint64_t seq, uint32_t limit,
                                  enum chatd_log_range_flag direction, chatd_log_page_cb cb,
                                  void *arg)
{
    return ((const struct chatd_log_api *)log->api)
        ->range(log->provider, self, room, seq, limit, (uint32_t)direction, cb, arg);
}

/* [loop] Delivers every record after a position, from now until unsubscribe. The listener struct is
 * copied. A position of another epoch is answered with `reset` first; an empty epoch means from the
 * present top on. */
static inline int chatd_log_subscribe(chatd_plugin *self, const struct chatd_service *log,
                                      chatd_str room, const struct chatd_log_position *after,
                                      const struct chatd_log_listener *listener, void *arg,
                                      chatd_sub *sub_out)
{
    return ((const struct chatd_log_api *)log->api)
        ->subscribe(log->provider, self, room, after, listener, arg, sub_out);
}

/* [loop] No call of the listener comes after this. CHATD_E_GONE is harmless. */
static inline int chatd_log_unsubscribe(chatd_plugin *self, const struct chatd_service *log,
                                        chatd_sub sub)
{
    return ((const struct chatd_log_api *)log->api)->unsubscribe(log->provider, self, sub);
}

#ifdef __cplusplus
}
#endif
#endif
