/* SPDX-License-Identifier: MIT */
/* Password hashing in the shared CPU threads: one job per try, answered on the loop. */
#ifndef AUTH_HASHER_H
#define AUTH_HASHER_H

#include "password.h"

struct auth;

struct hasher_result {
    uint32_t matched;                   /* the password that was tried is right */
    char hash[PASSWORD_HASH_CHARS + 1]; /* the new hash to be stored; empty: none */
};

/* `result` is NULL unless rc is CHATD_OK; borrowed for the call. */
typedef void (*hasher_cb)(struct auth *a, int rc, const struct hasher_result *result, void *arg);

/* [loop] Hashes a new password with the configured cost. CHATD_E_BUSY, and no callback: the queue
 * is full. `password` is copied, and wiped when the thread is through with it. */
int hasher_make(struct auth *a, const char *password, hasher_cb cb, void *arg);

/* [loop] Tries a password against a stored hash (empty: there is no such account), in about the
 * time of the configured cost whatever the outcome. If it matches and the hash is of another cost or
 * kind, the result has a new one. */
int hasher_check(struct auth *a, const char *password, const char *stored, hasher_cb cb, void *arg);

/* [loop] The same, and if it matches the result has the hash of `fresh`, the new password. */
int hasher_change(struct auth *a, const char *password, const char *stored, const char *fresh,
                  hasher_cb cb, void *arg);

#endif
