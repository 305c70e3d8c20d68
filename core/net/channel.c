/* SPDX-License-Identifier: MIT */
/* Membership and fan-out. */
#include "net/channel.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/frame_form.h"
#include "net/uring.h"
#include "net/ws_extension.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    NOTE_CAP = 256,
    IOV_CAP = 64,
    FORMS = WS_WINDOW_BITS_MAX - WS_WINDOW_BITS_MIN + 2 /* as it is, and for each window */
};

struct channel *channel_new(struct net *net, uint64_t *id_out)
{
    struct channel *ch = slab_new(&net->channels, id_out);

    if (ch == NULL)
        return NULL;
    ch->net = net;
    ch->id = *id_out;
    return ch;
}

struct channel *channel_get(struct net *net, uint64_t id)
{
    return slab_get(&net->channels, id);
}

/* Who comes in again has nothing to do with what it missed before. */
static void forget_behind(const struct channel *ch, const struct conn *c)
{
    struct net *net = ch->net;
    uint32_t i;

    for (i = 0; i < net->n_behind; i++) {
        if (net->behind[i].channel == ch->id && net->behind[i].conn == c->id)
            net->behind[i].conn = 0;
    }
}

int channel_join(struct channel *ch, struct conn *c)
{
    if (memberships_place(&c->members, ch) != NULL)
        return -1;
    /* What was noted before is not for the newcomer. */
    channel_flush(ch);
    forget_behind(ch, c);
    if (ch->n_member == ch->cap_member) {
        ch->cap_member = ch->cap_member ? ch->cap_member * 2 : 4;
        ch->member = mem_realloc(ch->member, ch->cap_member * sizeof(struct conn *));
    }
    memberships_add(&c->members, ch, ch->n_member);
    ch->member[ch->n_member++] = c;
    return 0;
}

/* Swap-removal on both sides keeps both arrays dense. */
static int take_out(struct channel *ch, struct conn *c)
{
    const uint32_t *place = memberships_place(&c->members, ch);
    struct conn *moved;

    if (place == NULL)
        return -1;
    moved = ch->member[--ch->n_member];
    if (moved != c) {
        ch->member[*place] = moved;
        *memberships_place(&moved->members, ch) = *place;
    }
    memberships_remove(&c->members, ch);
    return 0;
}

int channel_leave(struct channel *ch, struct conn *c)
{
    channel_flush(ch);
    return take_out(ch, c);
}

void channel_leave_all(struct conn *c)
{
    while (c->members.n > 0)
        channel_leave(memberships_any(&c->members), c);
}

void channel_send(struct channel *ch, struct frame *f, uint64_t except, uint64_t mark,
                  enum send_kind kind)
{
    if (ch->n_member == 0)
        return;
    if (ch->n_note == NOTE_CAP)
        channel_flush(ch);
    if (ch->n_note == ch->cap_note) {
        ch->cap_note = ch->cap_note ? ch->cap_note * 2 : 4;
        ch->note = mem_realloc(ch->note, ch->cap_note * sizeof(*ch->note));
    }
    ch->note[ch->n_note++] = (struct channel_note){frame_ref(f), except, mark, kind};
    if (!ch->dirty) {
        ch->dirty = true;
        ch->next_dirty = ch->net->dirty_channels;
        ch->net->dirty_channels = ch;
    }
}

/* Frames to be written at once. */
struct vectors {
    int n;
    size_t bytes;
    struct iovec iov[IOV_CAP];
    struct msghdr msg; /* of `iov` */
};

/* The notes [from, to) that `c` gets, in the form it gets them in. */
static void gather(const struct channel *ch, const struct conn *c, uint32_t from, uint32_t to,
                   struct vectors *v)
{
    uint32_t i;

    v->n = 0;
    v->bytes = 0;
    for (i = from; i < to; i++) {
        struct frame *f;

        if (ch->note[i].except == c->id)
            continue;
        f = frame_form(ch->net, ch->note[i].frame, c->window_bits);
        v->iov[v->n++] = (struct iovec){f->bytes, f->len};
        v->bytes += f->len;
    }
    v->msg = (struct msghdr){.msg_iov = v->iov, .msg_iovlen = (size_t)v->n};
}

/* `c` cannot take a note that it must not miss: it gets no further ones, and leaves when all are out. */
static void note_behind(struct channel *ch, struct conn *c, uint64_t mark)
{
    struct net *net = ch->net;

    if (net->n_behind == net->cap_behind) {
        net->cap_behind = net->cap_behind ? net->cap_behind * 2 : 16;
        net->behind = mem_realloc(net->behind, net->cap_behind * sizeof(*net->behind));
    }
    net->behind[net->n_behind++] = (struct net_behind){ch->id, c->id, mark};
    c->flags |= CONN_BEHIND;
}

/* Queues for `c` what of notes [from, to) did not leave: all beyond the first `sent` bytes. */
static void queue_rest(struct channel *ch, struct conn *c, uint32_t from, uint32_t to, size_t sent)
{
    uint32_t i;

    for (i = from; i < to && c->state == CONN_OPEN; i++) {
        struct channel_note *note = &ch->note[i];
        struct frame *f;

        if (note->except == c->id)
            continue;
        f = frame_form(ch->net, note->frame, c->window_bits);
        if (sent >= f->len) {
            sent -= f->len;
            continue;
        }
        /* A frame that left in part must be finished whatever the caps say. */
        if (sent > 0 || !conn_overflows(c, f->len, note->kind)) {
            conn_behind(c, f, (uint32_t)sent);
        } else if (note->kind == SEND_OR_SKIP && c->state == CONN_OPEN) {
            note_behind(ch, c, note->mark);
            return;
        }
        sent = 0;
    }
}

