/* SPDX-License-Identifier: MIT */
/* Whose token a call about an account came with. */
#ifndef AUTH_CALLER_H
#define AUTH_CALLER_H

#include "auth.h"
#include "token.h"

/* [loop] Fills *claims_out, or answers the request itself and returns false. To be identified is not
 * enough here: another plugin may have done that, by something that is no account of ours. */
bool caller_get(struct auth *a, chatd_req req, struct token_claims *claims_out);

#endif
