/* SPDX-License-Identifier: MIT */
/* The first page: read from the store once, sent from the ring in steps. */
#ifndef ROOMS_PAGE_H
#define ROOMS_PAGE_H

#include "member.h"

/* True if a joiner finds the room's latest page here, and is fed from then on. */
bool page_is_here(const struct room *room);

/* Reads the latest page from the store into the ring and makes the room live, unless that is under
 * way; join_answer_waiters() is told the outcome. An error: it could not be asked for. */
int page_read(struct room *room);

/* Sends a new member the latest page, oldest first, and takes it into the room's channel in the turn
 * in which it has everything. A member that falls out of the ring meanwhile starts again. */
void page_send(struct member *member);

#endif
