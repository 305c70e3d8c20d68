/* SPDX-License-Identifier: MIT */
/*
 * How many connections come from one client address at one time. IPv6 counts by its first 64 bits, of which
 * one household has all the rest.
 *
 * Private and local addresses are not counted, nor is what is no IP address: behind such a one may stand a proxy that
 * is not trusted, or a container's gateway, and with it everybody.
 */
#ifndef NET_CROWD_H
#define NET_CROWD_H

#include <stdbool.h>
#include <stdint.h>

struct crowd_row;

/* Zero is an empty one. There are never more rows than connections: each goes with its last one. */
struct crowd {
    struct crowd_row *rows;
};

/* Counts a connection of `address`, text as in http_req_address(). False: it has `max` already (0: it may have
 * any number). *row_out is for crowd_leave(); NULL: this one is not counted. */
bool crowd_enter(struct crowd *crowd, const char *address, int64_t max, struct crowd_row **row_out);
/* The row that an address is counted in; NULL: it is not. */
struct crowd_row *crowd_row(const struct crowd *crowd, const char *address);
void crowd_leave(struct crowd *crowd,
                 struct crowd_row **row); /* NULL afterwards, and fine before */

#endif
