/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket connection after the upgrade: a slab object on a raw descriptor that the poller watches. It has
 * no read buffer of its own; what few have, and not for long, lies aside: a queue, the rest of what came.
 *
 * Life: conn_new() when the upgrade is decided on (slots and identity exist from here) -> conn_open()
 * with the descriptor -> conn_close() by us or the peer -> closed() is called -> freed.
 * conn_discard() ends one that never opened.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/membership.h"
#include "net/net.h"
#include "net/outq.h"
#include "net/ws_reader.h"

/* What becomes of a frame that a connection with a full queue cannot take. */
enum send_kind {
    SEND_OR_CLOSE,  /* above queue_hard the connection is closed */
    SEND_EPHEMERAL, /* above queue_soft the frame is dropped */
    SEND_OR_SKIP    /* above queue_hard the frame is dropped, and whoever sent it knows */
};

enum conn_state { CONN_UPGRADING, CONN_OPEN, CONN_CLOSING, CONN_DEAD };

enum conn_flag {
    CONN_DIRTY = 1,       /* in net->dirty */
    CONN_WANT_WRITE = 2,  /* it waits until more can be written */
    CONN_PING_SENT = 4,   /* due_s counts */
    CONN_PEER_CLOSED = 8, /* its close frame has come */
    CONN_CLOSE_SENT = 16, /* ours is queued or sent */
    CONN_TELL_DRAINED = 32,
    CONN_IN_HANDLER = 64, /* its bytes are being worked through further up the stack */
    CONN_BROKEN = 128,    /* the stream broke a rule: nothing more is parsed */
    CONN_BEHIND = 256,    /* missed a note of the channel that is being flushed */
    CONN_REFUSED = 512,   /* could not take a frame, and has taken nothing since */
    CONN_IN_LINE = 1024,  /* what is held is worked through in its turn; see line.h */
    CONN_NAMED = 2048     /* it has a user */
};

/* What a connection has only at times; there while one of it is. */
struct conn_aside {
    struct conn *conn;
    struct conn_aside *line_prev, *line_next;
    struct outq queue;       /* what it could not take yet */
    struct ws_reader reader; /* inside a frame or a message */
    uint8_t *held;           /* bytes read but not handled while paused, or that wait in line */
    size_t held_n;
    void *drains;             /* the host's: who waits until it has drained */
    const char *close_reason; /* static or owned text of the first cause */
    uint16_t close_code;
};

/* Behind it in the slab lies what the host has of it: conn_extra(). */
struct conn {
    _Alignas(max_align_t) struct net *net;
    uint64_t id;
    struct conn_aside *aside; /* mostly NULL */
    char *names;              /* its address; behind the NUL its user, if it has one */
    struct memberships members;
    int64_t frames;                   /* chatd/bucket.h: what it may still send */
    int64_t expires_ms, connected_ms; /* wall clock */
    uint32_t expires_mono_s;          /* 0: never */
    uint32_t spent, spent_at_ms;      /* line.h; the latter's low bits */
    uint32_t last_rx_s;
    uint32_t due_s; /* while closing: of its answer; with CONN_PING_SENT: of its pong */
    struct wheel_link link;
    int fd;
    uint32_t pauses : 24; /* waits; a worker has fewer */
    uint32_t state : 4;
    uint32_t armed : 4; /* what the poller waits for: poller.h; 0: nothing */
    uint16_t flags;
    uint8_t window_bits; /* of what we compress for it; 0: no compression was agreed on */
    uint8_t claim;       /* the host's: who handles its messages */
};

/* Before the first connection: each has so many bytes for the host, zeroed. */
void conn_reserve(struct net *net, size_t bytes);
static inline void *conn_extra(struct conn *c)
{
    return c + 1;
}

/* NULL: max_connections are there, or max_per_address from this address. */
struct conn *conn_new(struct net *net, const char *address);
void conn_discard(struct conn *c); /* before conn_open() */
/* Before conn_open(): permessage-deflate was agreed on, with this window for what it is sent. */
void conn_allow_compressed(struct conn *c, uint8_t window_bits);
/* Takes the descriptor; `greeting` is the handshake's answer, `early` bytes that came with the
 * request. */
void conn_open(struct conn *c, int fd, struct frame *greeting, const void *early, size_t early_n);
struct conn *conn_get(struct net *net, uint64_t id); /* NULL: gone */

/* Both are good until the connection ends; an address from before it had a user, to the end of the turn. */
const char *conn_address(const struct conn *c);
const char *conn_user(const struct conn *c);                /* NULL: not identified */
void conn_name(struct conn *c, const char *user, size_t n); /* once */

/* 0, or -1 when the frame was not taken: closed, too slow (it is being closed now), or dropped. */
int conn_send(struct conn *c, struct frame *f, enum send_kind kind);
static inline bool conn_keeps_up(const struct conn *c) /* nothing waits */
{
    return c->aside == NULL || c->aside->queue.n == 0;
}
size_t conn_backlog(const struct conn *c); /* bytes that wait, and what keeping them costs */
void conn_close(struct conn *c, unsigned code, const char *reason); /* reason: at most 123 bytes */
void conn_abort(struct conn *c, unsigned code, const char *reason); /* without a handshake */
void conn_pause(struct conn *c); /* nothing more is read; counted */
void conn_resume(struct conn *c);
void conn_expire_at(struct conn *c, int64_t wall_ms, int64_t now_wall_ms);
/* Has drained() called once the backlog is below queue_soft; after a refused frame not before the peer
 * took something, so that who tries again each time does not keep the loop busy. */
void conn_tell_drained(struct conn *c);

/* What lies aside, made if nothing does. conn_tidy() ends it when there is nothing in it any more. */
struct conn_aside *conn_aside(struct conn *c);
void conn_tidy(struct conn *c);

/* For the fan-out of channel.c and the flush of net.c. */
void conn_behind(struct conn *c, struct frame *f, uint32_t offset); /* queues what did not go */
void conn_flush(struct conn *c);                                    /* writes what waits */
void conn_ready(void *net, uint64_t id, unsigned what);             /* the poller's */
void conn_run_asked(struct net *net);  /* the next, for those who asked for it during the flush */
void conn_run_drained(struct conn *c); /* calls drained() if it was asked for and is true */
void conn_run_held(struct conn *c);    /* goes on with what had to wait in line */
void conn_due(void *net, uint32_t index);
/* True: it cannot take so many bytes more; what that means for its kind is done. */
bool conn_overflows(struct conn *c, size_t bytes, enum send_kind kind);

#endif
