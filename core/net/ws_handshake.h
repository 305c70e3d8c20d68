/* SPDX-License-Identifier: MIT */
/* Questions of the opening handshake (RFC 6455 section 4), answered from header values alone. */
#ifndef CHATD_NET_WS_HANDSHAKE_H
#define CHATD_NET_WS_HANDSHAKE_H

#include <stdbool.h>

/* Writes the Sec-WebSocket-Accept value for a Sec-WebSocket-Key, NUL-terminated. */
void ws_accept_key(const char *key, char out[29]);

/* Whether the key is the base64 form of exactly 16 bytes. NULL is not. */
bool ws_key_valid(const char *key);

/* Whether a comma-separated list such as `Connection` or `Upgrade` has the token, in any case. The
   header may be NULL (absent). Repeated headers are one list each: ask for every one of them. */
bool http_token_list_has(const char *header, const char *token);

/* Whether Sec-WebSocket-Protocol offers this subprotocol; names are compared exactly. */
bool ws_subprotocol_offered(const char *header, const char *name);

#endif
