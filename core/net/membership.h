/* SPDX-License-Identifier: MIT */
/* The channels that one connection is in, and where in each. Most are in one, which needs no array. */
#ifndef NET_MEMBERSHIP_H
#define NET_MEMBERSHIP_H

#include <stdint.h>

struct channel;

struct membership {
    struct channel *channel;
    uint32_t place; /* index in the channel's member array */
};

/* Zero is none. Its members are membership.c's own, but for `n`. */
struct memberships {
    union {
        struct channel *only;     /* n is 1 */
        struct membership *array; /* n is more */
    } in;
    uint32_t place; /* in `only` */
    uint32_t n;
};

/* Where it is in the channel, to be read and set; NULL: it is not in there. Good until one is added or removed. */
uint32_t *memberships_place(struct memberships *m, const struct channel *channel);
void memberships_add(struct memberships *m, struct channel *channel,
                     uint32_t place); /* a new one */
void memberships_remove(struct memberships *m,
                        const struct channel *channel);       /* one that is there */
struct channel *memberships_any(const struct memberships *m); /* NULL: none */

#endif
