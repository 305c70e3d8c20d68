/* SPDX-License-Identifier: MIT */
/*
 * Rooms with something going on in this worker, and how long they live.
 *
 * A room lives while somebody holds it: a member, a joiner, a read, a message under way. Then it goes
 * at once if its ring is empty, so that made-up names cost nothing, and after ROOM_IDLE_MS otherwise,
 * so that a storm of reconnects finds the ring warm.
 */
#ifndef ROOMS_ROOM_H
#define ROOMS_ROOM_H

#include "rooms.h"

/* uthash's default falls through switch labels in a way clang warns of; without memory for its
 * buckets the worker ends and the master replaces it. */
#define HASH_FUNCTION(key, n, hash) HASH_OAT(key, n, hash)
#define uthash_fatal(why)           abort()
#include <uthash.h>

#define ROOM_IDLE_MS 60000

struct fetch;
struct join;
struct member;

/* Whether the room is in kv `rooms`. */
enum room_listed { ROOM_UNLISTED, ROOM_ASKING, ROOM_LISTED };

struct room {
    struct rooms *rooms;
    UT_hash_handle hh;
    struct room *prev, *next; /* in rooms->idle, while nobody holds it */
    int64_t idle_since_ms;
    uint32_t holds;

    /* With a chatd.log. While `is_live` the subscription keeps the ring up to date. */
    struct ring ring;
    char epoch[CHATD_LOG_EPOCH_MAX + 1];
    char previous[CHATD_LOG_EPOCH_MAX + 1]; /* the epoch before, as far as it is known */
    uint64_t common;                        /* of which the records up to here are still good */
    uint32_t resets;                        /* epochs that began since the room is here */
    chatd_sub log_sub;
    bool is_live, is_reading;
    bool is_page_cut;     /* the store gave less than a page, being large: that is the page then */
    struct join *waiters; /* joiners that wait for the read */
    uint32_t read_resets; /* what `resets` was when it was asked for */
    chatd_timer reread;   /* the store was ahead of the subscription: read again after its reset */

    chatd_sub bus_sub;                    /* while there are members */
    chatd_channel channel[DIALECT_COUNT]; /* zero: not opened yet */
    struct member *members;
    uint32_t n_members;
    struct fetch *fetches; /* walk.c: reads of the store for members that are behind */
    uint32_t n_ahead;      /* members that have more than came over the subscription yet */
    int64_t messages;      /* bucket of limits.h */

    enum room_listed listed;
    size_t name_n;
    char name[]; /* NUL-terminated */
};

static inline chatd_str room_epoch(const struct room *room)
{
    return (chatd_str){room->epoch, strlen(room->epoch)};
}

static inline chatd_str room_name(const struct room *room)
{
    return (chatd_str){room->name, room->name_n};
}

/* The room of that name if it is here. Not held. */
struct room *room_find(struct rooms *rooms, chatd_str name);

/* The room of that (checked) name, made if it is not here, and held. NULL: no memory. */
struct room *room_open(struct rooms *rooms, chatd_str name);

void room_hold(struct room *room);
/* Gives a hold back and clears *room; the room may be gone then. */
void room_release(struct room **room);

/* For callbacks of the room's own subscriptions: keeps the room while they call out, without making
 * an idle one look used. NULL, also fine, for an idle one, which nothing can end meanwhile. */
struct room *room_guard(struct room *room);
void room_unguard(struct room **guard);

/* Ends the rooms that nobody has held for ROOM_IDLE_MS. */
void room_sweep(struct rooms *rooms);

/* Ends all rooms, the plugin stops: true if nobody holds any. Else all of them stay. */
bool room_free_all(struct rooms *rooms);

#endif
