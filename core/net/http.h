/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: a listener and evhttp, behind a filtering bufferevent that lets only well-formed
 * requests through (http_filter.h); routes; requests as slab objects that are answered now or later;
 * and the take-over of a socket for WebSocket.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/cidr.h"
#include "base/slab.h"
#include "net/crowd.h"
#include "net/http_head.h"
#include "net/route.h"

#include <event2/event.h>
#include <event2/http.h>

#include <stdbool.h>

struct http_listener;
struct http_peer;
struct http_req;

struct http_options {
    struct http_head_limits head;
    int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms; /* of the client */
    int64_t reply_timeout_ms;                                  /* of a handler */
    int64_t write_timeout_ms;           /* of a client, for HTTP_TAKE_BYTES of an answer */
    int64_t max_connections;            /* that speak HTTP at one time */
    int64_t max_per_address;            /* of them, from one client; 0: any number */
    const char *const *allowed_origins; /* ends with NULL; may be NULL */
    const char *const *cors_origins;    /* the same; see http_cors_may() */
    const char *const *trusted_proxies; /* the same; see http_trust() */
};

struct http_calls {
    void (*request)(void *arg, struct http_req *r); /* its route is set */
    void (*upgrade)(void *arg, struct http_req *r); /* a valid WebSocket upgrade, any path */
    bool (*is_socket)(void *arg, const char *path); /* the path is one for upgrades */
    void (*gone)(void *arg, struct http_req *r);    /* the client left; ended() follows */
    void (*ended)(void *arg, struct http_req *r);   /* last call: free what hangs on it */
    void *arg;
};

/* How an upgrade ended. */
enum handshake {
    HANDSHAKE_OTHER, /* with any other answer, or without one */
    HANDSHAKE_OK,    /* a WebSocket */
    HANDSHAKE_BAD_REQUEST,
    HANDSHAKE_UNAUTHORIZED,
    HANDSHAKE_FORBIDDEN,
    HANDSHAKE_NOT_FOUND,
    HANDSHAKE_FULL,
    HANDSHAKE_UNAVAILABLE,
    HANDSHAKES
};

/* As in net.h. */
struct http_counters {
    int64_t connections; /* now */
    int64_t requests, bad_requests, timeouts, refused_full, refused_address, refused_origin;
    int64_t refused_cors;
    int64_t handshakes[HANDSHAKES];
    int64_t made_room; /* connections ended for a newer one, see http_wait.h */
    int64_t lined;     /* times a request had to wait for another turn, see http_pace.h */
};

/* See http_pace.h. */
struct http_pace {
    struct timeval turn; /* the time by which it is known */
    int accepted, begun; /* in it */
    struct http_peer *line;
    struct event *again;
};

struct http {
    struct event_base *base;
    struct evhttp *evhttp;
    struct http_options opt;
    struct http_calls calls;
    struct http_counters *count;
    struct http_counters own_count; /* what `count` points to while nobody else wants it */
    struct route_table routes;
    struct slab reqs;
    struct crowd crowd; /* connections by their client; of trusted proxies, requests by theirs */
    struct http_peer *peers;      /* by the filter's address */
    struct http_peer *waited_for; /* see http_wait.h */
    struct cidr_list trusted;     /* proxies that are believed */
    bool has_told_untrusted;      /* one line for one that is not */
    struct event *accept_again;
    struct http_listener *listeners;
    struct http_pace pace;
    size_t n_peers;
    int dead_fd;     /* put in the place of a descriptor that was taken over */
    bool is_closing; /* answers end their connections */
};

struct http_note; /* memory that lives as long as the request */

