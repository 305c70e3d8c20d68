/* SPDX-License-Identifier: MIT */
/* Who a request or a WebSocket belongs to: the hooks `http` and `upgrade`, and GET /api/v1/me. */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth.h"

/* [init] Registers hooks and route. */
int session_init(struct auth *a);

/* The token a request carries, in the Authorization header or, without one of the scheme Bearer, in
 * the cookie. CHATD_E_NOTFOUND: none, or one that is ambiguous. */
int session_token(struct auth *a, chatd_req req, chatd_str *token_out);

#endif
