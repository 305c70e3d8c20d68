/* SPDX-License-Identifier: MIT */
/*
 * A connection to Redis that is kept up: look-up, connect, log in, find out who answers; when it
 * fails, the same again after a while. There are two, one for commands and one that subscribes.
 */
#ifndef HISTORY_REDIS_LINK_H
#define HISTORY_REDIS_LINK_H

#include "resolve.h"
#include "wire.h"

#define LINK_TEXT_SIZE    512
#define LINK_RUN_ID_SIZE  64
#define LINK_RETRY_MIN_MS 100u
#define LINK_RETRY_MAX_MS 5000u

struct link_options {
    const char *where; /* the address as the operator wrote it */
    const struct address *address;
    const char *user, *password; /* NULL or empty: none */
    int64_t database;
    uint32_t connect_timeout_ms;
    const char *role; /* of the connection, for CLIENT LIST */
    const char *hint; /* what may be behind it when Redis closes it; NULL: nothing in particular */
};

struct link;

struct link_events {
    void (*up)(void *arg);                       /* commands may be sent */
    void (*down)(void *arg);                     /* it was up; link->trouble says why */
    void (*failed)(void *arg);                   /* an attempt failed; link->trouble says why */
    void (*reply)(void *arg, redisReply *reply); /* while it is up */
};

enum link_state { LINK_RESTS, LINK_RESOLVING, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct link {
    chatd_plugin *self;
    const struct link_options *options;
    const struct link_events *events;
    void *arg;
    struct wire wire;
    enum link_state state;
    struct resolved resolved;
    size_t next; /* of those, to try */
    uint32_t failures;
    uint32_t steps, step; /* of the greeting; see link.c */
    int64_t up_ms, down_ms;
    chatd_timer retry, limit;
    bool closed;
    char run_id[LINK_RUN_ID_SIZE];
    char trouble[LINK_TEXT_SIZE]; /* a sentence for the operator; empty: none yet */
    char warning[LINK_TEXT_SIZE]; /* what the greeting found that works, but should not be so */
};

void link_init(struct link *link, chatd_plugin *self, const struct link_options *options,
               const struct link_events *events, void *arg);

/* Begins; from now on it keeps itself up. */
void link_start(struct link *link);

/* Does not wait for the next attempt: the server was just seen to answer. */
void link_hurry(struct link *link);

/* Ends it for good, without events. */
void link_close(struct link *link);

static inline bool link_is_up(const struct link *link)
{
    return link->state == LINK_UP;
}

/* How long it has not been up, 0 if it is. */
int64_t link_away_ms(const struct link *link);

/* As wire_send(). */
bool link_send(struct link *link, int argc, const char **argv, const size_t *bytes);

/* Gives the connection up and makes a new one. `why` is the part of a sentence that follows the
 * address. down() or failed() is called. */
void link_drop(struct link *link, const char *why);

/* The same because of an error reply. */
void link_refuse(struct link *link, const char *error);

#endif
