/* SPDX-License-Identifier: MIT */
/* The loop turn of the network side. */
#include "net/net.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/channel.h"
#include "net/conn.h"
#include "net/line.h"
#include "net/uring.h"
#include "net/ws_deflate.h"
#include "net/ws_inflate.h"

#include <poll.h>

enum { CHANNELS_MAX = 1 << 20, DUE_PER_TICK = 4096, URING_MEMBERS_MIN = 4 };

static struct wheel_link *link_of(void *ctx, uint32_t index)
{
    struct net *net = ctx;
    struct conn *c = slab_at(&net->conns, index);

    return &c->link;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_run_asked(arg);
    line_run(arg);
}

/* A container may forbid it, which is no fault: the plain way costs more, and does the same. */
static void uring_try(struct net *net)
{
    const char *why;

    net->uring = uring_new(&why);
    net->uring_min = URING_MEMBERS_MIN;
    if (net->uring == NULL)
        log_debug("sends go without an io_uring: %s", why);
}

void net_init(struct net *net, struct event_base *base, const struct net_limits *limits,
              uint8_t worker)
{
    net->base = base;
    net->limits = *limits;
    net->count = &net->own_count;
    slab_init(&net->conns, sizeof(struct conn), (uint32_t)limits->max_connections, worker);
    slab_init(&net->channels, sizeof(struct channel), CHANNELS_MAX, worker);
    net->read_buffer = mem_alloc(NET_READ_BYTES + 1);
    poller_init(&net->poller, base, conn_ready, net);
    net->again = event_new(base, -1, 0, on_again, net);
    if (limits->deflate_level > 0) {
        net->deflate = ws_deflate_new(limits->deflate_level);
        net->inflate = ws_inflate_new();
    }
    if (limits->io_uring)
        uring_try(net);
    net_clock(net);
    wheel_init(&net->wheel, net->now_s, link_of, net);
}

static void forget_outgrown(struct net *net)
{
    while (net->n_outgrown > 0)
        mem_free(net->outgrown[--net->n_outgrown]);
}

void net_deinit(struct net *net)
{
    ws_deflate_free(&net->deflate);
    ws_inflate_free(&net->inflate);
    uring_free(&net->uring);
    poller_deinit(&net->poller);
    event_free(net->again);
    mem_free(net->asked);
    mem_free(net->read_buffer);
    mem_free(net->dirty);
    mem_free(net->behind);
    forget_outgrown(net);
    mem_free(net->outgrown);
    slab_deinit(&net->conns);
    slab_deinit(&net->channels);
}

bool net_peer_left(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void net_clock(struct net *net)
{
    net->mono_ms = clock_mono_ms();
    net->now_s = (uint32_t)(net->mono_ms / 1000);
}

static void finish(struct conn *c)
{
    struct net *net = c->net;

    net->count->closed++;
    net->calls.closed(net->calls.arg, c, c->aside->close_code, c->aside->close_reason);
    conn_discard(c);
}

/* Calls out for all that fell behind; the callbacks may make others fall behind. */
static void tell_behind(struct net *net)
{
    uint32_t i;

    for (i = 0; i < net->n_behind; i++) {
        struct net_behind behind = net->behind[i]; /* the array may move */

        if (behind.conn != 0) /* else it is back already */
            net->calls.behind(net->calls.arg, &behind);
    }
    net->n_behind = 0;
}

/* Closing and draining may note further frames, hence the outer loop; it ends because a socket that
 * takes no more waits until it does and is not dirty, and because who asks meanwhile to be told of a
 * drained queue is told in the next turn. */
void net_flush(struct net *net)
{
    uint32_t i;

    net->flushing = true;
    while (net->dirty_channels != NULL || net->n_dirty > 0 || net->n_behind > 0) {
        while (net->dirty_channels != NULL) {
            struct channel *ch = net->dirty_channels;

            net->dirty_channels = ch->next_dirty;
            ch->next_dirty = NULL;
            ch->dirty = false;
            channel_flush(ch);
        }
        tell_behind(net);
        for (i = 0; i < net->n_dirty; i++) {
            struct conn *c = net->dirty[i];

            c->flags &= (uint16_t)~CONN_DIRTY;
            if (!(c->flags & CONN_WANT_WRITE))
                conn_flush(c);
            conn_run_drained(c);
            if (c->state == CONN_DEAD && !(c->flags & CONN_DIRTY))
                finish(c);
        }
        /* Those made dirty meanwhile were appended and are worked off above already. */
        net->n_dirty = 0;
    }
    net->flushing = false;
    forget_outgrown(net);
    net->line_had_turn = false;
    if (net->line != NULL)
        event_active(net->again, EV_TIMEOUT, 0);
}

void net_tick(struct net *net)
{
    while (wheel_advance(&net->wheel, net->now_s, DUE_PER_TICK, conn_due, net) == DUE_PER_TICK)
        continue;
}
