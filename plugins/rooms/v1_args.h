/* SPDX-License-Identifier: MIT */
/* What the verbs of chatd.v1 that are about rooms are asked with. Pure. */
#ifndef ROOMS_V1_ARGS_H
#define ROOMS_V1_ARGS_H

#include "join.h"
#include "rules.h"

#include <chatd/fields.h>

/* All say what is wrong as a sentence (a literal), NULL: nothing. */

/* Opens a request and reads the room's name. The caller ends *fields_out with chatd_fields_close(), unless it failed.
 * The strings point into it. */
const char *v1_args_open(chatd_str request, struct chatd_fields *fields_out, chatd_str *room_out);

/* `since` of room.join; not there, or of an epoch longer than any of ours: an empty position. */
const char *v1_args_since(const struct chatd_fields *fields, struct position *since_out);

/* `text` and `cid` of message.send; the text is not judged here (rules_message_text()). */
const char *v1_args_message(const struct chatd_fields *fields, chatd_str *text_out,
                            chatd_str *cid_out);

#endif
