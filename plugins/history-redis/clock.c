/* SPDX-License-Identifier: MIT */
/* Doubts steps of the clock. */
#include "clock.h"

int64_t clock_judge(struct clock *clock, int64_t wall_ms, int64_t mono_ms, bool *began_out)
{
    int64_t offset = wall_ms - mono_ms;

    *began_out = false;
    if (!clock->is_set || offset - clock->offset_ms < CLOCK_STEP_MS) {
        *clock = (struct clock){.offset_ms = offset, .is_set = true};
        return wall_ms;
    }
    if (clock->doubt_ms == 0) {
        clock->doubt_ms = mono_ms;
        *began_out = true;
    } else if (mono_ms - clock->doubt_ms >= CLOCK_DOUBT_MS) {
        *clock = (struct clock){.offset_ms = offset, .is_set = true};
        return wall_ms;
    }
    return clock->offset_ms + mono_ms;
}
