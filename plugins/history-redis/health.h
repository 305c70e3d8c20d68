/* SPDX-License-Identifier: MIT */
/*
 * What the operator sees of Redis' state, and the canary: every few seconds a small write, a read
 * and a publication that must come back, so that /readyz knows before a client does.
 */
#ifndef HISTORY_REDIS_HEALTH_H
#define HISTORY_REDIS_HEALTH_H

#include "channels.h"
#include "link.h"
#include "queue.h"

#define HEALTH_AWAY_MS  15000 /* nothing went through for so long: away */
#define HEALTH_GRACE_MS 5000  /* a connection may be gone for so long: calls wait as well */
#define HEALTH_KEY_MS   60000 /* how long a trouble with a single key is shown */

struct health {
    chatd_plugin *self;
    struct link *commands, *subscriber;
    struct queue *queue;
    struct channels *channels;
    uint32_t every_ms;
    char key[64];       /* of the canary's entry */
    uint64_t round;     /* the present canary */
    bool probing;       /* it is under way */
    bool written, seen; /* its write and read went through; its publication came back */
    bool subscribed;    /* it was sent while the subscriber was up: it has to come back */
    uint64_t heard;     /* bytes that had come over the subscriber when it began */
    int64_t probed_ms;
    int64_t well_ms;              /* when the latest canary that came home was sent; 0: none yet */
    char failure[LINK_TEXT_SIZE]; /* Redis writes nothing: why; until a canary goes through */
    char oddity[LINK_TEXT_SIZE];  /* one key, one command */
    int64_t oddity_ms;
    enum chatd_ready state;
    char text[LINK_TEXT_SIZE]; /* as reported */
};

/* [start] Reports AWAY until the first canary has come back. */
int health_start(struct health *health, chatd_plugin *self, struct link *commands,
                 struct link *subscriber, struct queue *queue, struct channels *channels,
                 uint32_t every_ms);

/* A link came up or went down, or an attempt failed. */
void health_link(struct health *health);

/* Redis refused something about `key`. */
void health_refused(struct health *health, const char *error, chatd_str key);

/* The canary's publication came back. */
void health_canary(struct health *health, chatd_str payload);

#endif
