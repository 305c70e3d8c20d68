/* SPDX-License-Identifier: MIT */
/* "host:port" taken apart. */
#ifndef BASE_HOSTPORT_H
#define BASE_HOSTPORT_H

#include <stdbool.h>

/* "host:port", ":port" or "[v6]:port". True: *host_out (NULL for an empty host) and *port_out are the
 * caller's to mem_free(), and the port is a number up to 65535. False: neither is set. */
bool hostport_split(const char *text, char **host_out, char **port_out);

#endif
