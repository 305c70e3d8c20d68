/* SPDX-License-Identifier: MIT */
/* A latency histogram of fixed size: constant cost per sample, quantiles within 1/64 of their value. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_BUCKETS  ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

struct hist {
    uint64_t total;
    uint64_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *hist, uint64_t value);

/* The value that the fraction `q` (0..1) of all samples does not exceed, 0 without samples. Rounded
 * up to the end of its bucket, so a quantile is never reported better than it was. */
uint64_t hist_quantile(const struct hist *hist, double q);

#endif
