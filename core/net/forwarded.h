/* SPDX-License-Identifier: MIT */
/*
 * What proxies say of their client: the values of X-Forwarded-For and X-Forwarded-Proto. Pure; whether the
 * sender may be believed at all is for the caller to know.
 *
 * Each proxy adds at the right. What stands left of the first address that is not one of our proxies
 * may be made up by that one, so reading begins at the right and ends there.
 */
#ifndef NET_FORWARDED_H
#define NET_FORWARDED_H

#include "base/cidr.h"

#include <stdbool.h>
#include <stddef.h>

/* Elements of a list that are looked at, empty ones too: no chain of proxies is so long. */
enum { FORWARDED_ENTRIES_MAX = 32 };

/*
 * *ip is the address of the proxy that sent `list`, the X-Forwarded-For of all its lines, joined by commas;
 * it becomes the client's. That is the rightmost one which is not trusted; the leftmost if all are. An
 * element that is no address ends the reading, as does FORWARDED_ENTRIES_MAX: the last one read counts.
 * Empty elements are passed over (RFC 9110, 5.6.1).
 */
void forwarded_client(const char *list, size_t n, const struct cidr_list *trusted, struct ip *ip);

/* One element without blanks around it: a.b.c.d, a.b.c.d:port, IPv6, [IPv6] or [IPv6]:port. Quotes, names
 * and zones are none. On false *ip_out is left alone. */
bool forwarded_entry(const char *text, size_t n, struct ip *ip_out);

/* Whether the client of X-Forwarded-Proto speaks TLS: https, or wss, as some proxies say of an upgrade. In
 * a list the rightmost counts: the proxy next to us wrote that, the others may be the client's own. */
bool forwarded_is_https(const char *list, size_t n);

#endif
