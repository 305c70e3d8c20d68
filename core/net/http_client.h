/* SPDX-License-Identifier: MIT */
/* Whom a request comes from, found once, when its head is there. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http.h"

/* Sets r->address and r->is_secure. Only what a trusted proxy sends is read: X-Forwarded-For and
 * X-Forwarded-Proto as net/forwarded.h says. */
void http_client_find(struct http_req *r);

#endif
