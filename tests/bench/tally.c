/* SPDX-License-Identifier: MIT */
/* Keeps, for each member, the next counter due and a window of those before it. */
#include "tally.h"

#define WINDOW 64

void tally_position_init(struct tally_position *position)
{
    position->next = 1;
    position->seen = UINT64_MAX;
}

bool tally_note(struct tally *tally, struct tally_position *position, uint64_t counter)
{
    if (counter >= position->next) {
        uint64_t steps = counter - position->next + 1;
        position->seen = steps < WINDOW ? position->seen << steps | 1 : 1;
        position->next = counter + 1;
        tally->delivered++;
        return true;
    }
    uint64_t age = position->next - 1 - counter;
    if (age >= WINDOW || (position->seen >> age & 1)) {
        tally->doubled++;
        return false;
    }
    position->seen |= (uint64_t)1 << age;
    tally->reordered++;
    tally->delivered++;
    return true;
}
