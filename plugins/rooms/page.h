/* SPDX-License-Identifier: MIT */
/* The latest page of a room: read from the store once, kept in the ring for all who join. */
#ifndef ROOMS_PAGE_H
#define ROOMS_PAGE_H

#include "member.h"

/* Records that one read of the store asks for at most, to be sent on to one reader. */
#define PAGE_READ_MAX 200u

static inline const struct chatd_log_record *page_row(const struct chatd_log_page *page, uint32_t i)
{
    const void *at = (const char *)page->records + (size_t)i * page->stride;

    return at;
}

/* True if a joiner finds the room's latest page here, and is fed from then on. */
bool page_is_here(const struct room *room);

/* The record after this one is the first of the latest page. */
uint64_t page_start(const struct room *room);

/* Reads the latest page from the store into the ring and makes the room live, unless that is under
 * way; join_answer_waiters() is told the outcome. An error: it could not be asked for. */
int page_read(struct room *room);

/* The subscription was told of a new epoch: a read that was ahead of it is done again. */
void page_epoch_began(struct room *room);

#endif
