/* SPDX-License-Identifier: MIT */
/* A timer wheel of 64 one-second slots over the entries of a slab, for keep-alives. */
#ifndef CHATD_NET_WHEEL_H
#define CHATD_NET_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_NONE    0xffffffu /* no index of a slab's */
#define WHEEL_SLOTS   64
#define WHEEL_AHEAD_S (WHEEL_SLOTS - 1) /* the furthest an entry can be armed */

/* One per slab entry; the slab may move, as links are found by index each time. */
struct wheel_link {
    uint32_t next;
    uint32_t prev : 24;
    uint32_t slot : 8; /* where it was armed, or 0xff: not armed */
};

/* Its members are the wheel's own. */
struct wheel {
    uint32_t head[WHEEL_SLOTS];
    uint64_t filled; /* bit n: slot n has entries */
    uint32_t now_s;  /* the time of the last wheel_advance */
    uint32_t from_s; /* the earliest second that may have entries; behind now_s after a stop */
    uint32_t due;    /* the entries of the slot that is being popped */
    struct wheel_link *(*link)(void *ctx, uint32_t index);
    void *ctx;
};

/* Time is in whole seconds of a clock that never goes back and comes in from outside. */
void wheel_init(struct wheel *w, uint32_t now_s, struct wheel_link *(*link)(void *, uint32_t),
                void *ctx);

void wheel_link_init(struct wheel_link *l);

/* Arms the entry, or moves it when it is armed. What is due already fires with the next advance; what
   is more than 63 s ahead is put 63 s ahead, and while entries are left over from a stop at `max` it
   may be up to that delay less. An entry can fire early, then, and never late: its owner compares with
   the time it wants and arms again. */
void wheel_arm(struct wheel *w, uint32_t index, uint32_t at_s);

/* No-op when it is not armed. */
void wheel_cancel(struct wheel *w, uint32_t index);

/* Pops the entries with at <= now_s, at most `max`, second by second, and calls due(arg, index) with
   each already unlinked. due() may arm and cancel any entry; one that it keeps arming for now does not
   keep the call busy, it is popped again once at most and then with the next. Returns the number popped; when that is `max` the rest stays due for the next call. */
unsigned wheel_advance(struct wheel *w, uint32_t now_s, unsigned max,
                       void (*due)(void *arg, uint32_t index), void *arg);

/* Whether the structure is sound; costs a walk over all armed entries, for tests. */
bool wheel_check(const struct wheel *w);

#endif
