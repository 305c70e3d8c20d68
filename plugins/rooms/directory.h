/* SPDX-License-Identifier: MIT */
/* The namespace `rooms` of chatd.kv: which rooms have records, on all workers and hosts, and how many
 * there may be. Without a chatd.kv or a chatd.log nothing is kept and nothing is refused. */
#ifndef ROOMS_DIRECTORY_H
#define ROOMS_DIRECTORY_H

#include "room.h"

#define DIRECTORY_NS CHATD_STR("rooms")

/* False: it would be one room more than `rooms_max`; *why_out says so. The number is as of the last
 * count, so that several workers may overshoot a little. */
bool directory_admits(const struct room *room, struct refusal *why_out);

/* The room has a record: puts it in, once. */
void directory_add(struct room *room);

#endif
