/* SPDX-License-Identifier: MIT */
/*
 * The way of a member that is behind back into its room's channel.
 *
 * It gets records one by one: from the ring where they are there, else from the store in pages, the
 * next only when its queue has drained. In the turn in which it has everything it joins the channel. A
 * record that it cannot take is not lost: it goes on from there when it has drained.
 *
 * One that fell out of the channel because it was too slow is not made to read what it could not keep
 * up with: it is told of the gap and goes on with what is new.
 */
#ifndef ROOMS_WALK_H
#define ROOMS_WALK_H

#include "member.h"

/* Begins behind the record `sent`, with the first records after it if they are at hand (`page`, good
 * for the call, may be NULL). */
void walk_begin(struct member *member, uint64_t sent, const struct chatd_log_page *page);

/* Goes on when the connection's queue has drained: for who has just been found too slow, or waits for a
 * page (history.h). */
void walk_when_drained(struct rooms *rooms, chatd_conn conn);

/* Goes on with all memberships of a connection that are behind. */
void walk_go_on(struct rooms *rooms, chatd_conn conn);

/* The records after `seq` are void, a new epoch begins: tells the member, and goes on from what it has
 * that is still good. `last` is what the room's members had before. */
void walk_reset(struct member *member, uint64_t seq, uint64_t last);

/* The records after `last` are lost to the room: members that had come so far are told of the gap. */
void walk_gap(struct member *member, uint64_t last);

/* A record came that the live members could not be sent for want of memory: those who have all up to
 * `last` go on one by one. */
void walk_again(struct room *room, uint64_t last);

/* A record came: those that were ahead of the room may be in step with it now. */
void walk_ahead(struct room *room);

/* It does not go on: nothing more is read for it. */
void walk_stop(struct member *member);

#endif
