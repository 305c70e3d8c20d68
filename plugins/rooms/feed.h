/* SPDX-License-Identifier: MIT */
/* Where a room's news come from: the subscription at chatd.log and the topic on chatd.bus. */
#ifndef ROOMS_FEED_H
#define ROOMS_FEED_H

#include "room.h"

/* Subscribes a room to its log from ring.last on, in the epoch of a page. Then it is live. */
int feed_open(struct room *room, const struct chatd_log_page *page);
void feed_close(struct room *room);

/* The room's topic, for signals and, without a chatd.log, for messages. */
int feed_open_bus(struct room *room);
void feed_close_bus(struct room *room);

/* Sends to the room's topic, on every worker. */
int feed_publish(struct rooms *rooms, chatd_str room, chatd_str data);

#endif
