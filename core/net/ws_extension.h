/* SPDX-License-Identifier: MIT */
/* Sec-WebSocket-Extensions (RFC 6455 section 9.1): which offer of permessage-deflate (RFC 7692) is taken,
 * and what is answered. */
#ifndef NET_WS_EXTENSION_H
#define NET_WS_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WS_WINDOW_BITS_MIN = 9, /* zlib cannot compress for 8: who demands that is declined */
    WS_WINDOW_BITS_MAX = 15,
    WS_EXTENSION_ANSWER_BYTES = 128
};

struct ws_deflate_terms {
    uint8_t window_bits; /* of what we compress */
    bool is_demanded;    /* the client named it, so the answer has to */
};

/* Takes the first of the offers in this value that can be kept to; false: none of them. One with a
 * parameter that is unknown, there twice, malformed or out of bounds is declined alone. The value may be
 * NULL (absent). Repeated headers are one list: ask for each until one is taken. */
bool ws_extension_take(const char *offers, struct ws_deflate_terms *terms_out);

/* The value of the answer's header, NUL-terminated. Neither side keeps its window from one message to the
 * next; what window the client uses is left to it. */
void ws_extension_answer(const struct ws_deflate_terms *terms, char out[WS_EXTENSION_ANSWER_BYTES]);

#endif
