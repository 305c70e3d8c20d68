/* SPDX-License-Identifier: MIT */
/*
 * How many members rooms have in other workers, of this server and of others on the same bus. Each
 * worker tells the others what it has: changes within CENSUS_TELL_MS, all of it every CENSUS_ALL_MS.
 * Nothing but the list of rooms is made of it, and it may be that old.
 *
 * Topic CENSUS_TOPIC; a message is lines, each ended by LF:
 *     SENDER                16 hex digits, drawn by each worker
 *     "?"                   somebody has nothing of the others: tell me all; or
 *     COUNT ROOM            any number of them
 */
#ifndef ROOMS_CENSUS_H
#define ROOMS_CENSUS_H

#include "room.h"

#define CENSUS_TOPIC   "rooms.members"
#define CENSUS_TELL_MS 200u
#define CENSUS_ALL_MS  20000u
#define CENSUS_DEAD_MS 60000 /* a worker not heard of for so long has no members any more */

enum { CENSUS_SENDER_BYTES = 16, CENSUS_ROOMS_MAX = 200000 /* kept, of all others together */ };

struct census;

/* A line of a message. */
struct census_line {
    uint32_t members;
    chatd_str room; /* not followed by NUL */
};

/* Takes the next line off *rest. False: there is none, or it is no such line; then *rest is empty. */
bool census_next(chatd_str *rest, struct census_line *line_out);

/* [start] Subscribes and asks. CHATD_OK, or the bus's error; without memory CHATD_E_BUSY. */
int census_start(struct rooms *rooms);
void census_stop(struct rooms *rooms);

/* The members of a room here have changed. */
void census_changed(struct rooms *rooms, chatd_str room);

/* Members of a room elsewhere. */
uint32_t census_elsewhere(struct rooms *rooms, chatd_str room);
/* Calls for each room that has members elsewhere, perhaps more than once. A negative answer ends it, and
 * is returned. */
int census_each(struct rooms *rooms, int (*each)(void *arg, chatd_str room), void *arg);

#endif
