/* SPDX-License-Identifier: MIT */
/* The filtering bufferevent in front of evhttp. */
#include "net/http_filter.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http_client.h"
#include "net/http_pace.h"
#include "net/http_wait.h"

#include <event2/buffer.h>
#include <event2/http_struct.h>

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void on_writable(evutil_socket_t fd, short what, void *arg);

enum { READ_AHEAD_BYTES = 65536, LINGER_BYTES = 262144, LINGER_MS = 2000, YOUNG_TURNS = 4 };

const char *http_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } row[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (row[i].status == status)
            return row[i].text;
    }
    return "Unknown";
}

const struct http_header http_common_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cache-Control", "no-store"},
    {NULL, NULL},
};

size_t http_error_text(unsigned status, const char *code, const char *reason, char *out,
                       size_t out_bytes)
{
    const struct http_header *header;
    struct buf body = {0}, text = {0};
    size_t n = 0;

    buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, reason);
    buf_printf(&text, "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
               status, http_status_text(status), body.n);
    for (header = http_common_headers; header->name != NULL; header++)
        buf_printf(&text, "%s: %s\r\n", header->name, header->value);
    if (status == 429 || status == 503)
        buf_puts(&text, "Retry-After: 5\r\n");
    buf_printf(&text, "Connection: close\r\n\r\n%s", body.p);
    if (text.n < out_bytes) {
        n = text.n;
        memcpy(out, text.p, n + 1);
    }
    buf_deinit(&body);
    buf_deinit(&text);
    return n;
}

/* Bytes that the kernel holds for the client. */
static int64_t in_kernel(const struct http_peer *peer)
{
    int n = 0;

    return ioctl(bufferevent_getfd(peer->under), SIOCOUTQ, &n) == 0 ? n : 0;
}

/* It took enough of its answer since its deadline was set. A socket can be written to again only when a third of what the
 * kernel holds is gone, which may be megabytes: what counts is what the client took. */
static bool took_enough(const struct http_peer *peer)
{
    return peer->owed - in_kernel(peer) >= HTTP_TAKE_BYTES;
}

static void enter(struct http_peer *peer, enum http_phase phase)
{
    const struct http_options *opt = &peer->http->opt;
    int64_t ms = 0;
    struct timeval tv;

    peer->phase = phase;
    if (phase == PHASE_IDLE || phase == PHASE_HEAD || phase == PHASE_TAKE)
        http_wait_begin(peer);
    else if (phase != PHASE_BODY) /* which belongs to what its head began */
        http_wait_end(peer);
    switch (phase) {
    case PHASE_IDLE:
        ms = opt->idle_timeout_ms;
        break;
    case PHASE_HEAD:
        ms = opt->head_timeout_ms;
        break;
    case PHASE_BODY:
        ms = opt->body_timeout_ms;
        break;
    case PHASE_TAKE:
        ms = opt->write_timeout_ms;
        peer->owed = in_kernel(peer);
        break;
    case PHASE_FAILED:
        ms = LINGER_MS;
        break;
    case PHASE_ANSWER:
        http_pace_begun(peer);
        event_del(peer->timer);
        return;
    }
    tv.tv_sec = ms / 1000;
    tv.tv_usec = ms % 1000 * 1000;
    event_add(peer->timer, &tv);
}

/* evhttp finds an end of file and frees the connection. */
void http_filter_hang_up(struct http_peer *peer)
{
    shutdown(bufferevent_getfd(peer->under), SHUT_RD);
}

/* Answers past evhttp, which has seen nothing of this request or waits for its body. The client may
 * still be sending: closing at once would reset the connection and lose the answer with it. */
