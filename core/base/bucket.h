/* SPDX-License-Identifier: MIT */
/* A token bucket in integers. Pure. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdint.h>

/* Zero is one that was never used, hence full. */
struct bucket {
    int64_t at_ms, milli; /* thousandths of a token */
};

/* Takes `n` tokens of a bucket that gains `rate` a second (0: no limit) and holds `full`. 0: taken, else the
 * milliseconds until there are as many; none was taken then. `now_ms` is monotonic and above 0. */
uint32_t bucket_take(struct bucket *b, int64_t rate, int64_t full, int64_t n, int64_t now_ms);

#endif
