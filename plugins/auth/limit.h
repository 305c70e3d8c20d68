/* SPDX-License-Identifier: MIT */
/* A rate limit by client address: a bucket per address, in this worker's memory. Other workers'
 * tries are taken from it too, as far as they are told (tries.h). Pure. */
#ifndef AUTH_LIMIT_H
#define AUTH_LIMIT_H

#include <stdint.h>

/* Addresses remembered; the one that tried longest ago gives way. */
#define LIMIT_ADDRESSES_MAX 10000u

struct limit_row;

/* Zero is an empty limit. */
struct limit {
    struct limit_row *rows;
};

/* Takes one try of `address`, which may make `per_minute` of them (0: no limit) in a burst or
 * spread out. 0: allowed, else the milliseconds until one is allowed again. An IPv6 address counts
 * by its first 64 bits, since one household has all of the rest. */
uint32_t limit_take(struct limit *limit, const char *address, int64_t per_minute, int64_t now_ms);

/* Takes one try that was allowed elsewhere. When it is one too many, the address waits longer. */
void limit_note(struct limit *limit, const char *address, int64_t per_minute, int64_t now_ms);

void limit_deinit(struct limit *limit);

#endif
