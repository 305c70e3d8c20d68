/* SPDX-License-Identifier: MIT */
/* Whom a request comes from, found once, when its head is there. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http.h"

/* Sets r->address, r->is_proxied and r->is_secure. Only what a trusted proxy sends is read: X-Forwarded-For and
 * X-Forwarded-Proto as net/forwarded.h says. */
void http_client_find(struct http_req *r);

/* Counts a new connection by its address, unless that is a trusted proxy's: then each request counts by its
 * client, as long as it is answered. False: max_per_address are there. */
bool http_client_admit_peer(struct http_peer *peer);
bool http_client_admit(struct http_req *r);

#endif
