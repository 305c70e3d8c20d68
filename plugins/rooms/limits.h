/* SPDX-License-Identifier: MIT */
/*
 * How much one connection, one user, one address and one room may: messages, bytes of text, joins, signals. Each limit
 * is an option of the same name, so many a second and LIMITS_BURST times that at once; 0: none. What has several
 * passes all of them or takes from none.
 */
#ifndef ROOMS_LIMITS_H
#define ROOMS_LIMITS_H

#include "quota.h"
#include "rules.h"

#include <chatd/chatd.h>

#include <stdbool.h>

#define LIMITS_BURST 5

enum limit {
    LIMIT_MESSAGE, /* of one connection */
    LIMIT_MESSAGE_USER,
    LIMIT_MESSAGE_ADDRESS,
    LIMIT_MESSAGE_ROOM,
    LIMIT_BYTE_USER,
    LIMIT_JOIN_USER,
    LIMIT_JOIN_ADDRESS,
    LIMIT_SIGNAL_USER,
    LIMIT_COUNT
};

struct room;
struct rooms;
struct seat;

/* What this worker counts. */
struct limits {
    struct quota users, addresses;
    uint8_t key[QUOTA_KEY_BYTES];
    int metric; /* by enum limit */
};

/* What it keeps of one connection that sends something; zero is a new one. */
struct pace {
    int64_t messages; /* bucket */
    int64_t patience; /* bucket: refusals it may still go on after */
    uint64_t user;    /* its number in `users`; 0: not looked up yet */
    uint64_t address; /* in `addresses`; 0: it has none that counts */
};

/* [init] The counter; draws the key. */
int limits_register(struct rooms *rooms);
void limits_deinit(struct rooms *rooms);

/* Whether a connection may send a message of `bytes` to a room, or join one. False: *why_out says what to answer, in
 * literals. Who goes on through many refusals is closed with 4003. `seat` is the connection's. */
bool limits_message(struct rooms *rooms, struct seat *seat, chatd_conn conn, struct room *room,
                    size_t bytes, struct refusal *why_out);
bool limits_join(struct rooms *rooms, struct seat *seat, chatd_conn conn, struct refusal *why_out);

/* Whether it may send a signal. Nobody is told, so nobody is closed for going on either. */
bool limits_signal(struct rooms *rooms, struct seat *seat, chatd_conn conn);

#endif
