/* SPDX-License-Identifier: MIT */
/* The frames of chatd.v1 that are about rooms, and what acks say (docs: protocol, part 3). Pure. */
#ifndef ROOMS_V1_FRAME_H
#define ROOMS_V1_FRAME_H

#include "out.h"
#include "record.h"

/* All but v1_row() return JSON text that the caller free()s; NULL: no memory. */

/* The event of a record; `seq` 0 and `ts` 0 (no log, a record of the seed's) are left out. */
char *v1_message(chatd_str room, const struct record *record, uint64_t seq, int64_t ts,
                 size_t *n_out);

/* {"type":KIND,"room","user",KIND:true or false} */
char *v1_signal(chatd_str room, chatd_str user, chatd_str kind, bool is_on, size_t *n_out);

char *v1_gap(chatd_str room, chatd_str epoch, uint64_t from, uint64_t to, size_t *n_out);
char *v1_reset(chatd_str room, chatd_str epoch, uint64_t seq, size_t *n_out);

/* The members of an ack, without braces. An empty epoch: there is no log, and no position. */
char *v1_joined(chatd_str room, chatd_str epoch, uint64_t seq, uint64_t top, bool is_recovered,
                size_t *n_out);
char *v1_sent(chatd_str room, chatd_str cid, uint64_t seq, int64_t ts, bool is_duplicate,
              size_t *n_out);
char *v1_room(chatd_str room, size_t *n_out);

/* A record as a member of a list of messages, {"seq",...}, and the bytes it needs at most. */
void v1_row(struct out *out, const struct record *record, uint64_t seq, int64_t ts);
size_t v1_row_max(const struct record *record);

#endif
