/* SPDX-License-Identifier: MIT */
/* Requests: from evhttp to a route or an upgrade, and back. */
#include "net/http.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http_client.h"
#include "net/http_filter.h"
#include "net/http_pace.h"
#include "net/net.h"
#include "net/ws_handshake.h"

#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

enum { ACCEPT_PAUSE_MS = 100, HTTP_NUMBERS = 1024 };

struct http_note {
    struct http_note *next;
    size_t n;
    max_align_t bytes[];
};

struct http_req *http_req_get(struct http *h, uint64_t id)
{
    struct http_req *r = slab_get(&h->reqs, id);

    return r != NULL && !r->has_left ? r : NULL;
}

void *http_req_alloc(struct http_req *r, size_t n)
{
    struct http_note *note = mem_alloc(sizeof(*note) + n);

    note->next = r->notes;
    note->n = n;
    r->notes = note;
    return note->bytes;
}

const char *http_req_header(struct http_req *r, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(r->ev), name);
}

const char *http_req_header_at(struct http_req *r, const char *name, unsigned i)
{
    const struct evkeyval *header = TAILQ_FIRST(evhttp_request_get_input_headers(r->ev));

    for (; header != NULL; header = TAILQ_NEXT(header, next)) {
        if (strcasecmp(header->key, name) == 0 && i-- == 0)
            return header->value;
    }
    return NULL;
}

const char *http_req_query_text(struct http_req *r)
{
    const char *mark = strchr(evhttp_request_get_uri(r->ev), '?');

    return mark != NULL ? mark + 1 : NULL;
}

size_t http_req_body_bytes(struct http_req *r)
{
    return evbuffer_get_length(evhttp_request_get_input_buffer(r->ev));
}

const char *http_req_body(struct http_req *r, size_t *n_out)
{
    *n_out = http_req_body_bytes(r);
    if (*n_out == 0)
        return "";
    if (r->body == NULL) {
        r->body = http_req_alloc(r, *n_out + 1);
        evbuffer_copyout(evhttp_request_get_input_buffer(r->ev), r->body, *n_out);
    }
    return r->body;
}

/* The request is over for us, whether answered, taken over or abandoned. */
static void req_end(struct http_req *r)
{
    struct http *h = r->http;

    h->calls.ended(h->calls.arg, r);
    if (r->is_upgrade)
        h->count->handshakes[r->outcome]++;
    if (r->peer != NULL)
        r->peer->req = NULL;
    if (r->deadline != NULL)
        event_free(r->deadline);
    if (r->watch != NULL) {
        event_free(r->watch);
        close(r->watch_fd);
    }
    while (r->notes != NULL) {
        struct http_note *next = r->notes->next;

        mem_wipe(r->notes->bytes, r->notes->n); /* bodies have passwords, cookies are logins */
        mem_free(r->notes);
        r->notes = next;
    }
    route_match_deinit(&r->match);
    mem_free(r->path);
    mem_free(r->user);
    crowd_leave(&h->crowd, &r->place);
    slab_free(&h->reqs, r->id);
}

/* --- replies ------------------------------------------------------------------------------------ */

static void add_header(struct evhttp_request *ev, const char *name, const char *value)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(ev);

    if (evhttp_find_header(out, name) == NULL || strcasecmp(name, "Set-Cookie") == 0)
        evhttp_add_header(out, name, value);
}

static void add_common_headers(struct evhttp_request *ev)
{
    const struct http_header *header;

    for (header = http_common_headers; header->name != NULL; header++)
        add_header(ev, header->name, header->value);
}

/* A second line where a plugin has one already: lists like Vary add up. */
static void add_line(void *arg, const char *name, const char *value)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(arg);

    if (strcmp(name, "Vary") == 0 || evhttp_find_header(out, name) == NULL)
        evhttp_add_header(out, name, value);
}

static void on_complete(struct evhttp_request *ev, void *arg)
{
    struct http *h = arg;
    struct http_peer *peer = http_filter_peer(h, ev);

    if (peer != NULL)
        http_filter_answered(peer);
}

static enum handshake outcome_of(unsigned status)
{
    switch (status) {
    case 400:
    case 426:
        return HANDSHAKE_BAD_REQUEST;
    case 401:
        return HANDSHAKE_UNAUTHORIZED;
    case 403:
        return HANDSHAKE_FORBIDDEN;
    case 404:
        return HANDSHAKE_NOT_FOUND;
    case 503:
        return HANDSHAKE_UNAVAILABLE;
    default:
        return HANDSHAKE_OTHER;
    }
}

