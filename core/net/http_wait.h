/* SPDX-License-Identifier: MIT */
/* The HTTP connections whose clients the server waits for - to say something, to end a head or a body, to take an answer -
 * those first that it has waited for longest. Where there are too many connections, these make room; but not those that
 * http_pace_holds(), which wait for the server, nor those so young that what they sent may not have been read yet. */
#ifndef NET_HTTP_WAIT_H
#define NET_HTTP_WAIT_H

struct http;
struct http_peer;

void http_wait_begin(struct http_peer *peer);        /* anew, behind all others */
void http_wait_end(struct http_peer *peer);          /* fine when it does not wait */
struct http_peer *http_wait_longest(struct http *h); /* NULL: there is none */

#endif
