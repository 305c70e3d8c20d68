/* SPDX-License-Identifier: MIT */
/*
 * The open WebSockets of this worker by the token that let them in, and these by their user, so that
 * a revoked token closes them. Those let in while the store could not be asked are looked up again until it answers.
 */
#ifndef AUTH_SOCKETS_H
#define AUTH_SOCKETS_H

#include <chatd/abi.h>

#include <stdbool.h>
#include <stdint.h>

struct auth;
struct socket_token;
struct socket_user;
struct token_claims;

struct sockets {
    int slot;                    /* of struct socket, on each connection */
    struct socket_token *tokens; /* by jti */
    struct socket_user *users;
    struct socket_token *unsure; /* those of them to be looked up, in order */
    uint32_t asking;             /* look-ups under way */
    bool paused;                 /* one failed: wait for the timer */
};

/* [init] Registers the slot and the event that closes what was revoked during its upgrade. */
int sockets_init(struct auth *a);

/* [start] The timer that looks up what could not be looked up. */
int sockets_start(struct auth *a);

/* [loop] In `upgrade`: the connection was let in by the token of `claims`; `sure`: which is known not
 * to be revoked. */
void sockets_add(struct auth *a, chatd_conn conn, const struct token_claims *claims, bool sure);

/* [loop] The token that a connection is let in by: all but when it ends. False: none of ours. */
bool sockets_get(struct auth *a, chatd_conn conn, struct token_claims *claims_out);

/* [loop] From now on the connection is let in by this token. */
void sockets_move(struct auth *a, chatd_conn conn, const struct token_claims *claims, bool sure);

/* [loop] Closes all sockets of a token with 4501; returns how many. */
unsigned sockets_close(struct auth *a, const char *jti);

/* [loop] The same for the tokens of a user that were made before this entry of auth-since. */
unsigned sockets_close_user(struct auth *a, const char *user, int64_t since_ms);

/* [loop] Looks up every token again, or those of one user: news may have been missed. */
void sockets_doubt(struct auth *a);
void sockets_doubt_user(struct auth *a, const char *user);

/* [loop] Goes on with the look-ups now: the store is back. */
void sockets_recheck(struct auth *a);

void sockets_deinit(struct auth *a);

#endif
