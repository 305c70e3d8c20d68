/* SPDX-License-Identifier: MIT */
/* Counts what a turn does of HTTP, and keeps the line of those that wait for the next one. */
#include "net/http_pace.h"

#include "net/http_filter.h"

#include <event2/event.h>
#include <utlist.h>

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct http_pace *pace = &((struct http *)arg)->pace;
    int n;

    (void)fd;
    (void)what;
    for (n = 0; n < HTTP_REQUESTS_A_TURN && pace->line != NULL; n++) {
        struct http_peer *peer = pace->line;

        http_pace_leave(peer);
        peer->has_turn = true;
        bufferevent_trigger(peer->under, EV_READ, BEV_OPT_DEFER_CALLBACKS);
    }
    if (pace->line != NULL)
        event_add(pace->again, &(struct timeval){0, 0});
}

void http_pace_init(struct http *h)
{
    h->pace.again = evtimer_new(h->base, on_again, h);
}

void http_pace_deinit(struct http *h)
{
    if (h->pace.again != NULL)
        event_free(h->pace.again);
}

/* The loop reads its clock once a turn. */
static void see_turn(struct http *h)
{
    struct timeval now;

    event_base_gettimeofday_cached(h->base, &now);
    if (now.tv_sec == h->pace.turn.tv_sec && now.tv_usec == h->pace.turn.tv_usec)
        return;
    h->pace.turn = now;
    h->pace.accepted = h->pace.begun = 0;
}

bool http_pace_accept(struct http *h)
{
    see_turn(h);
    return ++h->pace.accepted < HTTP_ACCEPTS_A_TURN;
}

bool http_pace_allows(struct http_peer *peer)
{
    struct http *h = peer->http;

    see_turn(h);
    if (peer->has_turn || (h->pace.line == NULL && h->pace.begun < HTTP_REQUESTS_A_TURN))
        return true;
    if (!peer->is_in_line) {
        peer->is_in_line = true;
        DL_APPEND2(h->pace.line, peer, line_prev, line_next);
        h->count->lined++;
        event_add(h->pace.again, &(struct timeval){0, 0});
    }
    return false;
}

void http_pace_begun(struct http_peer *peer)
{
    peer->http->pace.begun++;
}

void http_pace_turn_over(struct http_peer *peer)
{
    peer->has_turn = false;
}

bool http_pace_holds(const struct http_peer *peer)
{
    return peer->is_in_line || peer->has_turn;
}

void http_pace_leave(struct http_peer *peer)
{
    if (!peer->is_in_line)
        return;
    peer->is_in_line = false;
    DL_DELETE2(peer->http->pace.line, peer, line_prev, line_next);
}
