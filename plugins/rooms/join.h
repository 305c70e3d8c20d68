/* SPDX-License-Identifier: MIT */
/* From "I want into this room" to membership: the `join` event, then the first page. */
#ifndef ROOMS_JOIN_H
#define ROOMS_JOIN_H

#include "member.h"

struct join;

/* Called once: `why` is NULL when the way is free (then join_commit() or join_abandon() follows),
 * else what to answer, good for the call. May be called before join_begin() returned. The join may
 * be abandoned in it. */
typedef void (*join_cb)(struct join *join, const struct refusal *why);

/* One connection on its way into one room. */
struct join {
    struct chatd_ev_join ev;
    struct room *room;        /* held */
    struct join *prev, *next; /* in room->waiters */
    chatd_conn conn;
    join_cb done;
    bool is_raising, is_allowed, is_waiting, is_pinned, is_abandoned;

    /* classic.c: the upgrade that waits for this join. */
    struct chatd_ev_upgrade *upgrade; /* only while its handler runs */
    enum chatd_verdict verdict;       /* what that handler returns if `done` came before */
    bool is_decided;
    chatd_wait wait;

    char user[]; /* NUL-terminated */
};

/* A join of `room` (a good name) by `user`; nothing happens yet. NULL: no memory. */
struct join *join_new(struct rooms *rooms, chatd_conn conn, chatd_str room, chatd_str user,
                      join_cb done);

/* Raises `join`, then waits for the page if it is not here. */
void join_begin(struct join *join);

/* Makes the connection a member, raises `join` for watchers, ends the join and clears *join. NULL:
 * no memory, or no bus. The caller page_send()s. */
struct member *join_commit(struct join **join, struct seat *seat, enum dialect dialect);

/* The connection does not want to any more, or is gone: `done` is not called. Clears *join. */
void join_abandon(struct join **join);

/* The room's page was read, or not. */
void join_answer_waiters(struct room *room, int err);

#endif
