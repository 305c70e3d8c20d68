/* SPDX-License-Identifier: MIT */
/* Pages of a room's log for who asks: the verb history.get, and GET /api/v1/rooms/{room}/messages. */
#ifndef ROOMS_HISTORY_H
#define ROOMS_HISTORY_H

#include "member.h"

/* [init] Adds the verb and the route. */
int history_register(struct rooms *rooms);

/* The connection has drained: reads the page that waits for it, if one does. */
void history_go_on(struct rooms *rooms, chatd_conn conn);

/* The connection ends, and with it the page that waits. */
void history_end(struct seat *seat);

#endif
