/* SPDX-License-Identifier: MIT */
/* The WebSocket connection: reading, writing, closing, keep-alive. */
#include "net/conn.h"

#include "base/cidr.h"
#include "base/mem.h"
#include "net/channel.h"
#include "net/frame_form.h"
#include "net/line.h"
#include "net/ws_frame.h"
#include "net/ws_inflate.h"

#include <chatd/bucket.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLUSH_EARLY_BYTES = 65536, REASON_MAX = 123 };

static void die(struct conn *c, unsigned code, const char *reason);
static void handle_bytes(struct conn *c, uint8_t *p, size_t n);

static uint32_t seconds(int64_t ms)
{
    return (uint32_t)((ms + 999) / 1000);
}

static uint32_t sooner(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void reader_init(const struct conn *c, struct ws_reader *reader)
{
    ws_reader_init(reader);
    if (c->window_bits > 0)
        ws_reader_allow_compressed(reader);
}

/* Puts the connection on the list that the end of the turn works off. */
static void mark_dirty(struct conn *c)
{
    struct net *net = c->net;

    if (c->flags & CONN_DIRTY)
        return;
    c->flags |= CONN_DIRTY;
    if (net->n_dirty == net->cap_dirty) {
        net->cap_dirty = net->cap_dirty ? net->cap_dirty * 2 : 64;
        net->dirty = mem_realloc(net->dirty, net->cap_dirty * sizeof(struct conn *));
    }
    net->dirty[net->n_dirty++] = c;
}

/*
 * Waits for what matters now. A paused connection watches only for the peer's leaving, which a stopped
 * read would not notice: a FIN comes as CLOSED, but a reset as READ and WRITE, so it waits for reading too - by
 * edges, since what it may not read stays.
 */
static void arm(struct conn *c)
{
    unsigned want = POLLER_READ;

    if (c->fd < 0)
        return;
    if (c->pauses > 0)
        want |= POLLER_CLOSED | POLLER_EDGES;
    if (c->flags & CONN_WANT_WRITE)
        want |= POLLER_WRITE;
    if (c->armed == want)
        return;
    if (!poller_set(&c->net->poller, c->fd, c->id, c->armed, want)) {
        die(c, 1011, "the kernel cannot wait for it: see fs.epoll.max_user_watches");
        return;
    }
    c->armed = want & POLLER_ALL;
}

static void disarm(struct conn *c)
{
    if (c->armed != 0)
        poller_remove(&c->net->poller, c->fd);
    c->armed = 0;
}

static void arm_wheel(struct conn *c)
{
    const struct net_limits *lim = &c->net->limits;
    uint32_t at = UINT32_MAX;

    if (c->state == CONN_CLOSING)
        at = c->due_s;
    else if (c->flags & CONN_WANT_WRITE)
        at = UINT32_MAX; /* a ping would wait like all else: its progress tells whether it lives */
    else if (c->flags & CONN_PING_SENT)
        at = c->due_s;
    else
        at = c->last_rx_s + seconds(lim->ping_interval_ms);
    if (!conn_keeps_up(c))
        at = sooner(at, c->aside->queue.progress_s + seconds(lim->write_timeout_ms));
    if (c->expires_mono_s > 0 && c->expires_mono_s < at)
        at = c->expires_mono_s;
    if (at <= c->net->now_s)
        at = c->net->now_s + 1;
    wheel_arm(&c->net->wheel, slab_index(c->id), at);
}

void conn_reserve(struct net *net, size_t bytes)
{
    slab_widen(&net->conns, sizeof(struct conn) + bytes);
}

struct conn *conn_get(struct net *net, uint64_t id)
{
    return slab_get(&net->conns, id);
}

struct conn *conn_new(struct net *net, const char *address)
{
    struct crowd_row *place;
    struct conn *c;
    uint64_t id;

    if (!crowd_enter(&net->crowd, address, net->limits.max_per_address, &place)) {
        net->count->refused_address++;
        return NULL;
    }
    c = slab_new(&net->conns, &id);
    if (c == NULL) {
        crowd_leave(&net->crowd, &place);
        net->count->refused_full++;
        return NULL;
    }
    c->net = net;
    c->id = id;
    c->fd = -1;
    c->state = CONN_UPGRADING;
    c->names = mem_strdup(address);
    wheel_link_init(&c->link);
    net->count->connections = net->conns.n_live;
    return c;
}

const char *conn_address(const struct conn *c)
{
    return c->names;
}

const char *conn_user(const struct conn *c)
{
    return c->flags & CONN_NAMED ? c->names + strlen(c->names) + 1 : NULL;
}

void conn_name(struct conn *c, const char *user, size_t n)
{
    struct net *net = c->net;
    size_t address_n = strlen(c->names) + 1;
    char *names = mem_alloc(address_n + n + 1);

    memcpy(names, c->names, address_n);
    memcpy(names + address_n, user, n);
    /* Somebody up the stack may have been told the address. */
    net->outgrown = mem_grow(net->outgrown, net->n_outgrown, sizeof(*net->outgrown));
    net->outgrown[net->n_outgrown++] = c->names;
    c->names = names;
    c->flags |= CONN_NAMED;
}

struct conn_aside *conn_aside(struct conn *c)
{
    if (c->aside == NULL) {
        c->aside = mem_alloc(sizeof(*c->aside));
        c->aside->conn = c;
        reader_init(c, &c->aside->reader);
    }
    return c->aside;
}

void conn_tidy(struct conn *c)
{
    const struct conn_aside *a = c->aside;

    if (a == NULL || a->queue.n > 0 || a->held != NULL || a->drains != NULL ||
        a->close_reason != NULL || (c->flags & (CONN_IN_LINE | CONN_IN_HANDLER)) ||
        !ws_reader_is_idle(&a->reader))
        return;
    outq_deinit(&c->aside->queue);
    mem_free(c->aside);
    c->aside = NULL;
}

/* A stream that is cut short is of no use to its peer, which has not read for long: the kernel would
 * keep what it holds for it for minutes. */
static void close_socket(struct conn *c)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (!conn_keeps_up(c))
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(c->fd);
}

