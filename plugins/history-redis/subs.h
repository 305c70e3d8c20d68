/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions to rooms: each subscriber gets every record after its position, in order.
 *
 * The channel of a room is listened to first; once Redis confirms that, what comes after the
 * position is read from the store; what is published meanwhile is kept and merged. From then on a
 * publication that follows the position is delivered as it comes. Anything else - a hole, another
 * epoch, a connection made anew - means to read the store again: publications are hints.
 * All on the loop.
 */
#ifndef HISTORY_REDIS_SUBS_H
#define HISTORY_REDIS_SUBS_H

#include "page.h"
#include "text.h"

#include <stdbool.h>
#include <sys/queue.h>

#define SUBS_PAGE       256u
#define SUBS_PAGE_BYTES (512u * 1024u)
#define SUBS_READS_MAX  64u  /* pages on their way at one time, of all subscribers */
#define SUBS_KEPT_MAX   256u /* publications kept for a room while somebody reads */
#define SUBS_KEPT_BYTES ((size_t)1024 * 1024)
#define SUBS_RETRY_MS   1000u

struct sub;
struct sub_room;

/* The world around it; a test has its own. */
struct subs_events {
    int (*read)(void *arg, const struct page_wish *wish, page_done done, void *done_arg);
    int (*listen)(void *arg, chatd_str room); /* subs_listening() comes when it is confirmed */
    void (*unlisten)(void *arg, chatd_str room);
};

TAILQ_HEAD(sub_list, sub);

struct subs {
    chatd_plugin *self;
    const struct subs_events *events;
    void *arg;
    struct sub_room *rooms;     /* by name */
    struct sub *subs;           /* by id */
    struct sub_room *unchecked; /* the next one that the position check asks for */
    struct sub_list hungry;     /* want a page, in order */
    uint32_t reading;
    uint64_t last_id;
    uint32_t delivering; /* depth of calls to listeners */
    bool removed;        /* while delivering: there is something to free */
    chatd_timer retry;
};

void subs_init(struct subs *subs, chatd_plugin *self, const struct subs_events *events, void *arg);
void subs_deinit(struct subs *subs);

/* As chatd_log_subscribe(). CHATD_E_BUSY: no memory. */
int subs_add(struct subs *subs, chatd_plugin *caller, chatd_str room,
             const struct chatd_log_position *after, const struct chatd_log_listener *listener,
             void *arg, chatd_sub *sub_out);

/* CHATD_E_GONE. */
int subs_remove(struct subs *subs, chatd_sub sub);

/* The room's channel is listened to, for the first time or again after a gap. */
void subs_listening(struct subs *subs, chatd_str room);

/* It is not any more. */
void subs_deaf(struct subs *subs);

/* A record was published. */
void subs_published(struct subs *subs, chatd_str room, const struct publication *publication);

/* Another server may answer now: everybody looks whether the position is still good. */
void subs_recheck(struct subs *subs);

/* The position check (check.h): a walk over the rooms that are listened to, and the next of it; false:
 * that was all. */
void subs_check_begin(struct subs *subs);
bool subs_check_next(struct subs *subs, chatd_str *room_out);

/* The store says where the room stands. An empty epoch: it has none, or is about to get another one;
 * who thinks otherwise reads at once. */
void subs_stands_at(struct subs *subs, chatd_str room, chatd_str epoch, uint64_t seq);

/* The room's records before `first` were deleted. */
void subs_forgotten(struct subs *subs, chatd_str room, chatd_str epoch, uint64_t first);

/* Whoever has not come to where its room stood then reads. Gives the number of such rooms. */
uint32_t subs_catch_up(struct subs *subs);

/* The epoch that a room nobody has written to should get, as its subscribers know it; empty: any. */
chatd_str subs_fresh_epoch(const struct subs *subs, chatd_str room);

#endif
