/* SPDX-License-Identifier: MIT */
/* The `listen` option: address and port to sockets, to listen on or to ask. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>

/* A listening socket, or -1 with a finished sentence in *error_out. *where_out: "127.0.0.1:8080" as
 * bound. Both are the caller's to free. *lock_out keeps another chatd off the address also while nothing
 * listens there, which the kernel alone would not; the caller closes it when it is done with all of them. */
int address_listen(const char *listen, int *lock_out, char **where_out, char **error_out);

/* `n` sockets bound to one address by SO_REUSEPORT, which the kernel shares connections out to as soon
 * as they listen. 0, or -1 as address_listen(), also when a socket of others has the address. */
int address_bind(const char *listen, unsigned n, int *fd_out, int *lock_out, char **where_out,
                 char **error_out);
/* One more beside another of them. -1 with errno, for one: the first does not share its address. */
int address_bind_beside(int fd);
/* Bound sockets begin to listen. Whoever does not accept from one swallows its share of clients. */
bool address_open(int fd);

/* Asks the server that listens there for /livez: 0 if it answers 200, else 1 with a line on stderr. */
int address_health(const char *listen);

#endif
