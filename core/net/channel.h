/* SPDX-License-Identifier: MIT */
/*
 * A channel: a dense array of local members that one frame is sent to. Frames are noted during a loop
 * turn; at its end each member that keeps up gets all of them in one write.
 */
#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include "net/conn.h"

struct channel_note {
    struct frame *frame;
    uint64_t except; /* connection id to leave out; 0: none */
    bool ephemeral;
};

struct channel {
    struct net *net;
    uint64_t id;
    void *slots;
    void *name; /* the host's */
    struct conn **member;
    uint32_t n_member, cap_member;
    struct channel_note *note;
    uint32_t n_note, cap_note;
    struct channel *next_dirty;
    bool dirty;
};

struct channel *channel_new(struct net *net, uint64_t *id_out);
struct channel *channel_get(struct net *net, uint64_t id);
void channel_free(struct channel *ch);                 /* flushes what was noted */
int channel_join(struct channel *ch, struct conn *c);  /* -1: it is in */
int channel_leave(struct channel *ch, struct conn *c); /* -1: it is not */
void channel_leave_all(struct conn *c);
void channel_send(struct channel *ch, struct frame *f, uint64_t except, bool ephemeral);
void channel_flush(struct channel *ch);

#endif
