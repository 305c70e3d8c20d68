/* SPDX-License-Identifier: MIT */
/*
 * HTTP requests on the server's loop: libcurl's multi interface, driven by chatd's watches and one timer.
 *
 * Any number of requests are under way at once, and none waits for another. Connections are kept and used again. What may be
 * connected to, how much is read and how long it may take is bounded here, for all of them.
 */
#ifndef WEBHOOK_WEB_H
#define WEBHOOK_WEB_H

#include "address.h"
#include "endpoint.h"

#include <chatd/chatd.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>

struct web_socket;
struct web_request;

struct web {
    chatd_plugin *self;
    const struct address_list *allow;
    CURLM *multi; /* NULL: not open */
    chatd_timer timer;
    int64_t due_ms; /* when libcurl wants to be called; -1: never */
    TAILQ_HEAD(web_sockets, web_socket) sockets;
    TAILQ_HEAD(web_requests, web_request) requests;
    bool is_global; /* curl_global_init() was called */
};

/* Borrowed for the callback. */
struct web_answer {
    int status; /* of HTTP; 0: there is no answer, and `why` says why */
    chatd_str body;
    const char *why;
    bool is_late;           /* the time was over */
    int64_t retry_after_ms; /* what the answer asks for; 0: nothing */
    double seconds;
};

/* `body` stays in place until `done` is called or the request is aborted. */
struct web_post {
    const struct endpoint *to;
    chatd_str body;
    const char *id; /* X-Chatd-Delivery */
    uint32_t timeout_ms;
    bool is_status_enough; /* an answer whose body is too large is one */
    void (*done)(chatd_plugin *self, const struct web_answer *answer, void *arg);
    void *arg;
};

/* [start] CHATD_OK, or an error that was logged; web_close() ends it either way. */
int web_open(struct web *web, chatd_plugin *self, const struct address_list *allow);

/* Requests under way are aborted. */
void web_close(struct web *web);

/* POSTs JSON to an endpoint whose addresses are known. `done` is called once, never before this returns. NULL: there is no
 * memory, and it is not called. */
struct web_request *web_post(struct web *web, const struct web_post *post);

/* Its `done` is not called. Not to be called in it. */
void web_abort(struct web_request *request);

/* When the loop does not turn any more: waits until something happens, or `until_ms` (monotonic), and deals with it. */
void web_turn(struct web *web, int64_t until_ms);

#endif