static void conn_free(struct conn *c)
{
    struct net *net = c->net;
    struct crowd_row *place;

    channel_leave_all(c);
    line_leave(c);
    wheel_cancel(&net->wheel, slab_index(c->id));
    if (c->fd >= 0) {
        disarm(c);
        close_socket(c);
    }
    if (c->flags & CONN_WANT_WRITE)
        net->count->queue_bytes -= (int64_t)conn_backlog(c);
    if (c->aside != NULL) {
        outq_deinit(&c->aside->queue);
        ws_reader_deinit(&c->aside->reader);
        mem_free(c->aside->held);
        mem_free(c->aside);
    }
    place = crowd_row(&net->crowd, conn_address(c));
    crowd_leave(&net->crowd, &place);
    mem_free(c->names);
    slab_free(&net->conns, c->id);
    net->count->connections = net->conns.n_live;
}

void conn_discard(struct conn *c)
{
    conn_free(c);
}

void conn_allow_compressed(struct conn *c, uint8_t window_bits)
{
    c->window_bits = window_bits;
    c->net->count->deflate_upgrades++;
}

/* Keeps bytes that are not to be handled now; one after them is writable then, too. */
static void hold(struct conn *c, const uint8_t *p, size_t n)
{
    struct conn_aside *aside = conn_aside(c);
    uint8_t *held = mem_alloc(n + 1);

    memcpy(held, p, n);
    mem_free(aside->held);
    aside->held = held;
    aside->held_n = n;
}

static bool holds(const struct conn *c)
{
    return c->aside != NULL && c->aside->held != NULL;
}

