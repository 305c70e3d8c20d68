/* SPDX-License-Identifier: MIT */
/* Random bytes fit for keys and tokens. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *buf, size_t n); /* never fails: aborts if the kernel has none */
uint64_t rng_u64(void);

#endif
