/* SPDX-License-Identifier: MIT */
/* Incoming compressed messages (RFC 7692, 7.2.2): each alone, inflated when it is whole, so that one state is
 * enough for all connections of a worker and none has any of its own. */
#ifndef NET_WS_INFLATE_H
#define NET_WS_INFLATE_H

#include "net/ws_reader.h"

struct ws_inflate;

struct ws_inflate *ws_inflate_new(void);
void ws_inflate_free(struct ws_inflate **z); /* clears the pointer; NULL in it is fine */

/* Makes of a message that is compressed what its sender meant, or a WS_ERROR: 1007 when it cannot be
 * inflated or its text is not UTF-8, 1009 when it grows beyond `max_message_bytes`, which is found out with one
 * byte more, 1011 when memory is short. *memory_out is what the data lies in then, to be freed with
 * free(); it has room for one byte behind the data. */
void ws_inflate(struct ws_inflate *z, struct ws_event *ev, size_t max_message_bytes,
                uint8_t **memory_out);

#endif
