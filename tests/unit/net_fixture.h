/* SPDX-License-Identifier: MIT */
/* For tests of connections and channels: a net with virtual time over socketpairs, and a client that
 * reads frames. Static, so that each test is one file and this header. */
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#include "net/channel.h"
#include "net/conn.h"
#include "net/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

struct got {
    char text[65536]; /* "opcode:payload|" for each frame, long payloads as their length */
    size_t n;
};

struct client {
    struct conn *conn;
    uint64_t id;
    int fd;
    uint8_t in[1 << 21];
    size_t n;
    struct got got;
    bool eof;
};

static struct net net;
static bool with_io_uring; /* of the nets to come */
static char events[8192];  /* what the layer above was told */
static void (*on_message_then)(struct conn *c);
static void (*on_drained_then)(struct conn *c);
static void (*on_behind_then)(const struct net_behind *behind);

static UNUSED __attribute__((format(printf, 1, 2))) void note(const char *fmt, ...)
{
    size_t n = strlen(events);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(events + n, sizeof(events) - n, fmt, ap);
    va_end(ap);
}

static void told_message(void *arg, struct conn *c, int opcode, const char *data, size_t n)
{
    (void)arg;
    assert_int_equal(data[n], '\0');
    note("message(%d,%.*s) ", opcode, (int)n, data);
    if (on_message_then != NULL)
        on_message_then(c);
}

static void told_closed(void *arg, struct conn *c, unsigned code, const char *reason)
{
    (void)arg;
    (void)c;
    note("closed(%u,%s) ", code, reason);
}

static void told_gone(void *arg, struct conn *c)
{
    (void)arg;
    assert_int_equal(c->state, CONN_DEAD);
    note("gone ");
}

static void told_drained(void *arg, struct conn *c)
{
    (void)arg;
    note("drained ");
    if (on_drained_then != NULL)
        on_drained_then(c);
}

static void told_behind(void *arg, const struct net_behind *behind)
{
    (void)arg;
    note("behind(%llu) ", (unsigned long long)behind->mark);
    if (on_behind_then != NULL)
        on_behind_then(behind);
}

static UNUSED int net_setup(void **state)
{
    const struct net_limits limits = {.max_connections = 100,
                                      .message_max = 1 << 20,
                                      .queue_soft = 100000,
                                      .queue_hard = 300000,
                                      .write_timeout_ms = 30000,
                                      .ping_interval_ms = 20000,
                                      .pong_timeout_ms = 10000,
                                      .close_timeout_ms = 5000,
                                      .io_uring = with_io_uring};

    (void)state;
    memset(&net, 0, sizeof(net));
    net_init(&net, event_base_new(), &limits, 1);
    net.uring_min = 1;
    net.now_s = 1000;
    wheel_init(&net.wheel, net.now_s, net.wheel.link, &net);
    net.calls = (struct net_calls){.message = told_message,
                                   .closed = told_closed,
                                   .gone = told_gone,
                                   .drained = told_drained,
                                   .behind = told_behind};
    events[0] = '\0';
    on_message_then = on_drained_then = NULL;
    on_behind_then = NULL;
    return 0;
}

static UNUSED int net_teardown(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < net.conns.n_slots; i++) {
        if (slab_at(&net.conns, i) != NULL)
            conn_abort(slab_at(&net.conns, i), 1001, "the test ends");
    }
    net_flush(&net);
    for (i = 0; i < net.channels.n_slots; i++) {
        if (slab_at(&net.channels, i) != NULL)
            channel_free(slab_at(&net.channels, i));
    }
    assert_int_equal(net.conns.n_live, 0);
    net_deinit(&net);
    event_base_free(net.base);
    return 0;
}

