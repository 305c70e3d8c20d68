/* SPDX-License-Identifier: MIT */
/*
 * A clock to judge age by. One that was set ahead by mistake would make everything old at once, and what is
 * deleted does not come back: such a step is believed after CLOCK_DOUBT_MS only. Pure.
 */
#ifndef HISTORY_SQLITE_CLOCK_H
#define HISTORY_SQLITE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_MS  60000   /* less is what clocks are set by */
#define CLOCK_DOUBT_MS 3600000 /* time for somebody to set it right */

struct clock {
    int64_t offset_ms; /* wall time less monotonic time, as it is believed */
    int64_t doubt_ms;  /* since when another one is seen; 0: none is */
    bool is_set;
};

/* The time to judge by: `wall_ms`, or while that is doubted, what it would be without the step. *began_out: the
 * doubt begins now. */
int64_t clock_judge(struct clock *clock, int64_t wall_ms, int64_t mono_ms, bool *began_out);

#endif
