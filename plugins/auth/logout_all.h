/* SPDX-License-Identifier: MIT */
/* POST /api/v1/logout-all. */
#ifndef AUTH_LOGOUT_ALL_H
#define AUTH_LOGOUT_ALL_H

#include "auth.h"

/* [init] Registers the route. */
int logout_all_init(struct auth *a);

#endif
