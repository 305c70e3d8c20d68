/* SPDX-License-Identifier: MIT */
/* POST /logout: revokes the token it comes with. */
#ifndef AUTH_LOGOUT_H
#define AUTH_LOGOUT_H

struct auth;

/* [init] Registers the route. */
int logout_init(struct auth *a);

#endif