static void fail(struct http_peer *peer, unsigned status, const char *code, const char *reason)
{
    char text[1024];
    int fd = bufferevent_getfd(peer->under);
    size_t n = http_error_text(status, code, reason, text, sizeof(text));

    if (n > 0 && send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("an error answer could not be sent: %u %s", status, reason);
    shutdown(fd, SHUT_WR);
    enter(peer, PHASE_FAILED);
}

/* It does not take its answer: the rest is thrown away, here and in the kernel. */
static void give_up(struct http_peer *peer)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (setsockopt(bufferevent_getfd(peer->under), SOL_SOCKET, SO_LINGER, &at_once,
                   sizeof(at_once)) < 0)
        log_debug("an answer that nobody takes stays in the kernel: %s", strerror(errno));
    if (peer->writable != NULL)
        event_del(peer->writable);
    enter(peer, PHASE_FAILED);
    http_filter_hang_up(peer);
    event_active(peer->kick, EV_TIMEOUT, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_peer *peer = arg;

    (void)fd;
    (void)what;
    if (peer->phase != PHASE_FAILED && http_pace_holds(peer)) { /* what is late is the server */
        event_add(peer->timer, &(struct timeval){1, 0});
        return;
    }
    if (peer->phase == PHASE_IDLE || peer->phase == PHASE_FAILED) {
        http_filter_hang_up(peer);
        return;
    }
    if (peer->phase == PHASE_TAKE && took_enough(peer)) {
        enter(peer, PHASE_TAKE);
        return;
    }
    peer->http->count->timeouts++;
    if (peer->phase == PHASE_TAKE) {
        give_up(peer);
        return;
    }
    if (peer->phase == PHASE_HEAD && !peer->head.in_head) {
        http_filter_hang_up(peer);
        return;
    }
    fail(peer, 408, "timeout",
         peer->phase == PHASE_HEAD ? "The request's head took too long."
                                   : "The request's body took too long.");
}

static void swallow(struct http_peer *peer, struct evbuffer *src)
{
    size_t n = evbuffer_get_length(src);

    peer->drained += n;
    evbuffer_drain(src, n);
    if (peer->drained > LINGER_BYTES)
        http_filter_hang_up(peer);
}

/* One step over the next contiguous bytes; false when there is nothing more to do now. */
static bool step(struct http_peer *peer, struct evbuffer *src, struct evbuffer *dst, bool *moved)
{
    size_t n = evbuffer_get_contiguous_space(src), used;
    struct http_head_limits limits = peer->http->opt.head;
    enum http_head_result r;

    if (n == 0)
        return false;
    /* A body that no handler would take is refused before it comes: thousands at a time are much memory. */
    if (limits.max_body_bytes > route_largest_body(&peer->http->routes))
        limits.max_body_bytes = route_largest_body(&peer->http->routes);
    r = http_head_feed(&peer->head, &limits, evbuffer_pullup(src, (ev_ssize_t)n), n, &used);
    /* evhttp would answer with a page of its own, so it never sees the end of this head. */
    if (r == HTTP_HEAD_DONE && !peer->head.known_method) {
        peer->http->count->bad_requests++;
        fail(peer, 501, "bad_request", "No path here has this method.");
        return false;
    }
    if (used > 0) {
        evbuffer_remove_buffer(src, dst, used);
        *moved = true;
    }
    switch (r) {
    case HTTP_HEAD_MORE:
        if (peer->phase == PHASE_IDLE && peer->head.in_head)
            enter(peer, PHASE_HEAD);
        return true;
    case HTTP_HEAD_DONE:
        enter(peer, peer->head.has_body ? PHASE_BODY : PHASE_ANSWER);
        return peer->phase == PHASE_BODY;
    case HTTP_BODY_DONE:
        enter(peer, PHASE_ANSWER);
        return false;
    case HTTP_HEAD_ERROR:
        peer->http->count->bad_requests++;
        fail(peer, peer->head.status, peer->head.status == 413 ? "too_large" : "bad_request",
             peer->head.reason);
        return false;
    }
    return false;
}

static bool is_answered(const struct http_peer *peer)
{
    return peer->phase == PHASE_ANSWER || peer->phase == PHASE_TAKE;
}

static enum bufferevent_filter_result on_input(struct evbuffer *src, struct evbuffer *dst,
                                               ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                               void *arg)
{
    struct http_peer *peer = arg;
    bool moved = false;

    (void)limit;
    (void)mode;
    peer->n_young = 0; /* it has been read */
    if (peer->phase == PHASE_FAILED) {
        swallow(peer, src);
        return BEV_NEED_MORE;
    }
    if (!is_answered(peer) && !http_pace_allows(peer))
        return BEV_NEED_MORE;
    /* While a request is being answered the rest waits here: evhttp must not see bytes then. */
    while (!is_answered(peer) && peer->phase != PHASE_FAILED) {
        if (!step(peer, src, dst, &moved))
            break;
    }
    http_pace_turn_over(peer);
    return moved ? BEV_OK : BEV_NEED_MORE;
}

/*
 * The way out goes straight to the socket. Were the bytes handed to the bufferevent below, evhttp
 * would take them for sent and, on a connection that is to be closed, free them unsent. It is done in
 * FLUSH mode only, once per answer, not for each header line that evhttp adds.
 */
static enum bufferevent_filter_result on_output(struct evbuffer *src, struct evbuffer *dst,
                                                ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                void *arg)
{
    struct http_peer *peer = arg;
    int fd = bufferevent_getfd(peer->under);

    (void)dst;
    (void)limit;
    if (mode == BEV_NORMAL || evbuffer_get_length(src) == 0)
        return BEV_NEED_MORE;
    if (peer->phase == PHASE_FAILED)
        evbuffer_drain(src, evbuffer_get_length(src)); /* of an answer that was given up */
    while (evbuffer_get_length(src) > 0) {
        int n = evbuffer_write(src, fd);

        if (n >= 0) {
            peer->owed += n;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (peer->writable == NULL)
                peer->writable = event_new(peer->http->base, fd, EV_WRITE, on_writable, peer);
            event_add(peer->writable, NULL);
            /* A trickle does not stretch it: the next deadline is for those who took enough. And a
             * body goes on being read when a "100 Continue" does not leave at once. */
            if (peer->phase == PHASE_ANSWER || (peer->phase == PHASE_TAKE && took_enough(peer)))
                enter(peer, PHASE_TAKE);
            return BEV_NEED_MORE;
        }
        /* Nobody is there to read it: evhttp finds the end of file next. */
        evbuffer_drain(src, evbuffer_get_length(src));
        http_filter_hang_up(peer);
    }
    return BEV_OK;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_peer *peer = arg;

    (void)fd;
    (void)what;
    bufferevent_flush(peer->filter, EV_WRITE, BEV_FLUSH);
}

static void on_output_added(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct http_peer *peer = arg;

    (void)buffer;
    if (info->n_added > 0)
        event_active(peer->kick, EV_TIMEOUT, 0);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    struct http_peer *peer = arg;

    (void)fd;
    (void)what;
    if (peer->is_surplus) {
        peer->http->count->refused_full++;
        fail(peer, 503, "full", "The server takes no more connections now.");
        http_filter_hang_up(peer);
        return;
    }
    if (!peer->is_placed) {
        peer->is_placed = true;
        if (!http_client_admit_peer(peer)) {
            fail(peer, 429, "rate_limited", "Too many connections come from your address.");
            http_filter_hang_up(peer);
            return;
        }
    }
    if (peer->n_young > 0 && --peer->n_young > 0)
        event_add(peer->kick, &(struct timeval){0, 0});
    if (peer->phase == PHASE_FAILED && evbuffer_get_length(bufferevent_get_input(peer->under)) > 0)
        bufferevent_trigger(peer->under, EV_READ, BEV_OPT_DEFER_CALLBACKS);
    if (evbuffer_get_length(bufferevent_get_output(peer->filter)) > 0)
        bufferevent_flush(peer->filter, EV_WRITE, BEV_FLUSH); /* may free the peer */
    else if (evbuffer_get_length(bufferevent_get_input(peer->under)) > 0)
        bufferevent_trigger(peer->under, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

void http_filter_answered(struct http_peer *peer)
{
    if (!is_answered(peer))
        return;
    http_head_init(&peer->head);
    enter(peer, PHASE_IDLE);
    event_active(peer->kick, EV_TIMEOUT, 0);
}

static void on_free(void *arg)
{
    struct http_peer *peer = arg;
    struct http *h = peer->http;

    HASH_DEL(h->peers, peer);
    http_wait_end(peer);
    http_pace_leave(peer);
    crowd_leave(&h->crowd, &peer->place);
    h->n_peers--;
    h->count->connections = (int64_t)h->n_peers;
    event_free(peer->timer);
    event_free(peer->kick);
    if (peer->writable != NULL)
        event_free(peer->writable);
    mem_free(peer);
}

/* Whoever says nothing, or hardly anything, must not keep others out. False: all are being answered. */
static bool make_room(struct http *h)
{
    struct http_peer *peer = http_wait_longest(h);

    if (peer == NULL)
        return false;
    h->count->made_room++;
    if (peer->phase == PHASE_TAKE) {
        give_up(peer);
        return true;
    }
    if (peer->head.in_head || peer->phase == PHASE_BODY)
        fail(peer, 503, "full", "The server takes no more connections now.");
    else
        enter(peer, PHASE_FAILED);
    http_filter_hang_up(peer);
    return true;
}

struct bufferevent *http_filter_new(struct event_base *base, void *arg)
{
    struct http *h = arg;
    struct http_peer *peer = mem_alloc(sizeof(*peer));

    peer->http = h;
    http_head_init(&peer->head);
    peer->under = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setwatermark(peer->under, EV_READ, 0, READ_AHEAD_BYTES);
    peer->filter = bufferevent_filter_new(peer->under, on_input, on_output, BEV_OPT_CLOSE_ON_FREE,
                                          on_free, peer);
    /* Nothing is written through it (see on_output), so that it need not wait for being writable. */
    bufferevent_disable(peer->under, EV_WRITE);
    peer->timer = evtimer_new(base, on_timer, peer);
    peer->kick = event_new(base, -1, 0, on_kick, peer);
    evbuffer_add_cb(bufferevent_get_output(peer->filter), on_output_added, peer);
    HASH_ADD_PTR(h->peers, filter, peer);
    h->n_peers++;
    h->count->connections = (int64_t)h->n_peers;
    /* It has no descriptor yet, and evhttp makes a connection past this filter if it gets NULL. */
    peer->is_surplus = h->n_peers > (size_t)h->opt.max_connections && !make_room(h);
    enter(peer, peer->is_surplus ? PHASE_FAILED : PHASE_HEAD);
    peer->n_young = YOUNG_TURNS;
    event_active(peer->kick, EV_TIMEOUT, 0); /* then it has one, and nothing was read yet */
    if (!http_pace_accept(h))
        http_rest_listening(h);
    return peer->filter;
}

struct http_peer *http_filter_peer(struct http *h, struct evhttp_request *ev)
{
    struct bufferevent *filter =
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(ev));
    struct http_peer *peer;

    HASH_FIND_PTR(h->peers, &filter, peer);
    return peer;
}
