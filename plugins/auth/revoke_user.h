/* SPDX-License-Identifier: MIT */
/*
 * Revoking all tokens of a user: a new time in auth-since (since.h), told to everybody over
 * chatd.bus. As with one token, the store is the truth and the bus only makes it quick.
 */
#ifndef AUTH_REVOKE_USER_H
#define AUTH_REVOKE_USER_H

#include "store.h"

/* [start] Subscribes to the news of other workers. */
int revoke_user_start(struct auth *a);
void revoke_user_stop(struct auth *a);

typedef void (*since_cb)(struct auth *a, int err, int64_t since_ms, void *arg);

/* [loop] Revokes whatever tokens `user` has; the sockets of this worker are closed before `cb` comes.
 * It comes once, later: CHATD_OK and the new entry, which the user's next token is made with; or an
 * error, when nothing was revoked (CHATD_E_TIMEOUT: it is not known). An error returned: no
 * callback. */
int revoke_user(struct auth *a, const char *user, since_cb cb, void *arg);

/* [loop] Reads the entry of a user (0: there is none), as for a token that is about to be made. Read
 * it before the password's hash: then a login that races with a change of password has a token that
 * this change revokes. As revoke_user(). */
int revoke_user_since(struct auth *a, const char *user, since_cb cb, void *arg);

/* What an answer of the store says of the entry; the error is CHATD_E_BACKEND, after a log line, for
 * one that is no time. */
int revoke_user_read(struct auth *a, const char *user, int err, chatd_str value,
                     int64_t *since_ms_out);

#endif
