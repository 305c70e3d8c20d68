/* SPDX-License-Identifier: MIT */
/*
 * A clock to judge age by. One that is ahead by mistake would make everything old at once, and what is
 * deleted does not come back. So nothing is old for a while after a start, when there is nothing to compare
 * with; and a step ahead is believed after CLOCK_DOUBT_MS only. Pure.
 */
#ifndef HISTORY_REDIS_CLOCK_H
#define HISTORY_REDIS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_MS  60000   /* less is what clocks are set by */
#define CLOCK_DOUBT_MS 3600000 /* time for somebody to set it right */

struct clock {
    int64_t quiet_ms;  /* how long nothing is old after the start */
    int64_t start_ms;  /* mono */
    int64_t offset_ms; /* wall time less monotonic time, as it is believed */
    int64_t other_ms;  /* another one that is seen, and doubted */
    int64_t doubt_ms;  /* mono, since when */
    bool is_set, is_doubted;
};

/* For an age: nothing is old before that age, or CLOCK_DOUBT_MS, has passed. */
void clock_init(struct clock *clock, int64_t age_ms);

/* The time to judge by: `wall_ms`; while that is doubted, what it would be without the step; 0 at first.
 * *began_out: a doubt begins now. */
int64_t clock_judge(struct clock *clock, int64_t wall_ms, int64_t mono_ms, bool *began_out);

#endif
