/* SPDX-License-Identifier: MIT */
/*
 * What the connections' sockets wait for: an epoll descriptor of their own, which the loop watches with one event.
 * libevent takes some 170 bytes for each descriptor, and two calls of the kernel for each change; this takes none, and one.
 *
 * Events are told by a number of the owner's, not by a pointer: one that ended while a batch is worked off is simply not
 * found.
 */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include <stdbool.h>
#include <stdint.h>

struct epoll_event;
struct event;
struct event_base;

enum poller_what {
    POLLER_READ = 1,
    POLLER_WRITE = 2,
    POLLER_CLOSED = 4, /* the peer's FIN */
    POLLER_EDGES = 8,  /* only to be asked for: what stays true is told once */
    POLLER_ALL = 15
};

/* Its members are the poller's own. */
struct poller {
    int fd;
    struct event *event;
    struct epoll_event *events; /* of one turn */
    void (*ready)(void *arg, uint64_t id, unsigned what);
    void *arg;
};

/* Aborts without a descriptor. `ready` is told a reset as READ and WRITE, whatever was asked for. It may set,
 * remove and close any descriptor. */
void poller_init(struct poller *p, struct event_base *base,
                 void (*ready)(void *arg, uint64_t id, unsigned what), void *arg);
void poller_deinit(struct poller *p);

/* `what` is all that is waited for from now on; `before` what was, 0 if it is new. False: the kernel has no memory
 * for it, or watches as many as it may (fs.epoll.max_user_watches). */
bool poller_set(struct poller *p, int fd, uint64_t id, unsigned before, unsigned what);
void poller_remove(struct poller *p, int fd); /* before it is closed */

#endif
