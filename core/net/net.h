/* SPDX-License-Identifier: MIT */
/*
 * The network side of a worker: what its connections, channels and HTTP requests share, and how it
 * tells the layer above. Knows sockets and frames, no plugins.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/slab.h"
#include "net/crowd.h"
#include "net/poller.h"
#include "net/wheel.h"

#include <event2/event.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct conn;
struct conn_aside;
struct frame;
struct http;
struct uring;
struct ws_deflate;
struct ws_inflate;

enum { NET_READ_BYTES = 65536 };

/* Every size and wait that a peer could stretch. Milliseconds and bytes. */
struct net_limits {
    int64_t max_connections, max_per_address; /* 0: any number of one address */
    int64_t message_max;
    int64_t frame_rate; /* a second of one connection, twice that at once; 0: any number */
    int64_t queue_soft, queue_hard;
    int64_t unsent_max;  /* in the kernel, beside what its peer has room for; 0: the kernel's own */
    int64_t deflate_min; /* a shorter message is not compressed */
    int64_t write_timeout_ms, ping_interval_ms, pong_timeout_ms, close_timeout_ms;
    int deflate_level; /* 1 to 9; 0: permessage-deflate is not agreed to */
    bool io_uring;     /* sends to many go through one, where the kernel lets them */
};

/* A member that was taken out of a channel because it could not take the frame of `mark`. */
struct net_behind {
    uint64_t channel, conn, mark; /* conn 0: it came back meanwhile */
};

/* Calls from below; set once by the host. */
struct net_calls {
    /* One whole message. `data` has a NUL after it. */
    void (*message)(void *arg, struct conn *c, int opcode, const char *data, size_t n);
    /* The connection is over; it is freed right after. */
    void (*closed)(void *arg, struct conn *c, unsigned code, const char *reason);
    /* It left while something waited for it. May free waits, must not free the connection. */
    void (*gone)(void *arg, struct conn *c);
    /* Its queue is below queue_soft again and CONN_TELL_DRAINED was set. */
    void (*drained)(void *arg, struct conn *c);
    /* We close it: what it is told before the close frame, or NULL. The caller unrefs it. */
    struct frame *(*farewell)(void *arg, struct conn *c, unsigned code, const char *reason);
    /* A member fell behind (SEND_OR_SKIP) and is out of the channel. May do anything. */
    void (*behind)(void *arg, const struct net_behind *behind);
    void *arg;
};

/* What /metrics shows of this layer. The host puts it where other processes read it; one thread alone
 * writes, so plain `++` will do. */
struct net_counters {
    int64_t connections; /* now; first: others look for it there. Those being upgraded too */
    int64_t queue_bytes; /* now: what waits for connections that are behind, as it is measured */
    int64_t upgrades, closed, messages_in, bytes_in, frames_out, bytes_out;
    int64_t too_slow, dropped_ephemeral, skipped, no_pong, protocol_errors, refused_full,
        refused_address, too_many;
    int64_t deflate_upgrades;
    int64_t deflated, deflated_plain_bytes, deflated_bytes; /* once, however many it goes to */
    int64_t inflated, inflated_plain_bytes, inflated_bytes, inflated_too_big;
    int64_t lined; /* times a connection had to wait in line, see line.h */
};

struct net {
    struct event_base *base;
    struct net_limits limits;
    struct net_calls calls;
    struct net_counters *count;
    struct net_counters own_count; /* what `count` points to while nobody else wants it */
    struct poller poller;
    struct slab conns, channels;
    struct crowd crowd; /* connections by the address of their client */
    struct wheel wheel;
    int64_t mono_ms;            /* of this loop turn */
    uint32_t now_s;             /* mono_ms / 1000 */
    uint8_t *read_buffer;       /* NET_READ_BYTES + 1, for all connections in turn */
    struct ws_deflate *deflate; /* both NULL when deflate_level is 0 */
    struct ws_inflate *inflate;
    struct uring *uring; /* NULL: each send is a call of its own */
    uint32_t uring_min;  /* members of a channel from which on it pays */
    struct channel *dirty_channels;
    struct conn **dirty; /* connections with a queue to be tried at the end of the turn */
    uint32_t n_dirty, cap_dirty;
    struct net_behind *behind; /* to be told at the end of the turn */
    uint32_t n_behind, cap_behind;
    bool flushing;   /* inside net_flush() */
    char **outgrown; /* names that moved; kept until the end of the turn */
    uint32_t n_outgrown;
    struct conn_aside *line; /* who sent much lately, see line.h */
    uint32_t n_line;
    bool line_had_turn;         /* in this turn of the loop */
    int64_t line_bytes;         /* handled in it */
    const struct conn *line_at; /* whose turn it is, and what it may still have handled in it */
    int64_t line_piece;
    uint64_t *asked; /* who asked during the flush to be told that they have drained */
    uint32_t n_asked;
    struct event *again; /* the line's turn, and theirs: the next one, or still this one */
};

void net_init(struct net *net, struct event_base *base, const struct net_limits *limits,
              uint8_t worker);
void net_deinit(struct net *net);
/* True if the other side of a socket has closed or reset it, whatever is still unread. */
bool net_peer_left(int fd);
void net_clock(struct net *net); /* at the start of a turn */
void net_flush(struct net *net); /* at the end of a turn: one write per member that keeps up */
void net_tick(struct net *net);  /* once a second: the keep-alive wheel */

#endif
