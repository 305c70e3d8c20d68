/* SPDX-License-Identifier: MIT */
/*
 * How much HTTP one turn of the loop does, so that a flood of connections or requests does not hold up the WebSockets: so
 * many are accepted, so many requests go on to their handlers; what is left has its turn after the others were looked at.
 */
#ifndef NET_HTTP_PACE_H
#define NET_HTTP_PACE_H

#include <stdbool.h>

struct http;
struct http_peer;

enum { HTTP_ACCEPTS_A_TURN = 32, HTTP_REQUESTS_A_TURN = 16 };

void http_pace_init(struct http *h);
void http_pace_deinit(struct http *h);
/* One was accepted. False: enough of them in this turn. */
bool http_pace_accept(struct http *h);
/* May it pass bytes on? False: it is in line, and its input is looked at again in its turn. */
bool http_pace_allows(struct http_peer *peer);
void http_pace_begun(struct http_peer *peer); /* a whole request was passed on */
/* Its input was looked at: it has no turn saved up. */
void http_pace_turn_over(struct http_peer *peer);
/* Does it wait for the server, and not the server for it: it is in line, or has its turn? */
bool http_pace_holds(const struct http_peer *peer);
void http_pace_leave(struct http_peer *peer); /* the line; fine when it is not there */

#endif