void http_reply(struct http_req *r, unsigned status, const char *content_type, const void *body,
                size_t n, const struct http_header *headers, size_t n_headers)
{
    struct evhttp_request *ev = r->ev;
    struct evbuffer *out = evbuffer_new();
    bool is_head = evhttp_request_get_command(ev) == EVHTTP_REQ_HEAD;
    bool has_body = status != 304 && status != 204;
    char length[24];
    size_t i;

    for (i = 0; i < n_headers; i++)
        add_header(ev, headers[i].name, headers[i].value);
    if (has_body) {
        snprintf(length, sizeof(length), "%zu", n);
        add_header(ev, "Content-Length", length);
        add_header(ev, "Content-Type", content_type != NULL ? content_type : "application/json");
        if (!is_head && n > 0)
            evbuffer_add(out, body, n);
    }
    http_cors_add(r, add_line, ev);
    add_common_headers(ev);
    /* An upgrade that was refused may have bytes behind it that are not HTTP. */
    if (r->is_upgrade || r->http->is_closing)
        add_header(ev, "Connection", "close");
    if (r->outcome == HANDSHAKE_OTHER)
        r->outcome = outcome_of(status);
    evhttp_request_set_on_complete_cb(ev, on_complete, r->http);
    req_end(r);
    evhttp_send_reply(ev, (int)status, http_status_text(status), out);
    evbuffer_free(out);
}

void http_reply_error(struct http_req *r, unsigned status, const char *code, const char *message,
                      int64_t retry_ms, const struct http_header *headers, size_t n_headers)
{
    struct http_header all[4];
    struct buf body = {0};
    char seconds[24];
    size_t i, n = 0;

    buf_puts(&body, "{\"error\":{\"code\":");
    buf_json(&body, code, strlen(code));
    buf_puts(&body, ",\"message\":");
    buf_json(&body, message, strlen(message));
    buf_puts(&body, "}}");
    for (i = 0; i < n_headers && n < 3; i++)
        all[n++] = headers[i];
    if (retry_ms > 0) {
        snprintf(seconds, sizeof(seconds), "%lld", (long long)((retry_ms + 999) / 1000));
        all[n++] = (struct http_header){"Retry-After", seconds};
    }
    if (strcmp(code, "full") == 0)
        r->outcome = HANDSHAKE_FULL;
    http_reply(r, status, NULL, body.p, body.n, all, n);
    buf_deinit(&body);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct http_req *r = arg;

    (void)fd;
    (void)what;
    r->http->count->timeouts++;
    log_warn("%s %s was not answered within http_timeout", r->method, r->path);
    /* Who waits for something about it is told; it is not theirs to answer any more. */
    r->has_left = true;
    r->http->calls.gone(r->http->calls.arg, r);
    r->has_left = false;
    http_reply_error(r, 504, "timeout", "The server took too long to answer.", 0, NULL, 0);
}

/* The client left while its request waits. */
static void on_left(evutil_socket_t fd, short what, void *arg)
{
    struct http_req *r = arg;
    struct http *h = r->http;
    struct evhttp_connection *evcon = evhttp_request_get_connection(r->ev);

    if (!(what & EV_CLOSED) && !net_peer_left((int)fd))
        return; /* it sends more already */
    r->has_left = true;
    h->calls.gone(h->calls.arg, r);
    evhttp_connection_set_closecb(evcon, NULL, NULL);
    req_end(r);
    evhttp_connection_free(evcon);
}

/* evhttp gave the connection up on its own (a write error) before the answer. */
static void on_evcon_close(struct evhttp_connection *evcon, void *arg)
{
    struct http_peer *peer = arg;
    struct http_req *r = peer->req;

    (void)evcon;
    if (r == NULL)
        return;
    r->has_left = true;
    r->http->calls.gone(r->http->calls.arg, r);
    req_end(r);
}

void http_req_wait(struct http_req *r)
{
    struct timeval tv = {r->http->opt.reply_timeout_ms / 1000,
                         r->http->opt.reply_timeout_ms % 1000 * 1000};

    if (r->deadline != NULL)
        return;
    /* A descriptor of its own: edges, by which alone a reset is told once (see conn.c), cannot be
     * mixed with the bufferevent's levels. Without one there still is the deadline. */
    r->watch_fd = fcntl(bufferevent_getfd(r->peer->under), F_DUPFD_CLOEXEC, 0);
    if (r->watch_fd >= 0) {
        r->watch = event_new(r->http->base, r->watch_fd, EV_CLOSED | EV_READ | EV_ET | EV_PERSIST,
                             on_left, r);
        event_add(r->watch, NULL);
    }
    r->deadline = evtimer_new(r->http->base, on_deadline, r);
    event_add(r->deadline, &tv);
}

