/* SPDX-License-Identifier: MIT */
/* Counts latencies in buckets whose width grows with the value. */
#include "hist.h"

#include <stddef.h>

/* Values below 2^HIST_SUB_BITS have a bucket each; above, every power of two is cut into
 * 2^HIST_SUB_BITS equal buckets. */
static size_t bucket_of(uint64_t value)
{
    if (value < (1u << HIST_SUB_BITS))
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
    return ((size_t)(shift + 1) << HIST_SUB_BITS) + (size_t)(value >> shift) -
           (1u << HIST_SUB_BITS);
}

static uint64_t bucket_end(size_t index)
{
    if (index < (1u << HIST_SUB_BITS))
        return index;
    unsigned shift = (unsigned)(index >> HIST_SUB_BITS) - 1;
    uint64_t mantissa = (index & ((1u << HIST_SUB_BITS) - 1)) + (1u << HIST_SUB_BITS);
    return ((mantissa + 1) << shift) - 1;
}

void hist_add(struct hist *hist, uint64_t value)
{
    hist->bucket[bucket_of(value)]++;
    hist->total++;
}

uint64_t hist_quantile(const struct hist *hist, double q)
{
    uint64_t wanted = (uint64_t)(q * (double)hist->total);
    uint64_t below = 0;

    if (wanted >= hist->total)
        wanted = hist->total ? hist->total - 1 : 0;
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        below += hist->bucket[i];
        if (below > wanted)
            return bucket_end(i);
    }
    return 0;
}
