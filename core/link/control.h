/* SPDX-License-Identifier: MIT */
/*
 * What master and worker tell each other: small messages of one size over a SOCK_SEQPACKET pair, with
 * descriptors where one is handed over. It is apart from the bus, so that an order never waits behind
 * other people's data.
 *
 *     worker                                  master
 *     HELLO  protocol, pid           ->
 *                                    <-       START   where it sits; bus, board, listener, configuration
 *     READY  its plugins have started ->
 *                                    <-       LISTEN  accept from your listener now
 *     SERVING                        ->
 *                                    <-       LEND, TAKE_BACK   another slot's listener
 *                                    <-       RELOAD, DRAIN
 *     RELOADED                       ->
 *
 * The first two members of HELLO never move: by them a master knows a worker of another protocol.
 */
#ifndef LINK_CONTROL_H
#define LINK_CONTROL_H

#include <stdint.h>

enum { CONTROL_PROTOCOL = 1, CONTROL_FDS = 4, CONTROL_TEXT_BYTES = 448 };

enum control_kind {
    CONTROL_HELLO = 1, /* protocol, pid; text: version */
    CONTROL_READY,     /* a: 1 if a plugin is away; text: which */
    CONTROL_SERVING,
    CONTROL_RELOADED, /* a: 1 if it was applied */
    CONTROL_START,    /* slot and what follows; fds: bus, board, listener, and a copy of the
                        * configuration where there is a file; ms: the clock_mono_ms() from which
                        * start_time counts, 0 from an older master */
    CONTROL_LISTEN,
    CONTROL_LEND,      /* a: the slot; fds: its listener */
    CONTROL_TAKE_BACK, /* a: the slot */
    CONTROL_RELOAD,    /* a: 1 for the one that speaks of it in the log; fds: as START's last */
    CONTROL_DRAIN      /* a: enum control_drain; ms: how long */
};

enum control_drain { DRAIN_STOP, DRAIN_ROLL };

enum control_flag { CONTROL_AWAIT_STORE = 1 /* READY only when no plugin is away */ };

struct control {
    uint32_t kind, protocol;
    uint32_t a, pid;
    uint32_t slot, n_slots, seat, flags; /* START */
    int64_t ms;
    char text[CONTROL_TEXT_BYTES]; /* START: the instance, a blank, plugins to leave out */
};

/* 0, or -1 with errno: EAGAIN when the other side has not read for long, EPIPE when it is gone. The
 * descriptors stay the caller's. */
int control_send(int fd, const struct control *m, const int *fds, unsigned n_fds);

/* 1: a message; descriptors that came are the caller's, -1 in the others of fds[CONTROL_FDS].
 * 0: none is there. -1: the other side is gone, or speaks something else. Waits if `fd` is blocking. */
int control_recv(int fd, struct control *m, int *fds);

#endif
