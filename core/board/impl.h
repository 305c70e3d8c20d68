/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef BOARD_IMPL_H
#define BOARD_IMPL_H

#include "board/seat.h"

enum {
    /* Parts are mapped and protected by themselves: a multiple of every machine's page. */
    BOARD_HEAD_BYTES = 65536,
    /* How often a reader begins again while the master changes things, which takes it microseconds. One
     * that died in the middle of a change must not stop us: the last try counts as it is. */
    BOARD_TRIES = 20
};

struct board {
    unsigned char *map;
    size_t map_bytes;
    unsigned n_seats, own;
    int fd;
    unsigned depth;                  /* of changes that have begun */
    uint64_t freed[BOARD_SEATS_MAX]; /* when a seat was given back, as a running number */
    uint64_t n_freed;
    bool told_full;
};

_Static_assert(sizeof(struct board_head) <= BOARD_HEAD_BYTES, "the head has its size");

/* The head's sequence number, even; read_done() is true when nothing has changed since. `tries` counts
 * up from 0. */
uint32_t board_read_begin(struct board *b, unsigned *tries);
bool board_read_done(struct board *b, uint32_t seq, unsigned tries);

#endif
