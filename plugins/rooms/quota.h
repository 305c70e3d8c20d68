/* SPDX-License-Identifier: MIT */
/*
 * Buckets (chatd/bucket.h) of users or addresses, found by a number, in a table that does not grow: QUOTA_ROWS rows, in
 * sets of eight. A row whose buckets are all full says nothing, and is the first to give way; without one in the
 * set that which is full soonest does. Pure.
 */
#ifndef ROOMS_QUOTA_H
#define ROOMS_QUOTA_H

#include <chatd/abi.h>

#include <stdint.h>

enum quota_bucket { QUOTA_MESSAGES, QUOTA_BYTES, QUOTA_JOINS, QUOTA_SIGNALS, QUOTA_BUCKETS };

#define QUOTA_ROWS      16384u
#define QUOTA_KEY_BYTES 16u /* of quota_key(); drawn, so that nobody can aim at a set */

struct quota_row {
    uint64_t of; /* 0: free */
    int64_t bucket[QUOTA_BUCKETS];
};

/* Zero is an empty one. */
struct quota {
    struct quota_row *rows;
};

/* The number of a name, never 0: SipHash-2-4 (Aumasson and Bernstein 2012). */
uint64_t quota_key(const uint8_t key[QUOTA_KEY_BYTES], chatd_str name);

/* The row of a number, good until the next call; NULL: no memory. */
struct quota_row *quota_row(struct quota *quota, uint64_t of);

void quota_deinit(struct quota *quota);

#endif