void conn_open(struct conn *c, int fd, struct frame *greeting, const void *early, size_t early_n)
{
    struct net *net = c->net;
    int one = 1, unsent = (int)net->limits.unsent_max;
    uint64_t spread = c->id * 0x9e3779b97f4a7c15u >> 40;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    /* The kernel copies for each socket, the queue refers: what waits had better wait there. */
    if (unsent > 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    c->fd = fd;
    c->state = CONN_OPEN;
    if (early_n > 0)
        hold(c, early, early_n);
    /* Until the owner has introduced it, which takes no turn of the loop: conn_resume() arms it. */
    c->pauses++;
    net->count->upgrades++;
    /* The first ping comes early by a share of its interval, so that connections of one storm do
     * not beat in step for ever. */
    c->last_rx_s =
        net->now_s - (uint32_t)(spread % (seconds(net->limits.ping_interval_ms) / 2 + 1));
    conn_behind(c, greeting, 0);
    arm_wheel(c);
}

/* --- sending ------------------------------------------------------------------------------------ */

void conn_behind(struct conn *c, struct frame *f, uint32_t offset)
{
    struct outq *queue = &conn_aside(c)->queue;

    if (queue->n == 0 && !(c->flags & CONN_WANT_WRITE))
        queue->progress_s = c->net->now_s;
    outq_push(queue, f, offset);
    /* What leaves with this turn waits for nobody: only a connection that is behind is counted. */
    if (!(c->flags & CONN_WANT_WRITE))
        mark_dirty(c);
    else
        c->net->count->queue_bytes += f->len - offset + OUTQ_PLACE_BYTES;
}

static void set_cause(struct conn *c, unsigned code, const char *reason)
{
    struct conn_aside *aside = conn_aside(c);

    aside->close_code = (uint16_t)code;
    aside->close_reason = reason;
}

/* Ends a connection: what remains is done at the end of the turn, when nobody walks over it. */
static void die(struct conn *c, unsigned code, const char *reason)
{
    if (c->state == CONN_DEAD)
        return;
    if (conn_aside(c)->close_reason == NULL)
        set_cause(c, code, reason);
    c->state = CONN_DEAD;
    disarm(c);
    mark_dirty(c);
}

/* What was to be said is said, or the time for it is over. */
static void die_as_agreed(struct conn *c)
{
    die(c, c->aside->close_code, c->aside->close_reason);
}

static void put_close_frame(struct conn *c, unsigned code, const char *reason)
{
    uint8_t payload[2 + REASON_MAX];
    size_t n = strnlen(reason, REASON_MAX + 1);
    struct frame *f;

    if (n > REASON_MAX) {
        n = REASON_MAX; /* cut, but never inside a character: the peer checks its UTF-8 */
        while (n > 0 && ((uint8_t)reason[n] & 0xc0) == 0x80)
            n--;
    }
    payload[0] = (uint8_t)(code >> 8);
    payload[1] = (uint8_t)code;
    memcpy(payload + 2, reason, n);
    /* 1005 and 1006 are never on the wire (RFC 6455, 7.4.1). */
    f = frame_new(WS_OP_CLOSE, payload, code == 1005 || code == 1006 ? 0 : n + 2);
    c->flags |= CONN_CLOSE_SENT;
    conn_behind(c, f, 0);
    frame_unref(&f);
}

static void begin_close(struct conn *c, unsigned code, const char *reason, const char *why)
{
    c->state = CONN_CLOSING;
    set_cause(c, code, why);
    c->due_s = c->net->now_s + seconds(c->net->limits.close_timeout_ms);
    put_close_frame(c, code, reason);
    arm_wheel(c);
}

/* The same when it is us who want it: who speaks a dialect that has a word for it is told first. */
static void say_farewell(struct conn *c, unsigned code, const char *reason, const char *why)
{
    const struct net_calls *calls = &c->net->calls;
    struct frame *f = calls->farewell != NULL ? calls->farewell(calls->arg, c, code, reason) : NULL;

    if (f != NULL) {
        conn_behind(c, f, 0);
        frame_unref(&f);
    }
    begin_close(c, code, reason, why);
}

void conn_close(struct conn *c, unsigned code, const char *reason)
{
    if (c->state == CONN_OPEN)
        say_farewell(c, code, reason, "closed by the server");
}

void conn_abort(struct conn *c, unsigned code, const char *reason)
{
    if (c->state == CONN_OPEN || c->state == CONN_CLOSING)
        die(c, code, reason);
}

static void cut_queue(struct conn *c)
{
    size_t before = conn_backlog(c);

    if (c->aside != NULL)
        outq_cut(&c->aside->queue);
    if (c->flags & CONN_WANT_WRITE)
        c->net->count->queue_bytes -= (int64_t)(before - conn_backlog(c));
}

/* Who has nothing waiting is not slow, however large the frame. */
static bool has_room(const struct conn *c, size_t bytes, int64_t limit)
{
    size_t waiting = conn_backlog(c);

    return waiting == 0 || waiting + bytes + OUTQ_PLACE_BYTES <= (size_t)limit;
}

bool conn_overflows(struct conn *c, size_t bytes, enum send_kind kind)
{
    const struct net_limits *lim = &c->net->limits;
    int64_t limit = kind == SEND_EPHEMERAL ? lim->queue_soft : lim->queue_hard;

    if (has_room(c, bytes, limit))
        return false;
    /* Tried before it is judged: what was sent in this turn may wait here only for its end. */
    if (!(c->flags & CONN_WANT_WRITE)) {
        conn_flush(c);
        if (c->state != CONN_OPEN)
            return true;
        if (has_room(c, bytes, limit))
            return false;
    }
    if (kind == SEND_EPHEMERAL) {
        c->net->count->dropped_ephemeral++;
        return true;
    }
    if (kind == SEND_OR_SKIP) {
        c->flags |= CONN_REFUSED;
        c->net->count->skipped++;
        return true;
    }
    c->net->count->too_slow++;
    cut_queue(c);
    say_farewell(c, 4001, "too slow", "too slow: queue_hard reached");
    return true;
}

int conn_send(struct conn *c, struct frame *f, enum send_kind kind)
{
    if (c->state != CONN_OPEN)
        return -1;
    f = frame_form(c->net, f, c->window_bits);
    if (conn_overflows(c, f->len, kind))
        return -1;
    c->net->count->frames_out++;
    conn_behind(c, f, 0);
    if (c->aside->queue.bytes > FLUSH_EARLY_BYTES && !(c->flags & CONN_WANT_WRITE))
        conn_flush(c);
    return c->state == CONN_DEAD ? -1 : 0;
}

size_t conn_backlog(const struct conn *c)
{
    return c->aside != NULL ? outq_weight(&c->aside->queue) : 0;
}

void conn_tell_drained(struct conn *c)
{
    struct net *net = c->net;

    c->flags |= CONN_TELL_DRAINED;
    if (!net->flushing) {
        mark_dirty(c);
        return;
    }
    /* A callback that asks again would hold the turn. */
    net->asked = mem_grow(net->asked, net->n_asked, sizeof(*net->asked));
    net->asked[net->n_asked++] = c->id;
    event_active(net->again, EV_TIMEOUT, 0);
}

/* None is added meanwhile: who asks now is marked dirty. */
void conn_run_asked(struct net *net)
{
    uint32_t i;

    for (i = 0; i < net->n_asked; i++) {
        struct conn *c = conn_get(net, net->asked[i]);

        if (c != NULL) {
            conn_flush(c);
            conn_run_drained(c);
        }
    }
    net->n_asked = 0;
}

/* The time for its pong begins anew, unless its time to close runs. */
static void expect_pong(struct conn *c)
{
    if (c->state == CONN_OPEN)
        c->due_s = c->net->now_s + seconds(c->net->limits.pong_timeout_ms);
}

static void flushed(struct conn *c)
{
    outq_deinit(&c->aside->queue);
    conn_tidy(c);
    if (c->flags & CONN_WANT_WRITE) {
        c->flags &= (uint16_t)~CONN_WANT_WRITE;
        expect_pong(c);
        arm(c);
        arm_wheel(c);
    }
    if (!(c->flags & CONN_CLOSE_SENT))
        return;
    if (c->flags & CONN_PEER_CLOSED)
        die_as_agreed(c);
    else if (c->flags & CONN_BROKEN)
        shutdown(c->fd, SHUT_WR); /* its answer could not be read: wait for its FIN alone */
}

void conn_flush(struct conn *c)
{
    size_t wrote;

    if (c->state == CONN_DEAD)
        return;
    if (!conn_keeps_up(c)) {
        struct outq *queue = &c->aside->queue;
        size_t before = conn_backlog(c);
        enum outq_result r = outq_write(queue, c->fd, &wrote);

        c->net->count->bytes_out += (int64_t)wrote;
        if (c->flags & CONN_WANT_WRITE)
            c->net->count->queue_bytes -= (int64_t)(before - conn_backlog(c));
        if (wrote > 0) {
            queue->progress_s = c->net->now_s;
            c->flags &= (uint16_t)~CONN_REFUSED;
        }
        if (r == OUTQ_FAILED) {
            die(c, 1006, "the connection broke");
            return;
        }
        if (r == OUTQ_EMPTY) {
            flushed(c);
        } else if (!(c->flags & CONN_WANT_WRITE)) {
            c->flags |= CONN_WANT_WRITE;
            c->net->count->queue_bytes += (int64_t)conn_backlog(c);
            arm(c);
            arm_wheel(c);
        }
    }
}

void conn_run_drained(struct conn *c)
{
    if ((c->flags & CONN_TELL_DRAINED) && !(c->flags & CONN_REFUSED) && c->state == CONN_OPEN &&
        conn_backlog(c) < (size_t)c->net->limits.queue_soft) {
        c->flags &= (uint16_t)~CONN_TELL_DRAINED;
        c->net->calls.drained(c->net->calls.arg, c);
    }
}

/* --- reading ------------------------------------------------------------------------------------ */

static void on_peer_close(struct conn *c, const struct ws_event *ev)
{
    c->flags |= CONN_PEER_CLOSED;
    if (c->state == CONN_OPEN)
        begin_close(c, ev->code, "", "closed by the client");
    else if (conn_keeps_up(c))
        die_as_agreed(c);
}

static void on_message(struct conn *c, const struct ws_event *ev)
{
    uint8_t kept;

    c->net->count->messages_in++;
    if (ev->len == 0) {
        c->net->calls.message(c->net->calls.arg, c, ev->opcode, "", 0);
        return;
    }
    kept = ev->data[ev->len];
    /* Handlers get a NUL after the text; the byte may belong to the next frame. */
    ev->data[ev->len] = '\0';
    c->net->calls.message(c->net->calls.arg, c, ev->opcode, (const char *)ev->data, ev->len);
    ev->data[ev->len] = kept;
}

/* The memory that the message is in then. */
static uint8_t *inflate_message(struct conn *c, struct ws_event *ev)
{
    struct net_counters *count = c->net->count;
    size_t compressed = ev->len;
    uint8_t *memory;

    ws_inflate(c->net->inflate, ev, (size_t)c->net->limits.message_max, &memory);
    if (ev->kind == WS_MESSAGE) {
        count->inflated++;
        count->inflated_bytes += (int64_t)compressed;
        count->inflated_plain_bytes += (int64_t)ev->len;
    } else if (ev->code == 1009) {
        count->inflated_too_big++;
    }
    return memory;
}

static void on_ws_event(struct conn *c, const struct ws_event *ev)
{
    struct frame *f;

    switch (ev->kind) {
    case WS_MESSAGE:
        if (c->state == CONN_OPEN)
            on_message(c, ev);
        break;
    case WS_PING:
        /* One pong may answer for several pings (RFC 6455, 5.5.3): who sends pings and reads nothing
         * fills no queue with answers, and who reads slowly still gets one a second. */
        if ((c->flags & CONN_WANT_WRITE) && c->aside->queue.pong_s == c->net->now_s)
            break;
        f = frame_new(WS_OP_PONG, ev->data, ev->len);
        conn_send(c, f, SEND_OR_CLOSE);
        if (!conn_keeps_up(c))
            c->aside->queue.pong_s = c->net->now_s;
        frame_unref(&f);
        break;
    case WS_CLOSE:
        on_peer_close(c, ev);
        break;
    case WS_ERROR:
        c->net->count->protocol_errors++;
        c->flags |= CONN_BROKEN;
        if (c->state == CONN_OPEN)
            begin_close(c, ev->code, ev->reason, ev->reason);
        break;
    case WS_PONG:
    case WS_MORE:
        break;
    }
}

/* Fragments and pings cost work however small they are. True: it sent too many, and is being closed. */
static bool sends_too_many(struct conn *c, struct ws_reader *reader)
{
    int64_t rate = c->net->limits.frame_rate;
    uint32_t frames = reader->frames;

    reader->frames = 0;
    if (c->state != CONN_OPEN ||
        chatd_bucket_take(&c->frames, rate, 2 * rate, frames, c->net->mono_ms) == 0)
        return false;
    c->net->count->too_many++;
    c->flags |= CONN_BROKEN;
    say_farewell(c, 4003, "too many frames", "too many frames: frame_rate reached");
    return true;
}

/* Works through bytes that came; one byte after them is writable. Stops when a handler waits or others are
 * to go first, and keeps the rest. */
static void handle_bytes(struct conn *c, uint8_t *p, size_t n)
{
    struct ws_reader fresh, *reader = &fresh;
    struct ws_event ev;

    if (c->aside != NULL)
        reader = &c->aside->reader;
    else
        reader_init(c, &fresh);
    c->flags |= CONN_IN_HANDLER;
    while (c->pauses == 0 && c->state != CONN_DEAD && line_allows(c)) {
        uint8_t *inflated = NULL;
        size_t came;

        ws_reader_next(reader, &p, &n, (size_t)c->net->limits.message_max, &ev);
        if (sends_too_many(c, reader)) {
            n = 0;
            break;
        }
        if (ev.kind == WS_MORE)
            break;
        came = ev.len;
        if (ev.is_compressed && c->state == CONN_OPEN)
            inflated = inflate_message(c, &ev);
        line_charge(c, LINE_MESSAGE_BYTES + (came > ev.len ? came : ev.len));
        on_ws_event(c, &ev);
        free(inflated);
        if (ev.kind == WS_ERROR || ev.kind == WS_CLOSE) {
            n = 0;
            break;
        }
    }
    c->flags &= (uint16_t)~CONN_IN_HANDLER;
    if (reader == &fresh && !ws_reader_is_idle(&fresh))
        conn_aside(c)->reader = fresh;
    if (n > 0 && c->state != CONN_DEAD) {
        hold(c, p, n);
        if (c->pauses == 0)
            line_join(c);
    }
    conn_tidy(c);
}

static void handle_held(struct conn *c)
{
    uint8_t *held = c->aside->held;
    size_t n = c->aside->held_n;

    c->aside->held = NULL;
    handle_bytes(c, held, n);
    mem_free(held);
}

void conn_run_held(struct conn *c)
{
    if (holds(c) && c->pauses == 0 && c->state != CONN_DEAD)
        handle_held(c);
}

static void read_some(struct conn *c)
{
    struct net *net = c->net;
    ssize_t n = recv(c->fd, net->read_buffer, NET_READ_BYTES, MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != EWOULDBLOCK)
            die(c, 1006, "the connection broke");
        return;
    }
    if (n == 0) {
        die(c, 1006, "the client left without a close frame");
        return;
    }
    net->count->bytes_in += n;
    c->last_rx_s = net->now_s;
    c->flags &= (uint16_t)~CONN_PING_SENT;
    if (c->flags & (CONN_BROKEN | CONN_PEER_CLOSED))
        return;
    handle_bytes(c, net->read_buffer, (size_t)n);
}

