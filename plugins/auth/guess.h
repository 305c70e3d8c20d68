/* SPDX-License-Identifier: MIT */
/*
 * Wrong passwords by account, whatever address they come from. A guesser with many addresses must not
 * shut the owner out: an address from which the account was logged in to lately has a bucket of its
 * own with it (auth-known in chatd.kv). Names that nobody has are counted just the same.
 */
#ifndef AUTH_GUESS_H
#define AUTH_GUESS_H

#include "names.h"
#include "network.h"

#include <stdint.h>

struct auth;

#define GUESS_KEY_BYTES (2u + NETWORK_BYTES + NAME_FIELD_MAX + 1u)

/* One try. Zero is one that does not count. */
struct guess {
    char place[GUESS_KEY_BYTES];  /* network and account: the key in auth-known */
    char bucket[GUESS_KEY_BYTES]; /* that it was taken from; empty: from none */
    uint32_t retry_ms;
};

/* `retry_ms` 0: go on, else when to come back. */
typedef void (*guess_cb)(struct auth *a, uint32_t retry_ms, void *arg);

/* [loop] Takes a try, and calls back at once or later. The name is as typed; of one that is too long
 * for an account its beginning counts. `guess` must live till then. */
void guess_begin(struct auth *a, chatd_str name, const char *address, struct guess *guess,
                 guess_cb cb, void *arg);

/* [loop] How it came out, if it did: only wrong ones stay taken. A right one makes the address known. */
void guess_right(struct auth *a, struct guess *guess);
void guess_wrong(struct auth *a, struct guess *guess);
void guess_end(struct auth *a, struct guess *guess);

#endif