/* A stretch of notes that goes out in one write. */
struct batch {
    struct channel *ch;
    uint32_t from, to;
    bool has_exceptions;        /* some note is not for everybody */
    bool by_ring;               /* sends wait for uring_submit() */
    uint8_t made;               /* a bit for each form that is there */
    struct vectors form[FORMS]; /* of all notes, for every member that gets this form */
    struct vectors own;         /* of a member that does not get all of them */
};

static bool is_exception(const struct batch *b, const struct conn *c)
{
    for (uint32_t i = b->from; i < b->to; i++)
        if (b->ch->note[i].except == c->id)
            return true;
    return false;
}

static struct vectors *vectors_of(const struct conn *c, struct batch *b)
{
    unsigned form =
        c->window_bits < WS_WINDOW_BITS_MIN ? 0 : c->window_bits - WS_WINDOW_BITS_MIN + 1u;

    if (b->has_exceptions && is_exception(b, c)) {
        gather(b->ch, c, b->from, b->to, &b->own);
        return &b->own;
    }
    if ((b->made & 1u << form) == 0)
        gather(b->ch, c, b->from, b->to, &b->form[form]);
    b->made |= (uint8_t)(1u << form);
    return &b->form[form];
}

static size_t write_vectors(int fd, const struct vectors *v)
{
    const int how = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t n = v->n == 1 ? send(fd, v->iov[0].iov_base, v->iov[0].iov_len, how)
                          : sendmsg(fd, &v->msg, how);

    /* Full or broken: what is queued then meets the same error with its name. */
    return n > 0 ? (size_t)n : 0;
}

static bool ring_vectors(struct uring *u, int fd, const struct vectors *v, uint32_t member)
{
    return v->n == 1 ? uring_send(u, fd, v->iov[0].iov_base, v->iov[0].iov_len, member)
                     : uring_sendmsg(u, fd, &v->msg, member);
}

static void on_ring_left(void *arg, uint32_t member, size_t sent)
{
    struct batch *b = arg;
    struct conn *c = b->ch->member[member];

    b->ch->net->count->bytes_out -= (int64_t)(vectors_of(c, b)->bytes - sent);
    queue_rest(b->ch, c, b->from, b->to, sent);
}

static void submit(struct batch *b)
{
    struct net *net = b->ch->net;

    if (!b->by_ring || uring_submit(net->uring, on_ring_left, b))
        return;
    log_warn(
        "the kernel takes no more sends through an io_uring (%s): each is a call of its own now",
        strerror(errno));
    uring_free(&net->uring);
    b->by_ring = false;
}

/* False: the ring takes no more. */
static bool ring(struct batch *b, uint32_t member, const struct vectors *v)
{
    int fd = b->ch->member[member]->fd;

    if (ring_vectors(b->ch->net->uring, fd, v, member))
        return true;
    submit(b); /* it was full */
    return b->by_ring && ring_vectors(b->ch->net->uring, fd, v, member);
}

static void deliver(struct batch *b, uint32_t member)
{
    struct net_counters *count = b->ch->net->count;
    struct conn *c = b->ch->member[member];
    struct vectors *v;
    size_t sent = 0;
    bool rings;

    if (c->state != CONN_OPEN || (c->flags & CONN_BEHIND))
        return;
    v = vectors_of(c, b);
    if (v->n == 0)
        return;
    count->frames_out += v->n;
    if (conn_keeps_up(c)) {
        /* An exception's vectors would not stay until the ring is submitted. */
        rings = b->by_ring && v != &b->own && ring(b, member, v);
        sent = rings ? v->bytes : write_vectors(c->fd, v);
        count->bytes_out += (int64_t)sent;
    }
    if (sent < v->bytes)
        queue_rest(b->ch, c, b->from, b->to, sent);
}

/* Members neither join nor leave meanwhile: closing is put off to the end of the turn. */
static void flush_batch(struct batch *b)
{
    struct channel *ch = b->ch;
    uint32_t i;

    b->has_exceptions = false;
    b->made = 0;
    for (i = b->from; i < b->to; i++)
        b->has_exceptions = b->has_exceptions || ch->note[i].except != 0;
    b->by_ring = ch->net->uring != NULL && ch->n_member >= ch->net->uring_min;
    for (i = 0; i < ch->n_member; i++)
        deliver(b, i);
    submit(b);
}

/* Those that fell behind since net->behind had `from` entries leave; they are told of it later. */
static void drop_behind(struct channel *ch, uint32_t from)
{
    struct net *net = ch->net;
    uint32_t i;

    for (i = from; i < net->n_behind; i++) {
        struct conn *c = conn_get(net, net->behind[i].conn);

        c->flags &= (uint16_t)~CONN_BEHIND;
        take_out(ch, c);
    }
}

void channel_flush(struct channel *ch)
{
    struct batch b;
    uint32_t i, from = ch->net->n_behind;

    b.ch = ch;
    for (b.from = 0; b.from < ch->n_note; b.from = b.to) {
        b.to = ch->n_note - b.from > IOV_CAP ? b.from + IOV_CAP : ch->n_note;
        flush_batch(&b);
    }
    for (i = 0; i < ch->n_note; i++)
        frame_unref(&ch->note[i].frame);
    ch->n_note = 0;
    drop_behind(ch, from);
}

void channel_free(struct channel *ch)
{
    struct channel **p;

    channel_flush(ch);
    while (ch->n_member > 0)
        channel_leave(ch, ch->member[ch->n_member - 1]);
    for (p = &ch->net->dirty_channels; *p != NULL; p = &(*p)->next_dirty) {
        if (*p == ch) {
            *p = ch->next_dirty;
            break;
        }
    }
    mem_free(ch->member);
    mem_free(ch->note);
    slab_free(&ch->net->channels, ch->id);
}
