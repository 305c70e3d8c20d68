/* SPDX-License-Identifier: MIT */
/* Where libcurl and chatd's loop meet. */
#include "web.h"

#include "request.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define KEPT_MAX 64L /* connections that are kept for later requests */

struct web_socket {
    TAILQ_ENTRY(web_socket) link;
    struct web *web;
    curl_socket_t fd;
    int events; /* enum chatd_watch_event */
    chatd_watch watch;
};

/* --- after libcurl has worked ----------------------------------------------------------------- */

/* Tells what has ended. Callbacks may begin and abort other requests. */
static void collect(struct web *web)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(web->multi, &left)) != NULL) {
        struct web_request *request = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        if (message->msg == CURLMSG_DONE && request != NULL)
            request_finish(request, message->data.result);
    }
}

static void act(struct web *web, curl_socket_t fd, int flags)
{
    int running;

    curl_multi_socket_action(web->multi, fd, flags, &running);
    collect(web);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static int flags_of(int events)
{
    return (events & CHATD_WATCH_READ ? CURL_CSELECT_IN : 0) |
           (events & CHATD_WATCH_WRITE ? CURL_CSELECT_OUT : 0);
}

/* An error of the socket comes as both. */
static void on_ready(chatd_plugin *self, int fd, int events, void *arg)
{
    struct web_socket *s = arg; /* libcurl may end it */

    (void)self;
    act(s->web, fd, flags_of(events));
}

static void socket_end(struct web *web, struct web_socket *s)
{
    if (s == NULL)
        return;
    chatd_watch_cancel(web->self, s->watch);
    TAILQ_REMOVE(&web->sockets, s, link);
    free(s);
}

static struct web_socket *socket_new(struct web *web, curl_socket_t fd, int events)
{
    struct web_socket *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->web = web;
    s->fd = fd;
    TAILQ_INSERT_TAIL(&web->sockets, s, link);
    curl_multi_assign(web->multi, fd, s);
    if (chatd_watch_start(web->self, fd, events, on_ready, s, &s->watch) < 0)
        chatd_log(web->self, CHATD_LOG_ERROR, "a socket cannot be watched: its request will fail");
    return s;
}

/* libcurl says what it waits for. One that cannot be watched runs into its time limit: a -1 would end all others too. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct web *web = arg;
    struct web_socket *s = socket_arg;
    int events = (what & CURL_POLL_IN ? CHATD_WATCH_READ : 0) |
                 (what & CURL_POLL_OUT ? CHATD_WATCH_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        socket_end(web, s);
        return 0;
    }
    if (s == NULL)
        s = socket_new(web, fd, events);
    else
        chatd_watch_set(web->self, s->watch, events);
    if (s != NULL)
        s->events = events;
    return 0;
}

/* --- time ------------------------------------------------------------------------------------- */

static void on_due(chatd_plugin *self, void *arg)
{
    struct web *web = arg;

    (void)self;
    web->due_ms = -1;
    act(web, CURL_SOCKET_TIMEOUT, 0);
}

/* It must not be called from here, hence a timer for 0, too. */
static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct web *web = arg;
    int64_t after_ms = ms < INT32_MAX ? ms : INT32_MAX;

    (void)multi;
    chatd_timer_cancel(web->self, web->timer);
    web->due_ms = ms < 0 ? -1 : chatd_mono_ms(web->self) + after_ms;
    if (ms >= 0)
        chatd_timer_start(web->self, (uint32_t)after_ms, 0, on_due, web, &web->timer);
    return 0;
}

void web_turn(struct web *web, int64_t until_ms)
{
    int64_t now = chatd_mono_ms(web->self);
    int64_t end = web->due_ms >= 0 && web->due_ms < until_ms ? web->due_ms : until_ms;
    struct web_socket *s;
    struct pollfd *fds;
    size_t n = 0, i = 0;

    for (s = TAILQ_FIRST(&web->sockets); s != NULL; s = TAILQ_NEXT(s, link))
        n++;
    fds = calloc(n + 1, sizeof(*fds));
    if (fds == NULL)
        return;
    for (s = TAILQ_FIRST(&web->sockets); s != NULL; s = TAILQ_NEXT(s, link)) {
        fds[i].fd = s->fd;
        fds[i++].events = (short)((s->events & CHATD_WATCH_READ ? POLLIN : 0) |
                                  (s->events & CHATD_WATCH_WRITE ? POLLOUT : 0));
    }
    poll(fds, (nfds_t)n, end > now ? (int)(end - now) : 0);
    for (i = 0; i < n; i++) {
        if (fds[i].revents !=
            0) /* one that has gone meanwhile is unknown to libcurl, which is fine */
            act(web, fds[i].fd,
                (fds[i].revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
                    (fds[i].revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
                    (fds[i].revents & POLLERR ? CURL_CSELECT_ERR : 0));
    }
    free(fds);
    if (web->due_ms >= 0 && web->due_ms <= chatd_mono_ms(web->self))
        on_due(web->self, web);
}

/* --- life ------------------------------------------------------------------------------------- */

int web_open(struct web *web, chatd_plugin *self, const struct address_list *allow)
{
    int rc = 0;

    *web = (struct web){.self = self, .allow = allow, .due_ms = -1};
    TAILQ_INIT(&web->sockets);
    TAILQ_INIT(&web->requests);
    web->is_global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    web->multi = web->is_global ? curl_multi_init() : NULL;
    if (web->multi != NULL) {
        rc |= curl_multi_setopt(web->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        rc |= curl_multi_setopt(web->multi, CURLMOPT_SOCKETDATA, web);
        rc |= curl_multi_setopt(web->multi, CURLMOPT_TIMERFUNCTION, on_timer);
        rc |= curl_multi_setopt(web->multi, CURLMOPT_TIMERDATA, web);
        rc |= curl_multi_setopt(web->multi, CURLMOPT_MAXCONNECTS, KEPT_MAX);
    }
    if (web->multi != NULL && rc == 0)
        return CHATD_OK;
    chatd_log(self, CHATD_LOG_ERROR, "libcurl cannot be set up");
    return CHATD_E_BACKEND;
}

void web_close(struct web *web)
{
    struct web_socket *s, *next;

    while (web->multi != NULL && !TAILQ_EMPTY(&web->requests))
        web_abort(TAILQ_FIRST(&web->requests));
    curl_multi_cleanup(web->multi); /* calls on_socket() for those that are kept open */
    web->multi = NULL;
    for (s = TAILQ_FIRST(&web->sockets); s != NULL; s = next) {
        next = TAILQ_NEXT(s, link);
        socket_end(web, s);
    }
    if (web->is_global)
        curl_global_cleanup();
    web->is_global = false;
}