void conn_ready(void *net, uint64_t id, unsigned what)
{
    struct conn *c = conn_get(net, id);

    if (c == NULL)
        return;
    what &= c->armed; /* asked for, and still so: others of the batch came first */
    if ((what & POLLER_CLOSED) || (c->pauses > 0 && (what & POLLER_READ) && net_peer_left(c->fd))) {
        /* Dead first, so that nothing of what it sent is worked through when the waits end. */
        die(c, 1006, "the client left while something waited for it");
        c->net->calls.gone(c->net->calls.arg, c);
        return;
    }
    if (what & POLLER_WRITE) {
        conn_flush(c);
        conn_run_drained(c);
    }
    if (!(what & POLLER_READ) || c->state == CONN_DEAD || c->pauses > 0)
        return;
    if (!holds(c))
        read_some(c);
    else if (!(c->flags & CONN_IN_LINE))
        handle_held(c);
}

void conn_pause(struct conn *c)
{
    if (c->pauses++ == 0 && c->state != CONN_DEAD)
        arm(c);
}

void conn_resume(struct conn *c)
{
    c->pauses--;
    if (c->state == CONN_DEAD || c->fd < 0)
        return;
    if (c->pauses > 0) {
        arm(c); /* changes nothing, unless it was the pause of conn_open() that ended */
        return;
    }
    if (!(c->flags & CONN_IN_HANDLER) && holds(c))
        handle_held(c);
    if (c->state != CONN_DEAD) {
        c->last_rx_s = c->net->now_s; /* its keep-alive rested, its pong may be unread */
        expect_pong(c);
        arm(c);
    }
}