struct http_req {
    struct http *http;
    struct http_peer *peer;
    struct evhttp_request *ev;
    uint64_t id;
    uint64_t conn; /* of an upgrade: the connection being made */
    struct route_match match;
    const char *method;
    char *path;                  /* raw, without the query */
    char address[IP_TEXT_BYTES]; /* of the client */
    struct crowd_row *place;     /* in http->crowd; NULL where the connection has one */
    bool is_proxied;             /* came through a trusted proxy */
    bool is_secure;              /* a trusted proxy says that the client came by https */
    char *user;                  /* NULL: nobody identified it */
    int64_t expires_ms;
    void *slots;
    struct http_note *notes;
    char *body; /* a copy with a NUL after it, made when asked for */
    struct event *deadline, *watch;
    int watch_fd; /* of watch */
    bool is_upgrade;
    enum handshake outcome; /* of an upgrade */
    bool has_left; /* its client: http_req_get() does not find it any more, nobody may answer */
};

/* Binds and listens. On failure *err_out is a finished sentence (mem_free it). */
int http_open(struct http *h, struct event_base *base, const struct http_options *opt,
              uint8_t worker);
/* Accepts from a listening socket, which is the server's from here on; `key` names it. -1: it is none. */
int http_listen(struct http *h, unsigned key, int listen_fd);
void http_unlisten(struct http *h, unsigned key); /* closes that one; unknown keys are fine */
void http_rest_listening(struct http *h);         /* for the rest of this turn */
void http_stop_listening(struct http *h);         /* closes all */
/* Ends the connections that wait for their next request, and each other one with its next answer. */
void http_end_idle(struct http *h);
void http_close(struct http *h);
struct http_req *http_req_get(struct http *h, uint64_t id);
/* Sets the proxies that are believed from now on, as words for cidr_list_add(); NULL: none. */
void http_trust(struct http *h, const char *const *words);

/* For the request: values live until it ends; NULL or a result as in pct.h. */
const char *http_req_header(struct http_req *r, const char *name);
/* One that may be there several times: the i-th from 0; NULL: there are no more. */
const char *http_req_header_at(struct http_req *r, const char *name, unsigned i);
const char *http_req_query_text(struct http_req *r); /* raw; NULL: none */
/* The client's, which a trusted proxy may have told. IPv4 is always a.b.c.d. */
const char *http_req_address(struct http_req *r);
const char *http_req_peer(struct http_req *r); /* the other end of the connection, proxy or not */
size_t http_req_body_bytes(struct http_req *r);
const char *http_req_body(struct http_req *r, size_t *n_out); /* with a NUL after it */
void *http_req_alloc(struct http_req *r, size_t n);

struct http_header {
    const char *name, *value;
};

/* Answers and ends the request: `r` is gone afterwards. */
void http_reply(struct http_req *r, unsigned status, const char *content_type, const void *body,
                size_t n, const struct http_header *headers, size_t n_headers);
void http_reply_error(struct http_req *r, unsigned status, const char *code, const char *message,
                      int64_t retry_ms, const struct http_header *headers, size_t n_headers);

/* Arms what a request needs that is not answered at once: the watch for a client that leaves. */
void http_req_wait(struct http_req *r);

/* Takes the socket over: returns the descriptor, and bytes that came after the head (mem_free them).
 * `r` is gone afterwards. */
int http_take_over(struct http_req *r, void **early_out, size_t *early_n_out);

/* True if the request has no Origin, its own, or an allowed one. Logs a refusal. */
bool http_origin_ok(struct http_req *r);

/* CORS (http_cors.c). Whether the request comes from a page elsewhere that may read its answer. */
bool http_cors_may(struct http_req *r);
/* What every answer says of that; nothing while cors_origins is empty. */
void http_cors_add(struct http_req *r, void (*add)(void *arg, const char *name, const char *value),
                   void *arg);
/* What the answer to an OPTIONS says besides, if it is a preflight of such a page. Logs and counts one of
 * another page. */
enum { HTTP_CORS_PREFLIGHT = 3 };
size_t http_cors_preflight(struct http_req *r, struct http_header out[HTTP_CORS_PREFLIGHT]);

#endif
