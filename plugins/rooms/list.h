/* SPDX-License-Identifier: MIT */
/* GET /api/v1/rooms: the rooms of the directory and those with members here. */
#ifndef ROOMS_LIST_H
#define ROOMS_LIST_H

#include "rooms.h"

/* [init] Adds the route. */
int list_register(struct rooms *rooms);

/* Counts the rooms of the directory (rooms->listed), unless that is under way. */
void list_count(struct rooms *rooms);

#endif