/* --- requests ----------------------------------------------------------------------------------- */

static const char *method_name(enum evhttp_cmd_type type)
{
    switch (type) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    default:
        return "?";
    }
}

/* Every way in which an upgrade can be wrong, each with its own sentence. True: it is good. */
static bool check_upgrade(struct http_req *r)
{
    static const struct http_header version[] = {{"Sec-WebSocket-Version", "13"},
                                                 {"Upgrade", "websocket"}};
    const char *connection = http_req_header(r, "Connection");
    const char *key = http_req_header(r, "Sec-WebSocket-Key");
    const char *wanted = http_req_header(r, "Sec-WebSocket-Version");
    const char *reason = NULL;

    if (strcmp(r->method, "GET") != 0)
        reason = "An upgrade must be a GET.";
    else if (r->ev->major != 1 || r->ev->minor < 1)
        reason = "An upgrade needs HTTP/1.1.";
    else if (connection == NULL || !http_token_list_has(connection, "Upgrade"))
        reason = "Connection must contain Upgrade.";
    else if (key == NULL)
        reason = "Sec-WebSocket-Key is missing.";
    else if (!ws_key_valid(key))
        reason = "Sec-WebSocket-Key must be 16 bytes in base64.";
    if (reason != NULL) {
        http_reply_error(r, 400, "bad_request", reason, 0, NULL, 0);
        return false;
    }
    if (wanted == NULL || strcmp(wanted, "13") != 0) {
        http_reply_error(r, 426, "bad_request", "Sec-WebSocket-Version must be 13.", 0, version, 2);
        return false;
    }
    if (!http_origin_ok(r)) {
        http_reply_error(r, 403, "forbidden", "This Origin may not connect.", 0, NULL, 0);
        return false;
    }
    return true;
}

/* RFC 9112, 3.2.2: a target with an authority counts for more than Host. One that says another host than
 * Host does is for somebody who reads the other of the two. */
static bool is_two_hosts(struct http_req *r)
{
    const char *uri = evhttp_request_get_uri(r->ev), *host = http_req_header(r, "Host");
    const char *at = uri[0] != '/' ? strstr(uri, "://") : NULL;
    size_t n;

    if (at == NULL || host == NULL)
        return false;
    n = strcspn(at + 3, "/?");
    return strlen(host) != n || strncasecmp(at + 3, host, n) != 0;
}

/* OPTIONS on a path that is there. */
static void reply_options(struct http_req *r)
{
    struct http_header row[1 + HTTP_CORS_PREFLIGHT] = {{"Allow", r->match.allow}};

    http_reply(r, 204, NULL, NULL, 0, row, 1 + http_cors_preflight(r, row + 1));
}

