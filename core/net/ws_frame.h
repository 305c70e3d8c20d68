/* SPDX-License-Identifier: MIT */
/* The frame layer of RFC 6455 section 5: one header in, one header out, and the mask. */
#ifndef CHATD_NET_WS_FRAME_H
#define CHATD_NET_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode {
    WS_OP_CONT = 0,
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10,
};

/* Bits of a frame's first byte; the lower four are the opcode. */
#define WS_FIN         0x80
#define WS_RSV1        0x40
#define WS_RSV2        0x20
#define WS_RSV3        0x10
#define WS_OPCODE_MASK 0x0f

#define WS_CLIENT_HEADER_MAX 14  /* 2, an extended length of 8, a mask of 4 */
#define WS_SERVER_HEADER_MAX 10  /* the same without a mask */
#define WS_CONTROL_MAX       125 /* section 5.5 */

/* A client's frame header. */
struct ws_header {
    uint64_t payload_bytes;
    uint8_t mask[4];
    uint8_t opcode;
    uint8_t rsv; /* the WS_RSV bits that are set, all of them allowed ones */
    bool fin;
    uint8_t header_bytes;
};

enum ws_header_result {
    WS_HEADER_MORE, /* good so far, but not whole; nothing was taken, come back with more bytes */
    WS_HEADER_OK,
    WS_HEADER_BAD, /* fail the connection with 1002 */
};

/* Reads the header at p[0..n) by the rules that one frame has alone: known opcode, no reserved bit
   beyond `rsv_allowed` (an extension's, otherwise 0), masked, shortest length, control frames whole
   and at most 125 bytes. Faults are found in the order of the bytes, so the answer does not depend on
   how many of them are there. BAD sets *reason_out, a static sentence. Fills *out only with OK. */
enum ws_header_result ws_frame_parse(const uint8_t *p, size_t n, uint8_t rsv_allowed,
                                     struct ws_header *out, const char **reason_out);

/* Writes the header of an unmasked server frame, `first_byte` being FIN, RSV and opcode; returns its
   length (2, 4 or 10). */
size_t ws_frame_header(uint8_t out[10], uint8_t first_byte, uint64_t payload_bytes);

static inline bool ws_opcode_is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}

/* Unmasks (or masks) exactly p[0..n) in place. `position` is where in the frame's payload p lies;
   only its value modulo 4 matters. Returns the position behind the last byte, modulo 4. */
unsigned ws_unmask(uint8_t *p, size_t n, const uint8_t mask[4], unsigned position);

#endif
