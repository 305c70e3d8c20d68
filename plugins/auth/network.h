/* SPDX-License-Identifier: MIT */
/* The part of a client's address that limits count by. Pure. */
#ifndef AUTH_NETWORK_H
#define AUTH_NETWORK_H

#define NETWORK_BYTES 64u

/* Writes the part of an address that one client cannot choose freely: all of IPv4, the first 64 bits of
 * IPv6, since one household has all of the rest. Something that is no IP address (a socket of the file
 * system) is one client. Returns `out`. */
const char *network_of(const char *address, char out[NETWORK_BYTES]);

#endif
