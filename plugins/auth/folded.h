/* SPDX-License-Identifier: MIT */
/*
 * Accounts taken over from a server that did not fold names. `users` may hold "Alice" as it was
 * typed there; nobody may register "alice" beside it. At start the plugin reads all of `users` once
 * and records such fields as users-folded[alice] = "Alice".
 */
#ifndef AUTH_FOLDED_H
#define AUTH_FOLDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth;
struct folded_waiter;

struct folded {
    bool done;
    bool failed;      /* a step failed; tried again soon */
    bool more;        /* of the scan: this page is not the last */
    uint32_t writing; /* writes of the current page not answered yet */
    int write_err;    /* of one of them */
    char *cursor;     /* where the current page begins: bytes */
    size_t cursor_n;
    char *next; /* where the next one begins */
    size_t next_n;
    struct folded_waiter *waiters;
    uint32_t n_waiters;
};

typedef void (*folded_cb)(struct auth *a, int err, void *arg);

/* [start] Begins to read `users`; nothing to do without a store. */
void folded_start(struct auth *a);

/* [loop] 1: all names are recorded, go on. CHATD_OK: `cb` will be called with CHATD_OK when they
 * are, or with an error. CHATD_E_BUSY, and no call: too many wait. */
int folded_wait(struct auth *a, folded_cb cb, void *arg);

/* [stop] Calls those who wait with CHATD_E_CANCELLED and frees the rest. */
void folded_deinit(struct auth *a);

#endif
