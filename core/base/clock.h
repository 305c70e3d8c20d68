/* SPDX-License-Identifier: MIT */
/* The two clocks, read once here so that nobody else asks the kernel in his own way. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970, may jump */
int64_t clock_mono_ms(void); /* never goes back */
int64_t clock_mono_ns(void);

#endif
