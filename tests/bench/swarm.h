/* SPDX-License-Identifier: MIT */
/* All client connections of a run: connects them, sends for the rooms, reads and counts. */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include "answers.h"
#include "hist.h"
#include "inflate.h"
#include "options.h"
#include "tally.h"
#include "wsclient.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWARM_BUFFER_BYTES (256u * 1024)
#define SWARM_UNREAD_BYTES (32u * 1024) /* a member may have waiting in its socket */

#define SWARM_ROOM_NAME 24

/* More would only wait in the listener's backlog, which a server may keep short. */
#define SWARM_HANDSHAKES 64

enum client_state {
    CLIENT_NONE,
    CLIENT_CONNECTING,
    CLIENT_UPGRADING,
    CLIENT_JOINING, /* chatd.v1: waits for the answer to its room.join */
    CLIENT_OPEN,
    CLIENT_CLOSED
};

struct client {
    int fd;
    uint32_t room;
    enum client_state state;
    bool warm; /* saw a warm-up message: the server has it among the room's members */
    struct tally_position position;
    uint8_t *tail; /* a frame that has come in part; kept allocated once needed */
    uint32_t tail_bytes;
    uint32_t tail_room;
};

/* The sender of room r is its first member, client r * members. */
struct room {
    unsigned open;
    unsigned warm;
    uint64_t due;  /* messages that should have been sent by now */
    uint64_t sent; /* counter of the last message sent */
    uint64_t came; /* messages that came back to the sender */
    struct tally_position answered;
    uint64_t acks, last_ack;
    char name[SWARM_ROOM_NAME];
    uint8_t *out; /* the message being sent */
    size_t out_bytes, out_done;
};

struct swarm {
    const struct options *options;
    int epoll_fd;           /* senders */
    int member_fd;          /* the others; the same when they are to be read at once */
    uint64_t sweep_ns;      /* when they were read last */
    uint64_t sweep_at_sent; /* at this count of messages they are read early */
    uint32_t run;
    uint32_t mask_key;
    struct ws_mark mark;
    struct client *client;
    struct room *room;
    unsigned started;   /* clients that connect or did */
    unsigned handshake; /* of these, on the way to OPEN */
    unsigned shaken;    /* connect: upgraded, and closed by us */
    unsigned refusals;  /* connect: answered otherwise */
    unsigned closed;    /* lost by the server's doing */
    bool refused;       /* a connection or an upgrade failed; the reason is printed */
    bool sending;       /* a sender that sees its message again may send the next */
    uint64_t budget;    /* messages still allowed by --messages */
    uint64_t start_ns;
    uint64_t joined_ns; /* how long it took until all were in their rooms */
    uint64_t sent;      /* measured messages over all rooms */
    uint64_t expected;  /* deliveries they must lead to */
    uint64_t last_ns;   /* time of the last new delivery */
    size_t frame_bytes; /* no message's frame is longer */
    struct tally tally;
    struct hist hist;
    struct answers answers;    /* chatd.v1 only */
    struct inflater *inflater; /* --deflate only */
    uint64_t pings;            /* answered */
    uint64_t deflated;         /* frames that came compressed */
    uint8_t buffer[SWARM_BUFFER_BYTES];
};

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t swarm_now_ns(void);

/* Aborts when memory is out. The options outlive the swarm. */
struct swarm *swarm_new(const struct options *options);
void swarm_free(struct swarm *swarm);

/* Brings the number of open connections to `count` and waits until every member has seen a warm-up
 * message of its room. False, with the reason printed, when that fails. */
bool swarm_join(struct swarm *swarm, unsigned count);

/* Opens all connections, each to be closed at its 101, and waits for the last one's answer. False, with the
 * reason printed, when the server cannot be reached or stops answering. */
bool swarm_shake(struct swarm *swarm);

/* Waits at most `wait_ns` for events and handles them. */
void swarm_turn(struct swarm *swarm, uint64_t wait_ns);

/* Sends what is due in one room, as far as the socket takes it. */
void swarm_pump(struct swarm *swarm, uint32_t room_index);

/* Closed loop: sends the next messages of a room whose sender has its earlier ones back. */
void swarm_next(struct swarm *swarm, uint32_t room_index);

bool swarm_is_sender(const struct swarm *swarm, const struct client *client);

/* The server ended this connection or broke a rule; it is closed and counted. */
void swarm_lost(struct swarm *swarm, struct client *client, const char *why);

/* chatd.v1 (swarm_v1.c): asks for the client's room; it is CLIENT_OPEN when that is answered. */
void swarm_v1_join(struct swarm *swarm, struct client *client);

/* chatd.v1: a frame that is no message of this run: an answer, perhaps. */
void swarm_v1_answer(struct swarm *swarm, struct client *client, const struct ws_frame *frame,
                     uint64_t now_ns);

/* The client is among the members of its room as far as the server told. */
void swarm_opened(struct swarm *swarm, struct client *client);

/* Sends one warm-up message, unless one is on its way already. */
void swarm_warm_up(struct swarm *swarm, uint32_t room_index);

/* Called by swarm_turn when a connect() has ended: sends the upgrade request. */
void swarm_connected(struct swarm *swarm, struct client *client);

#endif
