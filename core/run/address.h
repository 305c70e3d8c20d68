/* SPDX-License-Identifier: MIT */
/* The `listen` option: address and port to a socket, to listen on or to ask. */
#ifndef RUN_ADDRESS_H
#define RUN_ADDRESS_H

#include <stdbool.h>

/* False with a finished sentence in *error_out, which is the caller's to free: not host:port. */
bool address_check(const char *listen, char **error_out);

/* A listening socket, or -1 with a finished sentence in *error_out. *where_out: "127.0.0.1:8080" as
 * bound. Both are the caller's to free. */
int address_listen(const char *listen, char **where_out, char **error_out);

/* Asks the server that listens there for /livez: 0 if it answers 200, else 1 with a line on stderr. */
int address_health(const char *listen);

#endif
