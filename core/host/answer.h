/* SPDX-License-Identifier: MIT */
/* What answers look like: those of chatd.v1, and the status of HTTP that belongs to a code. Pure; shared with the SDK's
 * test host. */
#ifndef HOST_ANSWER_H
#define HOST_ANSWER_H

#include "base/buf.h"

#include <chatd/abi.h>

/* The HTTP status of a denial; 403 for a code of a plugin's own. */
unsigned answer_status(const char *code);

/* Adds {"type":"ack","id":ID,MEMBERS}. `members`: JSON text without braces, or empty. */
void answer_ack(struct buf *out, chatd_str id, chatd_str members);

/* Adds {"type":"error",...}; an empty `id` is left out. */
void answer_error(struct buf *out, chatd_str id, const char *code, const char *message,
                  uint32_t retry_ms);

#endif
