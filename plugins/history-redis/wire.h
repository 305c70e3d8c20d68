/* SPDX-License-Identifier: MIT */
/*
 * One socket to Redis: connects without blocking, sends commands, reads replies.
 *
 * hiredis parses; its asynchronous half is not used. In 0.14 that one looks names up
 * while the loop waits, knows no time limit for a connection, hides PONG from a subscriber, has no
 * bound for what waits to be sent, and ends the process by assert() when a server says something out
 * of turn. What is left of it without these is this file.
 */
#ifndef HISTORY_REDIS_WIRE_H
#define HISTORY_REDIS_WIRE_H

#include <chatd/task.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/socket.h>

/* [loop] All may close the wire. After closed() it is closed already. */
struct wire_events {
    void (*opened)(void *arg);
    void (*reply)(void *arg, redisReply *reply); /* borrowed, but it may write into the strings */
    void (*closed)(void *arg, const char *why);  /* by the other side; part of a sentence */
};

struct wire {
    chatd_plugin *self;
    const struct wire_events *events;
    void *arg;
    int fd; /* -1: closed */
    bool open;
    bool flushing; /* a flush is posted */
    int waits_for; /* enum chatd_watch_event of the watch */
    chatd_watch watch;
    uint64_t
        life; /* grows with each closing: whoever called out sees whether it is still the same */
    redisReader *reader;
    size_t begun; /* bytes that came since the last whole reply */
    char *out;    /* what waits to be sent: from `out_at` to `out_n` */
    size_t out_n, out_at, out_room;
    uint64_t received, sent; /* bytes, ever */
};

void wire_init(struct wire *wire, chatd_plugin *self, const struct wire_events *events, void *arg);

/* Begins to connect; opened() or closed() follows. NULL, or why not at once. */
const char *wire_connect(struct wire *wire, const struct sockaddr *address, socklen_t bytes);

/* Queues a command; it is sent with the others of this loop turn. False: there is no memory for it, or
 * the wire is closed. */
bool wire_send(struct wire *wire, int argc, const char **argv, const size_t *bytes);

/* Closes; closed() is not called. May be called twice, and in every event. */
void wire_close(struct wire *wire);

#endif
