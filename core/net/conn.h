/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket connection after the upgrade: a slab object on a raw descriptor with one embedded
 * event. It has no read buffer of its own, and a queue only while it is behind.
 *
 * Life: conn_new() when the upgrade is decided on (slots and identity exist from here) -> conn_open()
 * with the descriptor -> conn_close() by us or the peer -> closed() is called -> freed.
 * conn_discard() ends one that never opened.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/net.h"
#include "net/outq.h"
#include "net/ws_reader.h"

#include <event2/event_struct.h>

/* What becomes of a frame that a connection with a full queue cannot take. */
enum send_kind {
    SEND_OR_CLOSE,  /* above queue_hard the connection is closed */
    SEND_EPHEMERAL, /* above queue_soft the frame is dropped */
    SEND_OR_SKIP    /* above queue_hard the frame is dropped, and whoever sent it knows */
};

enum conn_state { CONN_UPGRADING, CONN_OPEN, CONN_CLOSING, CONN_DEAD };

enum conn_flag {
    CONN_DIRTY = 1,       /* in net->dirty */
    CONN_WANT_WRITE = 2,  /* EV_WRITE is armed */
    CONN_PING_SENT = 4,   /* pong_due_s counts */
    CONN_PEER_CLOSED = 8, /* its close frame has come */
    CONN_CLOSE_SENT = 16, /* ours is queued or sent */
    CONN_TELL_DRAINED = 32,
    CONN_IN_HANDLER = 64, /* its bytes are being worked through further up the stack */
    CONN_BROKEN = 128,    /* the stream broke a rule: nothing more is parsed */
    CONN_BEHIND = 256,    /* missed a note of the channel that is being flushed */
    CONN_REFUSED = 512,   /* could not take a frame, and has taken nothing since */
    CONN_IN_LINE = 1024   /* what is held is worked through in its turn; see line.h */
};

struct conn_membership {
    struct channel *channel;
    uint32_t place; /* index in the channel's member array */
};

struct conn {
    struct event ev;
    struct net *net;
    uint64_t id;
    struct ws_reader reader;
    int64_t frames;     /* chatd/bucket.h: what it may still send */
    struct outq *queue; /* NULL while it keeps up */
    void *slots;        /* plugins' blocks; the host's */
    const void *claim;  /* the host's: who handles its messages */
    void *drains;       /* the host's: who waits until it has drained */
    char *user;         /* NULL: not identified */
    char *address;
    struct crowd_row *place; /* in net->crowd */
    struct conn_membership *member;
    uint8_t *held; /* bytes read but not handled while paused, or that wait in line */
    size_t held_n;
    struct conn *line_prev, *line_next;
    int64_t spent, spent_at_ms, piece;
    int64_t expires_ms, connected_ms; /* wall clock */
    int64_t expires_mono_s;           /* 0: never */
    struct wheel_link link;
    uint32_t last_rx_s, pong_sent_s, pong_due_s, close_due_s, progress_s;
    int fd;
    uint32_t n_member, cap_member, pauses;
    uint16_t close_code, flags;
    uint8_t state;
    uint8_t window_bits;      /* of what we compress for it; 0: no compression was agreed on */
    const char *close_reason; /* static or owned text of the first cause */
};

/* NULL: max_connections are there, or max_per_address from this address. */
struct conn *conn_new(struct net *net, const char *address);
void conn_discard(struct conn *c); /* before conn_open() */
/* Before conn_open(): permessage-deflate was agreed on, with this window for what it is sent. */
void conn_allow_compressed(struct conn *c, uint8_t window_bits);
/* Takes the descriptor; `greeting` is the handshake's answer, `early` bytes that came with the
 * request. */
void conn_open(struct conn *c, int fd, struct frame *greeting, const void *early, size_t early_n);
struct conn *conn_get(struct net *net, uint64_t id); /* NULL: gone */

/* 0, or -1 when the frame was not taken: closed, too slow (it is being closed now), or dropped. */
int conn_send(struct conn *c, struct frame *f, enum send_kind kind);
size_t conn_backlog(const struct conn *c); /* bytes that wait, and what keeping them costs */
void conn_close(struct conn *c, unsigned code, const char *reason); /* reason: at most 123 bytes */
void conn_abort(struct conn *c, unsigned code, const char *reason); /* without a handshake */
void conn_pause(struct conn *c); /* nothing more is read; counted */
void conn_resume(struct conn *c);
void conn_expire_at(struct conn *c, int64_t wall_ms, int64_t now_wall_ms);
/* Has drained() called once the backlog is below queue_soft; after a refused frame not before the peer
 * took something, so that who tries again each time does not keep the loop busy. */
void conn_tell_drained(struct conn *c);

/* For the fan-out of channel.c and the flush of net.c. */
void conn_behind(struct conn *c, struct frame *f, uint32_t offset); /* queues what did not go */
void conn_flush(struct conn *c);                                    /* writes what waits */
void conn_run_drained(struct conn *c); /* calls drained() if it was asked for and is true */
void conn_run_held(struct conn *c);    /* goes on with what had to wait in line */
void conn_due(void *net, uint32_t index);
/* True: it cannot take so many bytes more; what that means for its kind is done. */
bool conn_overflows(struct conn *c, size_t bytes, enum send_kind kind);

#endif
