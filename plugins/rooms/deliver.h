/* SPDX-License-Identifier: MIT */
/* Records to members: one frame per dialect, through the `deliver` event where it is hooked. */
#ifndef ROOMS_DELIVER_H
#define ROOMS_DELIVER_H

#include "member.h"
#include "record.h"

/* Sends a record that just came to all live members. */
void deliver_entry(struct room *room, struct ring_entry *entry);

/* The same for a message that no log keeps. */
void deliver_unstored(struct room *room, const struct record *record, int64_t ts);

/* Sends a record of the ring to one member; *bytes_out is what that queues. An error: no memory. */
int deliver_to(struct member *member, struct ring_entry *entry, size_t *bytes_out);

/* Tells every member to start again from the latest page: classic connections are closed with 4001. */
void deliver_start_again(struct room *room);

/* The same for one. */
void deliver_start_again_one(struct member *member);

#endif
