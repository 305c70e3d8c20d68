/* SPDX-License-Identifier: MIT */
/* The way of a message: the `message` chain, the log (or the bus), the watchers. */
#ifndef ROOMS_PUBLISH_H
#define ROOMS_PUBLISH_H

#include "member.h"

/* What is to be published; all of it is copied. `conn` zero: no connection is behind it. */
struct publish_call {
    chatd_conn conn;
    chatd_str room, user, text, cid; /* room and user: good by rules.h */
};

struct publish_result {
    int err; /* CHATD_OK; CHATD_E_INVAL: `refused` says why; else the store's */
    bool duplicate;
    uint64_t seq; /* 0: there is no chatd.log */
    int64_t ts;
    const struct refusal *refused; /* good for the call */
};

typedef void (*publish_cb)(struct rooms *rooms, chatd_conn conn,
                           const struct publish_result *result, void *arg);

/* Publishes. `done` is called once, also before this returns, and for a connection in the order of the
 * calls: a refusal waits until those before it are stored. */
void publish(struct rooms *rooms, const struct publish_call *call, publish_cb done, void *arg);

/* The same for a message that is refused before it is one. */
void publish_refuse(struct rooms *rooms, chatd_conn conn, const struct refusal *why,
                    publish_cb done, void *arg);

/* Tells the outcomes of a connection's messages that are known, up to the first that is not; none while
 * another request is under way, which came before. */
void publish_answer(struct rooms *rooms, chatd_conn conn);

/* The connection ends: its messages go on without an order. */
void publish_forget(struct seat *seat);

#endif