/* What can be said about a request without asking its handler. True: go on. */
static bool check_route(struct http_req *r)
{
    const struct route_match *m = &r->match;
    struct http_header allow = {"Allow", m->allow};
    const struct http_header upgrade[] = {{"Upgrade", "websocket"}, {"Allow", "GET"}};
    const struct http_header any = {"Allow", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"};
    size_t body_n;

    /* OPTIONS alone may ask about the server as a whole (http_head.c sees to it). */
    if (strcmp(r->path, "*") == 0) {
        http_reply(r, 204, NULL, NULL, 0, &any, 1);
        return false;
    }
    if (m->bad_path) {
        http_reply_error(r, 400, "bad_request", "The path cannot be decoded.", 0, NULL, 0);
        return false;
    }
    if (strcmp(r->method, "OPTIONS") == 0 && m->allow[0] != '\0') {
        reply_options(r);
        return false;
    }
    if (r->http->calls.is_socket(r->http->calls.arg, r->path)) {
        if (strcmp(r->method, "OPTIONS") == 0)
            http_reply(r, 204, NULL, NULL, 0, &upgrade[1], 1);
        else
            http_reply_error(r, 426, "bad_request",
                             "This path is for WebSocket: ask for an upgrade.", 0, upgrade, 1);
        return false;
    }
    if (m->route == NULL) {
        if (m->allow[0] != '\0')
            http_reply_error(r, 405, "bad_request", "This path has other methods.", 0, &allow, 1);
        else
            http_reply_error(r, 404, "not_found", "There is nothing here.", 0, NULL, 0);
        return false;
    }
    body_n = http_req_body_bytes(r);
    if (body_n > m->route->max_body) {
        http_reply_error(r, m->route->max_body == 0 ? 400 : 413,
                         m->route->max_body == 0 ? "bad_request" : "too_large",
                         m->route->max_body == 0 ? "This request takes no body."
                                                 : "The body is too large.",
                         0, NULL, 0);
        return false;
    }
    return true;
}

static struct http_req *req_new(struct http *h, struct evhttp_request *ev, struct http_peer *peer)
{
    const char *uri = evhttp_request_get_uri(ev);
    uint64_t id;
    struct http_req *r = slab_new(&h->reqs, &id);

    if (r == NULL)
        return NULL;
    r->http = h;
    r->id = id;
    r->ev = ev;
    r->peer = peer;
    r->method = method_name(evhttp_request_get_command(ev));
    /* absolute-form: what counts is the path behind the authority */
    if (uri[0] != '/' && strstr(uri, "://") != NULL) {
        const char *authority = strstr(uri, "://") + 3;
        const char *end = authority + strcspn(authority, "/?");

        uri = *end == '/' ? end : "/";
        ev->flags &= ~EVHTTP_PROXY_REQUEST; /* evhttp would read and write Proxy-Connection */
    }
    r->path = mem_strndup(uri, strcspn(uri, "?#"));
    http_client_find(r);
    peer->req = r;
    evhttp_connection_set_closecb(evhttp_request_get_connection(ev), on_evcon_close, peer);
    return r;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
    struct http *h = arg;
    struct http_peer *peer = http_filter_peer(h, ev);
    struct http_req *r = peer != NULL ? req_new(h, ev, peer) : NULL;
    uint64_t id;

    h->count->requests++;
    if (r == NULL) {
        add_common_headers(ev);
        evhttp_request_set_on_complete_cb(ev, on_complete, h);
        evhttp_send_reply(ev, 503, http_status_text(503), NULL);
        return;
    }
    id = r->id;
    /* Other protocols that a client offers to change to (h2c) are passed over, as RFC 9110 allows. */
    r->is_upgrade =
        peer->head.upgrade && http_token_list_has(http_req_header(r, "Upgrade"), "websocket");
    if (!http_client_admit(r)) {
        http_reply_error(r, 429, "rate_limited", "Too many connections come from your address.",
                         5000, NULL, 0);
    } else if (is_two_hosts(r)) {
        http_reply_error(r, 400, "bad_request", "The target and Host name two hosts.", 0, NULL, 0);
    } else if (r->is_upgrade) {
        if (check_upgrade(r))
            h->calls.upgrade(h->calls.arg, r);
    } else {
        route_find(&h->routes, r->method, r->path, strlen(r->path), &r->match);
        if (check_route(r))
            h->calls.request(h->calls.arg, r);
    }
    r = http_req_get(h, id);
    if (r != NULL)
        http_req_wait(r);
}

/* The lowest numbers are left to HTTP: libevent keeps 44 bytes for each number that it ever watched, and a slot for each
 * up to the highest. -1: there is none at all. */
static int duplicate(const struct http *h, int fd)
{
    int64_t http = h->opt.max_connections < HTTP_NUMBERS ? h->opt.max_connections : HTTP_NUMBERS;
    int taken = fcntl(fd, F_DUPFD_CLOEXEC, (int)http);

    return taken >= 0 ? taken : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

int http_take_over(struct http_req *r, void **early_out, size_t *early_n_out)
{
    struct http_peer *peer = r->peer;
    struct bufferevent *filter = peer->filter, *under = peer->under;
    struct evhttp_connection *evcon = evhttp_request_get_connection(r->ev);
    struct evbuffer *in = bufferevent_get_input(under);
    int fd = bufferevent_getfd(under), dead = r->http->dead_fd;
    int taken = duplicate(r->http, fd);

    *early_n_out = evbuffer_get_length(in);
    *early_out = NULL;
    if (*early_n_out > 0) {
        *early_out = mem_alloc(*early_n_out + 1);
        evbuffer_remove(in, *early_out, *early_n_out);
    }
    evhttp_connection_set_closecb(evcon, NULL, NULL);
    r->outcome = taken >= 0 ? HANDSHAKE_OK : HANDSHAKE_UNAVAILABLE;
    req_end(r);
    bufferevent_disable(filter, EV_READ | EV_WRITE);
    bufferevent_disable(under, EV_READ | EV_WRITE);
    /* evhttp shuts its descriptor down and closes it: let that be another one. */
    if (taken >= 0)
        dup2(dead, fd);
    evhttp_connection_free(evcon);
    return taken;
}

/* --- listener ----------------------------------------------------------------------------------- */

struct http_listener {
    unsigned key;
    struct evhttp_bound_socket *bound;
    struct http_listener *next;
};

static struct evconnlistener *listener_of(const struct http_listener *l)
{
    return evhttp_bound_socket_get_listener(l->bound);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
    const struct http *h = arg;
    const struct http_listener *l;

    (void)fd;
    (void)what;
    for (l = h->listeners; l != NULL; l = l->next)
        evconnlistener_enable(listener_of(l));
}

/* A listener accepts as long as somebody is there, unless it is disabled meanwhile. */
void http_rest_listening(struct http *h)
{
    const struct http_listener *l;

    for (l = h->listeners; l != NULL; l = l->next)
        evconnlistener_disable(listener_of(l));
    event_add(h->accept_again, &(struct timeval){0, 0});
}

/* Out of descriptors: a listener that stays ready would spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct http *h = arg;
    struct timeval tv = {0, ACCEPT_PAUSE_MS * 1000L};

    log_error("cannot accept a connection: %s; raise the descriptor limit (ulimit -n) or lower "
              "max_connections",
              strerror(errno));
    evconnlistener_disable(listener);
    event_add(h->accept_again, &tv);
}

int http_open(struct http *h, struct event_base *base, const struct http_options *opt,
              uint8_t worker)
{
    memset(h, 0, sizeof(*h));
    h->base = base;
    h->opt = *opt;
    h->count = &h->own_count;
    http_trust(h, opt->trusted_proxies);
    h->dead_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    h->evhttp = evhttp_new(base);
    if (h->evhttp == NULL || h->dead_fd < 0)
        return -1;
    slab_init(&h->reqs, sizeof(struct http_req), (uint32_t)opt->max_connections, worker);
    h->accept_again = evtimer_new(base, on_accept_again, h);
    http_pace_init(h);
    evhttp_set_bevcb(h->evhttp, http_filter_new, h);
    evhttp_set_gencb(h->evhttp, on_request, h);
    evhttp_set_allowed_methods(h->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                              EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                              EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    /* The filter's limits and deadlines are tighter; these are its safety net. Head and trailers each may be
     * so long; here they count together. */
    evhttp_set_max_headers_size(h->evhttp, 2 * (ev_ssize_t)opt->head.max_head_bytes + 1024);
    evhttp_set_max_body_size(h->evhttp, (ev_ssize_t)opt->head.max_body_bytes + 1024);
    evhttp_set_timeout(
        h->evhttp,
        (int)((opt->reply_timeout_ms + opt->idle_timeout_ms + opt->body_timeout_ms) / 1000) + 60);
    return 0;
}

int http_listen(struct http *h, unsigned key, int listen_fd)
{
    struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(h->evhttp, listen_fd);
    struct http_listener *l;

    if (bound == NULL)
        return -1;
    l = mem_alloc(sizeof(*l));
    l->key = key;
    l->bound = bound;
    l->next = h->listeners;
    h->listeners = l;
    evconnlistener_set_error_cb(listener_of(l), on_accept_error);
    return 0;
}

/* Closes the descriptor, once: its number may be somebody else's by the time of http_close. */
static void listener_close(struct http *h, struct http_listener **at)
{
    struct http_listener *l = *at;

    *at = l->next;
    evhttp_del_accept_socket(h->evhttp, l->bound);
    mem_free(l);
}

void http_unlisten(struct http *h, unsigned key)
{
    struct http_listener **at;

    for (at = &h->listeners; *at != NULL; at = &(*at)->next) {
        if ((*at)->key == key) {
            listener_close(h, at);
            return;
        }
    }
}

void http_stop_listening(struct http *h)
{
    while (h->listeners != NULL)
        listener_close(h, &h->listeners);
}

void http_end_idle(struct http *h)
{
    struct http_peer *peer, *next;

    h->is_closing = true;
    HASH_ITER(hh, h->peers, peer, next)
    {
        if (peer->phase == PHASE_IDLE)
            http_filter_hang_up(peer);
    }
}

void http_close(struct http *h)
{
    http_stop_listening(h);
    if (h->evhttp != NULL)
        evhttp_free(h->evhttp);
    http_pace_deinit(h);
    if (h->accept_again != NULL)
        event_free(h->accept_again);
    route_table_deinit(&h->routes);
    cidr_list_deinit(&h->trusted);
    slab_deinit(&h->reqs);
    close(h->dead_fd);
}