/* One turn: what is ready is handled, then the flush. */
static UNUSED void turn(void)
{
    event_base_loop(net.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    net_flush(&net);
}

static UNUSED void seconds_pass(uint32_t s)
{
    while (s-- > 0) {
        net.now_s++;
        net_tick(&net);
        turn();
    }
}

/* Reads what is there and tells it frame by frame. */
static UNUSED const char *receive(struct client *k)
{
    size_t at = 0;
    ssize_t n;

    while ((n = recv(k->fd, k->in + k->n, sizeof(k->in) - k->n, MSG_DONTWAIT)) > 0)
        k->n += (size_t)n;
    k->eof = n == 0;
    k->got.n = 0;
    k->got.text[0] = '\0';
    while (k->n - at >= 2) {
        const uint8_t *p = k->in + at;
        uint64_t len = p[1] & 127;
        size_t head = len == 126 ? 4 : len == 127 ? 10 : 2, i;

        assert_int_equal(p[0] & 0xf0, 0x80);
        if (k->n - at < head)
            break;
        for (i = 2, len = head > 2 ? 0 : len; i < head; i++)
            len = len << 8 | p[i];
        if (k->n - at < head + len)
            break;
        if ((p[0] & 15) == 8 && len >= 2)
            k->got.n += (size_t)snprintf(k->got.text + k->got.n, sizeof(k->got.text) - k->got.n,
                                         "8:%d %.*s|", p[head] << 8 | p[head + 1], (int)len - 2,
                                         p + head + 2);
        else if (len > 64)
            k->got.n += (size_t)snprintf(k->got.text + k->got.n, sizeof(k->got.text) - k->got.n,
                                         "%d:#%llu|", p[0] & 15, (unsigned long long)len);
        else
            k->got.n += (size_t)snprintf(k->got.text + k->got.n, sizeof(k->got.text) - k->got.n,
                                         "%d:%.*s|", p[0] & 15, (int)len, p + head);
        at += head + (size_t)len;
    }
    memmove(k->in, k->in + at, k->n - at);
    k->n -= at;
    return k->got.text;
}

/* A connection that has had its handshake's answer. */
static UNUSED struct client *open_client(int send_buffer)
{
    struct client *k = calloc(1, sizeof(*k));
    struct frame *hello = frame_raw("\x82\x01h", 3);
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    if (send_buffer > 0)
        setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    k->fd = fd[1];
    k->conn = conn_new(&net, "127.0.0.1");
    k->id = k->conn->id;
    conn_open(k->conn, fd[0], hello, NULL, 0);
    frame_unref(&hello);
    conn_resume(k->conn);
    k->conn->last_rx_s = net.now_s;
    net_flush(&net);
    assert_string_equal(receive(k), "2:h|");
    return k;
}

static UNUSED void end_client(struct client *k)
{
    if (k->fd >= 0)
        close(k->fd);
    free(k);
}

/* A masked client frame; the mask is zero, so that the payload stays readable. */
static UNUSED void client_sends(struct client *k, int first, const char *payload, size_t n)
{
    uint8_t head[8] = {(uint8_t)first, (uint8_t)(0x80 | n)};

    assert_true(n < 126);
    assert_int_equal(send(k->fd, head, 6, 0), 6);
    assert_int_equal(send(k->fd, payload, n, 0), n);
}

static UNUSED int say(struct conn *c, const char *text)
{
    struct frame *f = frame_new(1, text, strlen(text));
    int rc = conn_send(c, f, false);

    frame_unref(&f);
    return rc;
}

static UNUSED struct frame *big_frame(size_t n)
{
    char *p = calloc(1, n);
    struct frame *f;

    memset(p, 'b', n);
    f = frame_new(1, p, n);
    free(p);
    return f;
}

static UNUSED int say_big(struct conn *c, size_t n, enum send_kind kind)
{
    struct frame *f = big_frame(n);
    int rc = conn_send(c, f, kind);

    frame_unref(&f);
    return rc;
}

static UNUSED void tell(struct channel *ch, const char *text, uint64_t except)
{
    struct frame *f = frame_new(1, text, strlen(text));

    channel_send(ch, f, except, 0, SEND_OR_CLOSE);
    frame_unref(&f);
}

#endif
