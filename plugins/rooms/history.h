/* SPDX-License-Identifier: MIT */
/* Pages of a room's log for who asks: the verb history.get, and GET /api/v1/rooms/{room}/messages. */
#ifndef ROOMS_HISTORY_H
#define ROOMS_HISTORY_H

#include "rooms.h"

/* [init] Adds the verb and the route. */
int history_register(struct rooms *rooms);

#endif
