/* SPDX-License-Identifier: MIT */
/* Records to members: one frame per dialect, through the `deliver` event where it is hooked. */
#ifndef ROOMS_DELIVER_H
#define ROOMS_DELIVER_H

#include "member.h"
#include "record.h"

/* Sends a record that just came to all live members. CHATD_E_BUSY: for want of memory nobody got it. */
int deliver_entry(struct room *room, struct ring_entry *entry);

/* The same for a message that no log keeps. */
void deliver_unstored(struct room *room, const struct record *record, int64_t ts);

/* Whether the hooks of `deliver` let a reader see a record: a connection, or over HTTP a request. */
bool deliver_is_allowed(struct rooms *rooms, chatd_str room, const struct record *record,
                        uint64_t seq, chatd_conn conn, chatd_req req);

/*
 * The following send something to one member. CHATD_E_GONE: it is being closed. CHATD_E_BUSY: it is too
 * slow (a classic one is being closed for it), or there is no memory.
 */

/* A record of the ring; *bytes_out is what that queues. */
int deliver_to(struct member *member, struct ring_entry *entry, size_t *bytes_out);

/* A record read from the store. */
int deliver_record_to(struct member *member, const struct chatd_log_record *record,
                      size_t *bytes_out);

/* That it does not get the records from..to. CHATD_E_INVAL: its dialect cannot say so. */
int deliver_gap(struct member *member, uint64_t from, uint64_t to);

/* That the room has a new epoch, and what of the member's records is still good: up to `sent`. */
int deliver_reset(struct member *member);

/* Tells a classic member to start again from the latest page: it is closed with 4001. */
void deliver_start_again(struct member *member);

#endif
