/* SPDX-License-Identifier: MIT */
/* One socket to Redis. */
#include "wire.h"

#include "resp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES  65536
#define READ_ROUNDS 16           /* then others have their turn */
#define FEED_BYTES  2048         /* hiredis moves all that follows a reply, each time */
#define OUT_KEEP    (1u << 20)   /* a larger buffer is given back when it is empty */
#define REPLY_MAX   (128u << 20) /* bytes: a page of the longest messages, escaped, is less */
#define ARRAY_MAX   (1 << 20)    /* elements: more than any answer has that is asked for */

void wire_init(struct wire *wire, chatd_plugin *self, const struct wire_events *events, void *arg)
{
    *wire = (struct wire){.self = self, .events = events, .arg = arg, .fd = -1};
}

void wire_close(struct wire *wire)
{
    if (wire->fd < 0)
        return;
    chatd_watch_cancel(wire->self, wire->watch);
    close(wire->fd);
    wire->fd = -1;
    wire->open = false;
    wire->life++;
    /* While replies are handed out their reader is in use: read_replies() frees it. */
    if (wire->reader != NULL)
        redisReaderFree(wire->reader);
    wire->reader = NULL;
    wire->begun = 0;
    free(wire->out);
    wire->out = NULL;
    wire->out_n = wire->out_at = wire->out_room = 0;
}

static void fail(struct wire *wire, const char *why)
{
    wire_close(wire);
    wire->events->closed(wire->arg, why);
}

static void wait_for(struct wire *wire, int events)
{
    if (wire->waits_for == events)
        return;
    wire->waits_for = events;
    chatd_watch_set(wire->self, wire->watch, events);
}

/* --- reading ----------------------------------------------------------------------------------- */

static void *(*array_new)(const redisReadTask *task, int elements); /* hiredis' own */

/* It would make room for as many as are announced, before the first of them comes. */
static void *capped_array_new(const redisReadTask *task, int elements)
{
    return elements <= ARRAY_MAX ? array_new(task, elements) : NULL;
}

static redisReader *reader_new(void)
{
    static redisReplyObjectFunctions functions; /* hiredis', but for one; the same for all */
    redisReader *reader = redisReaderCreate();

    if (reader == NULL)
        return NULL;
    if (array_new == NULL) {
        functions = *reader->fn;
        array_new = functions.createArray;
        functions.createArray = capped_array_new;
    }
    reader->fn = &functions;
    return reader;
}

/* Hands out what is complete. False: the wire was closed. */
static bool read_replies(struct wire *wire)
{
    redisReader *reader = wire->reader;
    uint64_t life = wire->life;
    void *reply = NULL;
    int rc;

    wire->reader = NULL; /* an event that closes the wire leaves it to us */
    while ((rc = redisReaderGetReply(reader, &reply)) == REDIS_OK && reply != NULL) {
        wire->begun = 0;
        wire->events->reply(wire->arg, reply);
        freeReplyObject(reply);
        reply = NULL;
        if (wire->life != life) {
            redisReaderFree(reader);
            return false;
        }
    }
    wire->reader = reader;
    if (rc != REDIS_OK)
        fail(wire, "what answers there does not speak as Redis does");
    return rc == REDIS_OK;
}

/* False: the wire was closed. */
static bool feed(struct wire *wire, const char *bytes, size_t n)
{
    for (size_t at = 0, some; at < n; at += some) {
        some = n - at < FEED_BYTES ? n - at : FEED_BYTES;
        wire->begun += some;
        if (wire->begun > REPLY_MAX) {
            fail(wire, "it sends a reply that does not end");
            return false;
        }
        if (redisReaderFeed(wire->reader, bytes + at, some) != REDIS_OK) {
            fail(wire, "there is no memory for its replies");
            return false;
        }
        if (!read_replies(wire))
            return false;
    }
    return true;
}

static void on_readable(struct wire *wire)
{
    static char buf[READ_BYTES]; /* one loop, one thread: never two reads at one time */

    for (int i = 0; i < READ_ROUNDS; i++) {
        ssize_t n = read(wire->fd, buf, sizeof(buf));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            fail(wire, n == 0 ? "Redis closed the connection" : strerror(errno));
            return;
        }
        wire->received += (uint64_t)n;
        if (!feed(wire, buf, (size_t)n) || (size_t)n < sizeof(buf))
            return;
    }
}

