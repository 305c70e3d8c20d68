/* SPDX-License-Identifier: MIT */
/* Arms, cancels and pops the timer wheel's entries in constant time each. */
#include "net/wheel.h"

#define SLOT_MASK (WHEEL_SLOTS - 1)
#define NOT_ARMED 0xff

/* A slot stands for the one second in from_s .. from_s + 63 that it is congruent to, so an entry need
   not store its time. To pop a slot its list is moved to `due` as a whole: what due() arms meanwhile
   gets into slots and never into the list that is being worked off. Entries keep their old slot number
   there; only the first one of a list has to know its head, and that is `due` exactly if `due` says so. */

void wheel_init(struct wheel *w, uint32_t now_s, struct wheel_link *(*link)(void *, uint32_t),
                void *ctx)
{
    for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
        w->head[slot] = WHEEL_NONE;
    }
    w->filled = 0;
    w->now_s = now_s;
    w->from_s = now_s;
    w->due = WHEEL_NONE;
    w->link = link;
    w->ctx = ctx;
}

void wheel_link_init(struct wheel_link *l)
{
    l->next = WHEEL_NONE;
    l->prev = WHEEL_NONE;
    l->slot = NOT_ARMED;
}

static void unlink_entry(struct wheel *w, uint32_t index, struct wheel_link *l)
{
    if (l->next != WHEEL_NONE) {
        w->link(w->ctx, l->next)->prev = l->prev;
    }
    if (l->prev != WHEEL_NONE) {
        w->link(w->ctx, l->prev)->next = l->next;
    } else if (w->due == index) {
        w->due = l->next;
    } else {
        w->head[l->slot] = l->next;
        if (l->next == WHEEL_NONE) {
            w->filled &= ~(UINT64_C(1) << l->slot);
        }
    }
    wheel_link_init(l);
}

void wheel_arm(struct wheel *w, uint32_t index, uint32_t at_s)
{
    wheel_cancel(w, index);
    if (at_s < w->now_s) {
        at_s = w->now_s;
    }
    if (at_s - w->from_s > WHEEL_AHEAD_S) {
        at_s = w->from_s + WHEEL_AHEAD_S;
    }
    uint8_t slot = at_s & SLOT_MASK;
    struct wheel_link *l = w->link(w->ctx, index);
    l->slot = slot;
    l->prev = WHEEL_NONE;
    l->next = w->head[slot];
    if (l->next != WHEEL_NONE) {
        w->link(w->ctx, l->next)->prev = index;
    }
    w->head[slot] = index;
    w->filled |= UINT64_C(1) << slot;
}

void wheel_cancel(struct wheel *w, uint32_t index)
{
    struct wheel_link *l = w->link(w->ctx, index);
    if (l->slot != NOT_ARMED) {
        unlink_entry(w, index, l);
    }
}

/* How many seconds after from_s the first filled slot lies; 64 when there is none. */
static unsigned first_filled(const struct wheel *w)
{
    if (w->filled == 0) {
        return WHEEL_SLOTS;
    }
    unsigned shift = w->from_s & SLOT_MASK;
    uint64_t from_here = w->filled >> shift;
    if (shift != 0) {
        from_here |= w->filled << (WHEEL_SLOTS - shift);
    }
    return (unsigned)__builtin_ctzll(from_here);
}

/* Moves the next slot that has become due to the empty `due` list. False when there is none. The slot
   of now_s itself is moved at most once in an advance, by *now_taken, and stays open for arming. */
static bool take_slot(struct wheel *w, bool *now_taken)
{
    uint32_t behind = w->now_s - w->from_s;
    unsigned skip = first_filled(w);
    if (*now_taken || skip > behind) {
        w->from_s = w->now_s;
        return false;
    }
    uint32_t second = w->from_s + skip;
    unsigned slot = second & SLOT_MASK;
    w->due = w->head[slot];
    w->head[slot] = WHEEL_NONE;
    w->filled &= ~(UINT64_C(1) << slot);
    *now_taken = second == w->now_s;
    w->from_s = second;
    return true;
}

unsigned wheel_advance(struct wheel *w, uint32_t now_s, unsigned max,
                       void (*due)(void *arg, uint32_t index), void *arg)
{
    if (now_s > w->now_s) {
        w->now_s = now_s;
    }
    if (w->now_s - w->from_s > WHEEL_AHEAD_S) {
        /* Every slot is due; which second each one stood for does not matter any more. */
        w->from_s = w->now_s - WHEEL_AHEAD_S;
    }
    unsigned popped = 0;
    bool now_taken = false;
    while (popped < max) {
        if (w->due == WHEEL_NONE && !take_slot(w, &now_taken)) {
            break;
        }
        uint32_t index = w->due;
        unlink_entry(w, index, w->link(w->ctx, index));
        popped++;
        due(arg, index);
    }
    return popped;
}

static bool list_is_sound(const struct wheel *w, uint32_t first, unsigned slot)
{
    /* A list whose first entry has no predecessor and whose others have the right one cannot loop. */
    uint32_t prev = WHEEL_NONE;
    for (uint32_t index = first; index != WHEEL_NONE;) {
        const struct wheel_link *l = w->link(w->ctx, index);
        if (l->prev != prev || l->slot >= WHEEL_SLOTS || (slot != NOT_ARMED && l->slot != slot)) {
            return false;
        }
        prev = index;
        index = l->next;
    }
    return true;
}

bool wheel_check(const struct wheel *w)
{
    for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
        bool filled = (w->filled >> slot & 1) != 0;
        if (filled != (w->head[slot] != WHEEL_NONE) || !list_is_sound(w, w->head[slot], slot)) {
            return false;
        }
    }
    return w->from_s <= w->now_s && w->now_s - w->from_s <= WHEEL_AHEAD_S &&
           list_is_sound(w, w->due, NOT_ARMED);
}
