/* SPDX-License-Identifier: MIT */
/* Tokens a second. */
#include "base/bucket.h"

uint32_t bucket_take(struct bucket *b, int64_t rate, int64_t full, int64_t n, int64_t now_ms)
{
    if (rate == 0)
        return 0;
    b->milli = b->at_ms == 0 ? full * 1000 : b->milli + (now_ms - b->at_ms) * rate;
    b->at_ms = now_ms;
    if (b->milli > full * 1000)
        b->milli = full * 1000;
    if (b->milli < n * 1000)
        return (uint32_t)((n * 1000 - b->milli + rate - 1) / rate);
    b->milli -= n * 1000;
    return 0;
}