/* --- writing ----------------------------------------------------------------------------------- */

/* False: the wire was closed. */
static bool flush(struct wire *wire)
{
    while (wire->out_at < wire->out_n) {
        ssize_t n =
            send(wire->fd, wire->out + wire->out_at, wire->out_n - wire->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            fail(wire, strerror(errno));
            return false;
        }
        if (n < 0)
            break;
        wire->out_at += (size_t)n;
        wire->sent += (uint64_t)n;
    }
    if (wire->out_at == wire->out_n) {
        wire->out_at = wire->out_n = 0;
        if (wire->out_room > OUT_KEEP) {
            free(wire->out);
            wire->out = NULL;
            wire->out_room = 0;
        }
    }
    wait_for(wire, wire->out_n > 0 ? CHATD_WATCH_READ | CHATD_WATCH_WRITE : CHATD_WATCH_READ);
    return true;
}

static void posted(chatd_plugin *self, void *arg)
{
    struct wire *wire = arg;

    (void)self;
    wire->flushing = false;
    if (wire->open)
        flush(wire);
}

static bool reserve(struct wire *wire, size_t more)
{
    if (wire->out_n + more <= wire->out_room)
        return true;
    if (wire->out_at >= wire->out_room / 2 && wire->out_at > 0) {
        memmove(wire->out, wire->out + wire->out_at, wire->out_n - wire->out_at);
        wire->out_n -= wire->out_at;
        wire->out_at = 0;
    }
    size_t room = wire->out_room > 0 ? wire->out_room : 4096;

    while (room < wire->out_n + more)
        room *= 2;
    if (room == wire->out_room)
        return true;
    char *out = realloc(wire->out, room);

    if (out == NULL)
        return false;
    wire->out = out;
    wire->out_room = room;
    return true;
}

bool wire_send(struct wire *wire, int argc, const char **argv, const size_t *bytes)
{
    if (!wire->open || !reserve(wire, resp_max(argc, bytes)))
        return false;
    wire->out_n += resp_put(wire->out + wire->out_n, argc, argv, bytes);
    if (wire->flushing || (wire->waits_for & CHATD_WATCH_WRITE) != 0)
        return true;
    /* Refused when the server stops: then nobody waits for an answer any more. */
    wire->flushing = chatd_post(wire->self, posted, wire) == CHATD_OK;
    return true;
}

/* --- connecting -------------------------------------------------------------------------------- */

static void on_connected(struct wire *wire)
{
    int error = 0;
    socklen_t bytes = sizeof(error);

    if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0)
        error = errno;
    if (error != 0) {
        fail(wire, strerror(error));
        return;
    }
    wire->open = true;
    wait_for(wire, CHATD_WATCH_READ);
    wire->events->opened(wire->arg);
}

static void on_watch(chatd_plugin *self, int fd, int events, void *arg)
{
    struct wire *wire = arg;

    (void)self, (void)fd;
    if (!wire->open) {
        on_connected(wire);
        return;
    }
    if ((events & CHATD_WATCH_WRITE) != 0 && !flush(wire))
        return;
    if ((events & CHATD_WATCH_READ) != 0)
        on_readable(wire);
}

const char *wire_connect(struct wire *wire, const struct sockaddr *address, socklen_t bytes)
{
    const int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return strerror(errno);
    if (address->sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    wire->reader = reader_new();
    if (wire->reader == NULL) {
        close(fd);
        return "there is no memory";
    }
    int rc = connect(fd, address, bytes);
    int error = rc < 0 ? errno : 0;

    /* A connection made at once is reported by the watch as well: no event before we return. */
    if (rc < 0 && error != EINPROGRESS) {
        close(fd);
    } else if (chatd_watch_start(wire->self, fd, CHATD_WATCH_WRITE, on_watch, wire, &wire->watch) ==
               CHATD_OK) {
        wire->fd = fd;
        wire->waits_for = CHATD_WATCH_WRITE;
        wire->life++;
        return NULL;
    } else {
        close(fd);
        error = EMFILE;
    }
    redisReaderFree(wire->reader);
    wire->reader = NULL;
    return strerror(error);
}
