/* SPDX-License-Identifier: MIT */
/* Who is in which room: the block this plugin has on every connection, and its memberships. */
#ifndef ROOMS_MEMBER_H
#define ROOMS_MEMBER_H

#include "room.h"

enum member_state {
    MEMBER_PAGING, /* still gets older records; not in the channel */
    MEMBER_LIVE,   /* in the room's channel */
    MEMBER_VOID    /* told to start again; gets nothing more */
};

/* One connection's membership of one room; holds the room. */
struct member {
    struct room *room;
    struct member *prev, *next; /* in room->members */
    struct member *sibling;     /* of the same connection */
    chatd_conn conn;
    enum dialect dialect;
    enum member_state state;
    uint64_t sent; /* while paging: up to here; the ring is pinned meanwhile */
};

/* The slot on a connection, zeroed by the core. */
struct seat {
    struct member *members;
    struct join *join; /* classic: the join its upgrade waits for */
    uint32_t inflight; /* messages of this connection that are not answered yet */
};

/* [init] Asks for the slot. */
int member_register(struct rooms *rooms);

/* The block of a connection; NULL: it has ended. */
struct seat *seat_of(struct rooms *rooms, chatd_conn conn);

/* The membership, NULL if there is none. */
struct member *member_find(struct rooms *rooms, chatd_conn conn, chatd_str room);

/* Makes a connection a member (in state PAGING, with the ring pinned); the first one opens the room's
 * ear on the bus. NULL: no memory, or no bus. */
struct member *member_add(struct seat *seat, struct room *room, chatd_conn conn,
                          enum dialect dialect);

/* Into the room's channel: it has all that was delivered so far. */
int member_go_live(struct member *member);

/* What was sent to it is void, or it missed something: it gets nothing more. */
void member_void(struct member *member);

/* Ends every membership of a connection that is gone, raising `leave` for each. */
void member_closed(struct rooms *rooms, chatd_conn conn, chatd_str user);

#endif
