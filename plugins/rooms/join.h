/* SPDX-License-Identifier: MIT */
/*
 * From "I want into this room" to membership: the `join` event, then the room's latest page and, for
 * who comes back with a position outside of it, a read of what was missed.
 */
#ifndef ROOMS_JOIN_H
#define ROOMS_JOIN_H

#include "member.h"

#define JOIN_ID_MAX 64u

struct join;

/* Called once: `why` is NULL when the way is free (then join_commit() or join_abandon() follows),
 * else what to answer, good for the call. May be called before join_begin() returned. The join may
 * be abandoned in it. */
typedef void (*join_cb)(struct join *join, const struct refusal *why);

/* A position of the room's log that a client has. */
struct position {
    char epoch[CHATD_LOG_EPOCH_MAX + 1]; /* empty: it has none */
    uint64_t seq;
};

/* One connection on its way into one room. */
struct join {
    struct chatd_ev_join ev;
    struct room *room;        /* held */
    struct join *prev, *next; /* in room->waiters */
    struct join *sibling;     /* of the same seat */
    struct seat *seat;
    chatd_conn conn;
    join_cb done;
    bool is_raising, is_allowed, is_waiting, is_reading, is_pinned, is_abandoned;

    /* Where it begins; decided before `done`. */
    struct position since;
    bool is_asked; /* the store was, when the room had seen so many resets: */
    uint32_t asked_resets;
    bool is_recovered;                   /* all after `since` will follow */
    uint32_t resets;                     /* of the room at that time */
    uint64_t start;                      /* the record after this one is the first to follow */
    const struct chatd_log_page *missed; /* the first of them, good for `done`; NULL: in the ring */

    /* classic.c: the upgrade that waits for this join. */
    struct chatd_ev_upgrade *upgrade; /* only while its handler runs */
    enum chatd_verdict verdict;       /* what that handler returns if `done` came before */
    bool is_decided;
    chatd_wait wait;

    char id[JOIN_ID_MAX + 1]; /* v1.c: of the request to be answered */
    char user[];              /* NUL-terminated */
};

/* A join of `room` (a good name) by `user`; nothing happens yet. It belongs to the connection's seat.
 * NULL: no memory. */
struct join *join_new(struct seat *seat, struct rooms *rooms, chatd_conn conn, chatd_str room,
                      chatd_str user, join_cb done);

/* The one under way to a room; NULL: none. */
struct join *join_find(const struct seat *seat, chatd_str room);

/* Raises `join`, then waits for the page if it is not here, then for what was missed. */
void join_begin(struct join *join);

/* Makes the connection a member, raises `join` for watchers, ends the join. NULL: no memory, or no
 * bus. The caller begins the walk (walk.h) with what it noted of `start` and `missed`. */
struct member *join_commit(struct join *join, enum dialect dialect);

/* The connection does not want to any more, or is gone: `done` is not called. */
void join_abandon(struct join *join);

/* The room's page was read, or not. */
void join_answer_waiters(struct room *room, int err);

#endif
