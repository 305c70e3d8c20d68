/* SPDX-License-Identifier: MIT */
/* Frames in and out of a stream socket. */
#include "link/pipe.h"

#include "base/mem.h"

#include <event2/buffer.h>

#include <errno.h>
#include <string.h>

enum { READ_BYTES = 262144, LENGTH_MAX = 4 + PIPE_TOPIC_MAX + PIPE_DATA_MAX };

struct pipe {
    struct pipe_calls calls;
    struct evbuffer *in, *out;
    struct event *read, *write;
    size_t max_bytes;
    uint64_t dropped;
    int fd;
    bool lost;       /* frames were dropped, and the other side does not know yet */
    bool is_blocked; /* the socket takes no more: `write` waits */
    bool is_reading; /* inside on_read() */
    bool is_freed;   /* by a callback of it */
    bool is_broken;  /* what came is no frame */
};

/* --- the frame ---------------------------------------------------------------------------------- */

long pipe_parse(const unsigned char *p, size_t n, struct pipe_frame *f)
{
    uint32_t length;
    uint16_t topic_n;

    if (n < PIPE_HEAD)
        return 0;
    memcpy(&length, p, sizeof(length));
    memcpy(&topic_n, p + 6, sizeof(topic_n));
    if (length < 4 || length > LENGTH_MAX || topic_n > PIPE_TOPIC_MAX || topic_n > length - 4 ||
        length - 4 - topic_n > PIPE_DATA_MAX || p[4] < PIPE_PUBLISH || p[4] > PIPE_LOST)
        return -1;
    if (n < 4 + (size_t)length)
        return 0;
    f->kind = p[4];
    f->topic = (const char *)p + PIPE_HEAD;
    f->topic_n = topic_n;
    f->data = f->topic + topic_n;
    f->data_n = length - 4 - topic_n;
    return 4 + (long)length;
}

static void put(struct evbuffer *out, const struct pipe_frame *f)
{
    unsigned char head[PIPE_HEAD] = {0};
    uint32_t length = (uint32_t)(4 + f->topic_n + f->data_n);
    uint16_t topic_n = (uint16_t)f->topic_n;

    memcpy(head, &length, sizeof(length));
    head[4] = (unsigned char)f->kind;
    memcpy(head + 6, &topic_n, sizeof(topic_n));
    evbuffer_add(out, head, sizeof(head));
    if (f->topic_n > 0)
        evbuffer_add(out, f->topic, f->topic_n);
    if (f->data_n > 0)
        evbuffer_add(out, f->data, f->data_n);
}

bool pipe_put(struct pipe *p, const struct pipe_frame *f)
{
    size_t bytes = PIPE_HEAD + f->topic_n + f->data_n;

    if (f->kind != PIPE_SUBSCRIBE && f->kind != PIPE_UNSUBSCRIBE &&
        (p->lost || evbuffer_get_length(p->out) + bytes > p->max_bytes)) {
        p->lost = true;
        p->dropped++;
        return false;
    }
    put(p->out, f);
    return true;
}

uint64_t pipe_dropped(const struct pipe *p)
{
    return p->dropped;
}

/* --- out ---------------------------------------------------------------------------------------- */

/* An error of the socket shows in reading, too, and is dealt with there. */
void pipe_flush(struct pipe *p)
{
    if (p->is_blocked)
        return;
    for (;;) {
        if (p->lost && evbuffer_get_length(p->out) <= p->max_bytes / 2) {
            put(p->out, &(struct pipe_frame){.kind = PIPE_LOST});
            p->lost = false;
        }
        if (evbuffer_get_length(p->out) == 0)
            return;
        if (evbuffer_write(p->out, p->fd) < 0 && errno != EINTR) {
            p->is_blocked = errno == EAGAIN || errno == EWOULDBLOCK;
            if (p->is_blocked)
                event_add(p->write, NULL);
            else
                evbuffer_drain(p->out, evbuffer_get_length(p->out));
            return;
        }
    }
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
    struct pipe *p = arg;

    (void)fd;
    (void)what;
    p->is_blocked = false;
    pipe_flush(p);
}

/* --- in ----------------------------------------------------------------------------------------- */

/* False: what came is no frame. */
static bool handle(struct pipe *p)
{
    while (!p->is_freed) {
        size_t have = evbuffer_get_length(p->in);
        unsigned char head[PIPE_HEAD];
        struct pipe_frame f;
        uint32_t length;
        long n;

        if (have < PIPE_HEAD)
            return true;
        evbuffer_copyout(p->in, head, sizeof(head));
        /* A head that nothing good can follow is not waited with. */
        if (pipe_parse(head, sizeof(head), &f) < 0)
            return false;
        memcpy(&length, head, sizeof(length));
        if (have < 4 + (size_t)length)
            return true;
        n = pipe_parse(evbuffer_pullup(p->in, 4 + (ev_ssize_t)length), 4 + length, &f);
        p->calls.frame(p->calls.arg, &f);
        if (!p->is_freed)
            evbuffer_drain(p->in, (size_t)n);
    }
    return true;
}

static void destroy(struct pipe *p)
{
    event_free(p->read);
    event_free(p->write);
    evbuffer_free(p->in);
    evbuffer_free(p->out);
    evutil_closesocket(p->fd);
    mem_free(p);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
    struct pipe *p = arg;
    int n = evbuffer_read(p->in, fd, READ_BYTES);
    bool over = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);

    (void)what;
    p->is_reading = true;
    if (!handle(p))
        over = p->is_broken = true;
    if (over && !p->is_freed) {
        event_del(p->read);
        p->calls.ended(p->calls.arg);
    }
    p->is_reading = false;
    if (p->is_freed)
        destroy(p);
}

bool pipe_is_broken(const struct pipe *p)
{
    return p->is_broken;
}

struct pipe *pipe_new(struct event_base *base, int fd, size_t max_bytes,
                      const struct pipe_calls *calls)
{
    struct pipe *p = mem_alloc(sizeof(*p));

    p->calls = *calls;
    p->fd = fd;
    p->max_bytes = max_bytes;
    p->in = evbuffer_new();
    p->out = evbuffer_new();
    evutil_make_socket_nonblocking(fd);
    p->read = event_new(base, fd, EV_READ | EV_PERSIST, on_read, p);
    p->write = event_new(base, fd, EV_WRITE, on_write, p);
    event_add(p->read, NULL);
    return p;
}

void pipe_free(struct pipe *p)
{
    if (p == NULL)
        return;
    p->is_freed = true;
    if (!p->is_reading)
        destroy(p);
}