/* --- keep-alive --------------------------------------------------------------------------------- */

void conn_expire_at(struct conn *c, int64_t wall_ms, int64_t now_wall_ms)
{
    int64_t left_s = wall_ms > now_wall_ms ? (wall_ms - now_wall_ms + 999) / 1000 : 1;
    int64_t at_s = c->net->now_s + left_s;

    c->expires_ms = wall_ms;
    c->expires_mono_s = wall_ms == 0 ? 0 : at_s < UINT32_MAX ? (uint32_t)at_s : UINT32_MAX;
    if (c->state == CONN_OPEN)
        arm_wheel(c);
}

static void send_ping(struct conn *c)
{
    struct frame *f = frame_new(WS_OP_PING, NULL, 0);

    c->flags |= CONN_PING_SENT;
    expect_pong(c);
    conn_send(c, f, SEND_OR_CLOSE);
    frame_unref(&f);
}

static bool is_stuck(const struct conn *c)
{
    return !conn_keeps_up(c) &&
           c->net->now_s - c->aside->queue.progress_s >= seconds(c->net->limits.write_timeout_ms);
}

/* True if the peer took nothing for write_timeout. The kernel calls a socket writable only when a good
 * part of its buffer is free; who reads slowly, but reads, is found by trying. */
static bool ran_out_of_time(struct conn *c)
{
    if (!is_stuck(c))
        return false;
    conn_flush(c);
    if (c->flags & CONN_TELL_DRAINED)
        mark_dirty(c);
    return c->state != CONN_DEAD && is_stuck(c);
}

