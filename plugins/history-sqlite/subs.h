/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions to rooms: each subscriber gets every record after its position, in order.
 *
 * A subscriber that is at the top gets records as they are committed here, or as another worker of
 * this server tells of them. One that is behind - a new one, or one that hears of a record that does
 * not follow - reads pages from the store until it has caught up: a record that comes early waits for
 * the store's answer, not for time. All on the loop.
 */
#ifndef HISTORY_SQLITE_SUBS_H
#define HISTORY_SQLITE_SUBS_H

#include "batch.h"
#include "peers.h"

#include <chatd/svc/log.h>

struct sub;
struct sub_room;

struct subs {
    chatd_plugin *self;
    struct batch *batch;
    struct peers *peers;
    int refills;            /* the metric: pages read for subscribers */
    struct sub_room *rooms; /* by name */
    struct sub *subs;       /* by id */
    uint64_t last_id;
    uint32_t delivering; /* depth of calls to listeners */
    bool removed;        /* while delivering: there is something to free */
    chatd_timer retry;
};

void subs_init(struct subs *subs, chatd_plugin *self, struct batch *batch, struct peers *peers,
               int refills);
void subs_deinit(struct subs *subs);

/* Listens to no other worker any more: the bus is about to go. */
void subs_silence(struct subs *subs);

/* As chatd_log_subscribe(). CHATD_E_BUSY: no memory. */
int subs_add(struct subs *subs, chatd_plugin *caller, chatd_str room,
             const struct chatd_log_position *after, const struct chatd_log_listener *listener,
             void *arg, chatd_sub *sub_out);

/* CHATD_E_GONE. */
int subs_remove(struct subs *subs, chatd_sub sub);

/* A record was committed by the operation `serial` of this process. */
void subs_committed(struct subs *subs, chatd_str room, const struct chatd_log_record *record,
                    uint64_t serial);

/* The rooms that somebody subscribes to, each to be asked for its first record. */
void subs_each_room(const struct subs *subs, void (*room)(void *arg, chatd_str name), void *arg);

/* The room's records before `first` were deleted. */
void subs_forgotten(struct subs *subs, chatd_str room, uint64_t first);

/* The room has records up to `top`, whoever wrote them: who is behind reads on. */
void subs_hint(struct subs *subs, chatd_str room, uint64_t top);

#endif
