/* SPDX-License-Identifier: MIT */
/* Giving somebody a token, as the answer to a request. */
#ifndef AUTH_GRANT_H
#define AUTH_GRANT_H

#include "auth.h"

/* [loop] Answers 200 with a new token of `user`, in the body and as the cookie. `since_ms` is what
 * auth-since held before the password was tried (revoke_user.h). CHATD_E_INVAL: no token could be
 * made, and nothing was answered; else as chatd_reply(). */
int grant_token(struct auth *a, chatd_req req, const char *user, int64_t since_ms);

#endif
