/* SPDX-License-Identifier: MIT */
/* The frames of the classic dialect: what a client says, and what it is told. Pure. */
#ifndef ROOMS_CLASSIC_FRAME_H
#define ROOMS_CLASSIC_FRAME_H

#include "record.h"
#include "rules.h"

/* What a client said. `text` points into `fields`. */
struct classic_in {
    struct chatd_fields fields;
    chatd_str text;
    bool is_typing; /* a typing signal; `text` is empty then */
};

/* Reads a client's frame; end with classic_in_close(). False: *why_out is what to answer, in
 * literals, and nothing is to be closed. The text is not judged here (rules_message_text()). */
bool classic_in_open(chatd_str frame, struct classic_in *in_out, struct refusal *why_out);
void classic_in_close(struct classic_in *in);

/* Frames for clients, as JSON text that the caller free()s; NULL: no memory. */

/* A message; `seq` 0 and `ts` 0 (no log, a record of the seed's) are left out. */
char *classic_message(chatd_str room, const struct record *record, uint64_t seq, int64_t ts,
                      size_t *n_out);
/* Somebody is typing. */
char *classic_typing(chatd_str room, chatd_str user, size_t *n_out);
/* The sender's message was refused. */
char *classic_error(chatd_str room, const struct refusal *why, size_t *n_out);

#endif
