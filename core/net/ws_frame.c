/* SPDX-License-Identifier: MIT */
/* Parses and writes WebSocket frame headers and applies the mask. */
#include "net/ws_frame.h"

#include <string.h>

#define MASK_BIT     0x80
#define LENGTH_BITS  0x7f
#define LENGTH_16    126
#define LENGTH_64    127
#define RSV_BITS     (WS_RSV1 | WS_RSV2 | WS_RSV3)
#define LENGTH16_MAX 0xffff
#define MASK_BYTES   4

static const char *check_first(uint8_t first, uint8_t rsv_allowed)
{
    if ((first & RSV_BITS & ~rsv_allowed) != 0) {
        return "A reserved bit is set that no extension defines.";
    }
    switch (first & WS_OPCODE_MASK) {
    case WS_OP_CONT:
    case WS_OP_TEXT:
    case WS_OP_BINARY:
        return NULL;
    case WS_OP_CLOSE:
    case WS_OP_PING:
    case WS_OP_PONG:
        return (first & WS_FIN) != 0 ? NULL : "A control frame must not be fragmented.";
    default:
        return "The opcode is a reserved one.";
    }
}

static const char *check_second(uint8_t first, uint8_t second)
{
    if ((second & MASK_BIT) == 0) {
        return "A client's frame must be masked.";
    }
    if (ws_opcode_is_control(first & WS_OPCODE_MASK) && (second & LENGTH_BITS) > WS_CONTROL_MAX) {
        return "A control frame must not carry more than 125 bytes.";
    }
    return NULL;
}

/* Section 5.2: "the minimal number of bytes MUST be used to encode the length", and of the 64-bit form
   "the most significant bit MUST be 0". */
static const char *check_length(uint8_t length_code, uint64_t payload_bytes)
{
    if (length_code == LENGTH_16 && payload_bytes < LENGTH_16) {
        return "The payload length is not in its shortest form.";
    }
    if (length_code == LENGTH_64) {
        if (payload_bytes <= LENGTH16_MAX) {
            return "The payload length is not in its shortest form.";
        }
        if (payload_bytes >> 63 != 0) {
            return "The payload length has its highest bit set.";
        }
    }
    return NULL;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

enum ws_header_result ws_frame_parse(const uint8_t *p, size_t n, uint8_t rsv_allowed,
                                     struct ws_header *out, const char **reason_out)
{
    if (n < 1) {
        return WS_HEADER_MORE;
    }
    const char *fault = check_first(p[0], rsv_allowed);
    if (fault == NULL && n >= 2) {
        fault = check_second(p[0], p[1]);
    }
    if (fault != NULL) {
        *reason_out = fault;
        return WS_HEADER_BAD;
    }
    if (n < 2) {
        return WS_HEADER_MORE;
    }

    uint8_t code = p[1] & LENGTH_BITS;
    size_t extended = code == LENGTH_64 ? 8 : code == LENGTH_16 ? 2 : 0;
    if (n < 2 + extended) {
        return WS_HEADER_MORE;
    }
    uint64_t payload_bytes = extended == 0 ? code : big_endian(p + 2, extended);
    fault = check_length(code, payload_bytes);
    if (fault != NULL) {
        *reason_out = fault;
        return WS_HEADER_BAD;
    }
    size_t header_bytes = 2 + extended + MASK_BYTES;
    if (n < header_bytes) {
        return WS_HEADER_MORE;
    }

    out->payload_bytes = payload_bytes;
    memcpy(out->mask, p + 2 + extended, MASK_BYTES);
    out->opcode = p[0] & WS_OPCODE_MASK;
    out->rsv = p[0] & RSV_BITS;
    out->fin = (p[0] & WS_FIN) != 0;
    out->header_bytes = (uint8_t)header_bytes;
    return WS_HEADER_OK;
}

size_t ws_frame_header(uint8_t out[10], uint8_t first_byte, uint64_t payload_bytes)
{
    size_t extended = payload_bytes < LENGTH_16 ? 0 : payload_bytes <= LENGTH16_MAX ? 2 : 8;
    out[0] = first_byte;
    out[1] = (uint8_t)(extended == 0 ? payload_bytes : extended == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < extended; i++) {
        out[2 + i] = (uint8_t)(payload_bytes >> (8 * (extended - 1 - i)));
    }
    return 2 + extended;
}

unsigned ws_unmask(uint8_t *p, size_t n, const uint8_t mask[4], unsigned position)
{
    uint8_t pattern[8];
    for (unsigned i = 0; i < sizeof pattern; i++) {
        pattern[i] = mask[(position + i) & 3];
    }
    uint64_t wide;
    memcpy(&wide, pattern, sizeof wide);

    /* Words go through memcpy, as the payload lies at any address; 8 is a multiple of the mask's 4,
       so the pattern stays in step. The tail is done by bytes: what lies behind is not ours. */
    size_t i = 0;
    for (; n - i >= sizeof wide; i += sizeof wide) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        word ^= wide;
        memcpy(p + i, &word, sizeof word);
    }
    for (size_t k = 0; i < n; i++, k++) {
        p[i] ^= pattern[k];
    }
    return (unsigned)((position + n) & 3);
}
