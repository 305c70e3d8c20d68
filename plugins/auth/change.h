/* SPDX-License-Identifier: MIT */
/* POST /api/v1/password. */
#ifndef AUTH_CHANGE_H
#define AUTH_CHANGE_H

#include "auth.h"

/* [init] Registers the route. */
int change_init(struct auth *a);

#endif
