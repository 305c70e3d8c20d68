/* SPDX-License-Identifier: MIT */
/*
 * Revoking a token: written to chatd.kv until it would have expired, told to everybody over
 * chatd.bus, remembered here. The store is the truth; the bus only makes it quick. And asking whether
 * a token is revoked, alone or with all of its user's (revoke_user.h).
 */
#ifndef AUTH_REVOKE_H
#define AUTH_REVOKE_H

#include "store.h"
#include "token.h"

/* [start] Subscribes to the news of other workers. */
int revoke_start(struct auth *a);
void revoke_stop(struct auth *a);

typedef void (*revoke_cb)(struct auth *a, int err, void *arg);

/* [loop] Revokes the token of `claims`; its sockets of this worker are closed before the return.
 * `cb` comes once, later: CHATD_OK, or an error when the store did not take it. An error returned:
 * no callback. */
int revoke_token(struct auth *a, const struct token_claims *claims, revoke_cb cb, void *arg);

/* What is known about a token without asking the store. */
enum revoked_state revoke_known(struct auth *a, const struct token_claims *claims);

/* [loop] Asks the store whether a token was revoked; REVOKED_UNKNOWN: it does not answer. An error
 * returned: no callback. The claims must live until then. */
typedef void (*revoke_ask_cb)(struct auth *a, enum revoked_state state, void *arg);
int revoke_ask(struct auth *a, const struct token_claims *claims, revoke_ask_cb cb, void *arg);

#endif
