/* SPDX-License-Identifier: MIT */
/* The order in which HTTP connections make room for others. */
#include "net/http_wait.h"

#include "net/http_filter.h"
#include "net/http_pace.h"

#include <utlist.h>

void http_wait_begin(struct http_peer *peer)
{
    http_wait_end(peer);
    peer->is_waited_for = true;
    DL_APPEND2(peer->http->waited_for, peer, wait_prev, wait_next);
}

void http_wait_end(struct http_peer *peer)
{
    if (!peer->is_waited_for)
        return;
    peer->is_waited_for = false;
    DL_DELETE2(peer->http->waited_for, peer, wait_prev, wait_next);
}

struct http_peer *http_wait_longest(struct http *h)
{
    struct http_peer *peer;

    DL_FOREACH2(h->waited_for, peer, wait_next)
    {
        if (peer->n_young == 0 && !http_pace_holds(peer))
            return peer;
    }
    return NULL;
}
