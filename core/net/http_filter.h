/* SPDX-License-Identifier: MIT */
/*
 * What stands between the socket and evhttp for each HTTP connection: checks heads and bodies as raw
 * bytes, lets one request through at a time, and carries the deadlines, which no trickle of bytes
 * can stretch.
 */
#ifndef NET_HTTP_FILTER_H
#define NET_HTTP_FILTER_H

#include "net/http.h"

#include <event2/bufferevent.h>

#include <uthash.h>

/* ANSWER: the handler has its turn, or the answer leaves; TAKE: the client has to take more of it. */
enum http_phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_ANSWER, PHASE_TAKE, PHASE_FAILED };

enum { HTTP_TAKE_BYTES = 32768 };

struct http_peer {
    struct http *http;
    struct bufferevent *filter, *under;
    struct event *timer; /* the deadline of the phase */
    struct event *kick;  /* later in this turn: writes what evhttp put out, takes up what waits */
    struct event *writable; /* while the socket takes no more of an answer */
    struct http_req *req;
    struct http_head head;
    enum http_phase phase;
    size_t drained;
    int64_t owed; /* in PHASE_TAKE: what the kernel held when its deadline was set, and got since */
    struct crowd_row *place; /* in http->crowd */
    bool is_placed;          /* its address was looked at */
    bool is_surplus;         /* came when max_connections were there, all being answered */
    bool is_waited_for;      /* see http_wait.h */
    struct http_peer *wait_prev, *wait_next;
    bool is_in_line, has_turn; /* see http_pace.h */
    unsigned n_young;          /* turns of the loop in which it makes no room yet */
    struct http_peer *line_prev, *line_next;
    UT_hash_handle hh;
};

struct bufferevent *http_filter_new(struct event_base *base, void *http); /* for evhttp_set_bevcb */
struct http_peer *http_filter_peer(struct http *h, struct evhttp_request *ev);
void http_filter_answered(
    struct http_peer *peer); /* the reply has left: the next request may come */
void http_filter_hang_up(struct http_peer *peer); /* closes it, in a later turn */
/* A complete error answer, headers included, as text in out; returns its length. */
size_t http_error_text(unsigned status, const char *code, const char *reason, char *out,
                       size_t out_bytes);
const char *http_status_text(unsigned status);
/* The headers that every answer has, unless its handler gave its own; ends with a NULL name. */
extern const struct http_header http_common_headers[];

#endif
