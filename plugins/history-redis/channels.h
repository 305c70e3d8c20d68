/* SPDX-License-Identifier: MIT */
/*
 * Redis' channels: one subscription each, shared by all who listen here, over a link of its own.
 *
 * That link always subscribes to one channel more, the canary's: so it never leaves the state in
 * which Redis pushes, and what is sent there over the other link and comes back here proves both.
 */
#ifndef HISTORY_REDIS_CHANNELS_H
#define HISTORY_REDIS_CHANNELS_H

#include "link.h"
#include "text.h"

struct channel;

/* A channel is a room's or a topic's; a room's carries the topic room/X too. `room` is empty for one
 * that is none. All borrowed. */
struct channels_events {
    /* It is listened to from now on: what was sent since somebody wanted that may have been missed. */
    void (*listening)(void *arg, chatd_str room, chatd_str topic);
    void (*message)(void *arg, chatd_str room, chatd_str topic, chatd_str payload);
    void (*ready)(void *arg); /* the canary's channel is listened to */
    void (*canary)(void *arg, chatd_str payload);
};

struct channels {
    chatd_plugin *self;
    struct link *link;
    const struct channels_events *events;
    void *arg;
    int64_t database;
    struct channel *table; /* by Redis' name */
    char canary[64];
    uint64_t asked, confirmed; /* subscriptions of this connection, in order */
};

void channels_init(struct channels *channels, chatd_plugin *self, struct link *link,
                   int64_t database, const struct channels_events *events, void *arg);
void channels_deinit(struct channels *channels);

/* What is published on the canary's channel comes back. */
static inline bool channels_are_ready(const struct channels *channels)
{
    return link_is_up(channels->link) && channels->confirmed > 0;
}

/* Listens to a room's channel or a topic's, once more. CHATD_E_BUSY: no memory. *is_listening_out: it is
 * confirmed already; else listening() comes. */
int channels_add_room(struct channels *channels, chatd_str room, bool *is_listening_out);
int channels_add_topic(struct channels *channels, chatd_str topic, bool *is_listening_out);

/* Takes one of those back. */
void channels_remove_room(struct channels *channels, chatd_str room);
void channels_remove_topic(struct channels *channels, chatd_str topic);

/* The link came up, went down, or brought a reply. */
void channels_up(struct channels *channels);
void channels_down(struct channels *channels);
void channels_reply(struct channels *channels, redisReply *reply);

#endif