/* Whatever a connection's clocks have to say, in the order of how final it is. */
void conn_due(void *net_arg, uint32_t index)
{
    struct net *net = net_arg;
    struct conn *c = slab_at(&net->conns, index);
    uint32_t now = net->now_s;

    if (c == NULL || c->fd < 0 || c->state == CONN_DEAD)
        return;
    if (c->state == CONN_CLOSING && now >= c->due_s) {
        die_as_agreed(c);
        return;
    }
    if (ran_out_of_time(c)) {
        net->count->too_slow++;
        die(c, 4001, "too slow: write_timeout without progress");
        return;
    }
    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_OPEN && c->expires_mono_s > 0 && now >= c->expires_mono_s)
        say_farewell(c, 4501, "token expired", "token expired");
    if (c->state == CONN_OPEN && c->pauses == 0 && !(c->flags & CONN_WANT_WRITE)) {
        if ((c->flags & CONN_PING_SENT) && now >= c->due_s) {
            net->count->no_pong++;
            begin_close(c, 4002, "no pong", "no pong");
        } else if (!(c->flags & CONN_PING_SENT) &&
                   now - c->last_rx_s >= seconds(net->limits.ping_interval_ms)) {
            send_ping(c);
        }
    }
    if (c->state != CONN_DEAD)
        arm_wheel(c);
}
