/* SPDX-License-Identifier: MIT */
/* Judges whether a member saw every counter of its room once and in order. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct tally {
    uint64_t delivered; /* different messages, summed over members */
    uint64_t doubled;
    uint64_t reordered; /* came after one with a higher counter */
};

/* One member's position. A message that comes 64 or more counters late cannot be told from a
 * doubled one and counts as that; the lost count shows the difference. */
struct tally_position {
    uint64_t next;
    uint64_t seen; /* bit i: counter next - 1 - i has come */
};

void tally_position_init(struct tally_position *position);

/* True when the counter is new to this member. */
bool tally_note(struct tally *tally, struct tally_position *position, uint64_t counter);

#endif
