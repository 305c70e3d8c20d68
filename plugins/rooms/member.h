/* SPDX-License-Identifier: MIT */
/* Who is in which room: the block this plugin has on every connection, and its memberships. */
#ifndef ROOMS_MEMBER_H
#define ROOMS_MEMBER_H

#include "room.h"

struct asker;
struct hold;
struct publication;
struct put_off;

enum member_state {
    MEMBER_BEHIND, /* gets records one by one (walk.h); not in the channel */
    MEMBER_LIVE,   /* in the room's channel: has all that was delivered */
    MEMBER_VOID    /* told to start again; gets nothing more */
};

/* One connection's membership of one room; holds the room. */
struct member {
    struct room *room;
    struct member *prev, *next; /* in room->members */
    struct member *sibling;     /* of the same connection */
    chatd_conn conn;
    /* While behind: it has, or was told of, everything up to here. While live: with owes_reset, what of
     * it is still good. */
    uint64_t sent;
    uint8_t dialect; /* enum dialect */
    uint8_t state;   /* enum member_state */
    bool owes_reset; /* it has to be told of the room's epoch before anything else */
    bool is_ahead;   /* `sent` is beyond the ring's last: it waits for the subscription */
    bool owes_gap;   /* it was too slow: what is missing is skipped, and it is told so */
    bool is_reading; /* it waits for a read of the store: one of room->fetches */
};

/* What is under way for a connection. */
struct work {
    struct join *joins; /* on their way in */
    uint32_t n_joins;
    uint32_t inflight;                /* messages of this connection that are not answered yet */
    struct publication *publications; /* these, in their order */

    struct asker *page; /* history.c: the page that waits until what was sent is read */

    /* turn.c: requests that are under way or put off */
    struct put_off *put_off;
    size_t put_off_bytes;
    uint32_t n_put_off;
    uint32_t n_deciding; /* events of its requests that hooks have not decided on */
    bool is_alone;       /* one that is no message is under way */
    bool is_joining;     /* which is a join */
    bool is_going_on;    /* those put off are being begun */
    struct hold *hold;   /* nothing more is read */
};

/* The slot on a connection, zeroed by the core. Most connections are in one room and do nothing. */
struct seat {
    struct member *members;
    struct work *work;   /* NULL: nothing is under way. Read through work_of() */
    struct pace *pace;   /* limits.h; NULL until it sends something */
    struct member first; /* one of `members`; without a room: none */
};

/* [init] Asks for the slot, and hooks `closed`. */
int member_register(struct rooms *rooms);

/* The block of a connection; NULL: it has ended. */
struct seat *seat_of(struct rooms *rooms, chatd_conn conn);

/* What is under way: zeroes if nothing is. */
const struct work *work_of(const struct seat *seat);

/* To be written to, good until work_rest(). NULL: there was none, and is no memory for it. */
struct work *work_begin(struct seat *seat);

/* Ends it if nothing is under way any more. */
void work_rest(struct seat *seat);

uint32_t member_count(const struct seat *seat);

/* The membership, NULL if there is none. */
struct member *member_find(struct rooms *rooms, chatd_conn conn, chatd_str room);

/* Makes a connection a member (in state BEHIND); the first one opens the room's ear on the bus. NULL:
 * no memory, or no bus. */
struct member *member_add(struct seat *seat, struct room *room, chatd_conn conn,
                          enum dialect dialect);

/* Into the room's channel: it has all that was delivered so far. */
int member_go_live(struct member *member);

/* Out of the channel, with everything up to `sent`; see walk.h for the way back. False: the core took
 * it out already and is about to say from which record on; until then it counts as live. */
bool member_fall_behind(struct member *member, uint64_t sent);

/* What was sent to it is void, or it missed something: it gets nothing more. */
void member_void(struct member *member);

/* Ends a membership, raising `leave`. */
void member_leave(struct seat *seat, struct member *member, chatd_str user);

#endif
