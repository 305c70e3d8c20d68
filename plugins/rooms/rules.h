/* SPDX-License-Identifier: MIT */
/* What a room may be called and what a message may say. Pure. */
#ifndef ROOMS_RULES_H
#define ROOMS_RULES_H

#include <chatd/abi.h>

#include <stdbool.h>

#define ROOM_NAME_MAX   64u  /* bytes */
#define MESSAGE_CID_MAX 64u  /* bytes */
#define SIGNAL_KIND_MAX 32u  /* bytes */
#define USER_NAME_MAX   256u /* bytes; 32 characters of any script and room for decoration */

/* Why something is refused: a stable code and one sentence for whoever sent it. */
struct refusal {
    const char *code, *text;
    uint32_t retry_ms; /* 0: not said */
};

/* NULL if `name` is good for a room, else the rule it breaks, as a sentence (a literal). */
const char *rules_room_name(chatd_str name);

/* True if `text` is good for a message of at most `max` bytes; else *why_out says why not, in
 * literals. */
bool rules_message_text(chatd_str text, size_t max, struct refusal *why_out);

/* True if `user` can stand as an author: 1 to USER_NAME_MAX bytes of UTF-8 without NUL. */
bool rules_user(chatd_str user);

#endif
