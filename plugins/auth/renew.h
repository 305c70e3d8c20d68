/* SPDX-License-Identifier: MIT */
/*
 * Longer sessions without the password: POST /api/v1/session gives out the token of the caller anew,
 * with a later end, and the verb `session.refresh` moves the end of an open socket. A renewed token
 * keeps jti, iat and chatd_since, so that whatever revokes one of a session revokes them all.
 */
#ifndef AUTH_RENEW_H
#define AUTH_RENEW_H

#include "auth.h"

/* [init] Registers route and verb. */
int renew_init(struct auth *a);

#endif
