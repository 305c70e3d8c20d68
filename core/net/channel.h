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
    uint64_t mark;   /* the sender's number for it; counts with SEND_OR_SKIP */
    enum send_kind kind;
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
    bool is_watched; /* the host knows whom to tell of members that fell behind */
};

struct channel *channel_new(struct net *net, uint64_t *id_out);
struct channel *channel_get(struct net *net, uint64_t id);
void channel_free(struct channel *ch);                 /* flushes what was noted */
int channel_join(struct channel *ch, struct conn *c);  /* -1: it is in */
int channel_leave(struct channel *ch, struct conn *c); /* -1: it is not */
void channel_leave_all(struct conn *c);
/* With SEND_OR_SKIP a member that cannot take it leaves the channel; net->calls.behind is told the
 * `mark` of the first frame it missed. */
void channel_send(struct channel *ch, struct frame *f, uint64_t except, uint64_t mark,
                  enum send_kind kind);
void channel_flush(struct channel *ch);

#endif
