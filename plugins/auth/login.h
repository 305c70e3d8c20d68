/* SPDX-License-Identifier: MIT */
/* POST /login: a name and a password to a token. */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

struct auth;

/* [init] Registers the route. */
int login_init(struct auth *a);

#endif
