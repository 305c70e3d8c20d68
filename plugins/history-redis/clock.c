/* SPDX-License-Identifier: MIT */
/* Doubts steps of the clock. */
#include "clock.h"

void clock_init(struct clock *clock, int64_t age_ms)
{
    *clock = (struct clock){.quiet_ms = age_ms < CLOCK_DOUBT_MS ? age_ms : CLOCK_DOUBT_MS};
}

static void believe(struct clock *clock, int64_t offset_ms)
{
    clock->offset_ms = offset_ms;
    clock->is_doubted = false;
}

int64_t clock_judge(struct clock *clock, int64_t wall_ms, int64_t mono_ms, bool *began_out)
{
    int64_t offset = wall_ms - mono_ms;

    *began_out = false;
    if (!clock->is_set) {
        clock->is_set = true;
        clock->start_ms = mono_ms;
        believe(clock, offset);
    } else if (offset - clock->offset_ms < CLOCK_STEP_MS) {
        believe(clock, offset);
    } else if (!clock->is_doubted || offset - clock->other_ms >= CLOCK_STEP_MS) {
        *began_out = clock->is_doubted = true; /* each further step has its own hour */
        clock->other_ms = offset;
        clock->doubt_ms = mono_ms;
    } else if (mono_ms - clock->doubt_ms >= CLOCK_DOUBT_MS) {
        believe(clock, offset);
    }
    return mono_ms - clock->start_ms < clock->quiet_ms ? 0 : clock->offset_ms + mono_ms;
}
