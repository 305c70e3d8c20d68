/* SPDX-License-Identifier: MIT */
/* POST /register: a name and a password to an account. */
#ifndef AUTH_REGISTER_H
#define AUTH_REGISTER_H

struct auth;

/* [init] Registers the route. */
int register_init(struct auth *a);

#endif
