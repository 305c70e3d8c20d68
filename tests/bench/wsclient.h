/* SPDX-License-Identifier: MIT */
/* The bytes of a WebSocket client and of the bench's messages: pure, no socket, no allocation. */
#ifndef BENCH_WSCLIENT_H
#define BENCH_WSCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_TEXT_MIN      64
#define WS_TEXT_MAX      32768
#define WS_MESSAGE_EXTRA 64 /* of a message beside its text, at most */
#define WS_CONTROL_MAX   (6 + 125)
#define WS_HEAD_MAX      8

enum ws_opcode { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_frame {
    unsigned opcode;
    bool is_deflated;       /* RFC 7692: the payload is compressed */
    const uint8_t *payload; /* inside the parsed bytes */
    size_t payload_bytes;
    size_t frame_bytes; /* head and payload: the next frame starts here */
};

/* What every text of one run carries. It begins with a mark that no other run has, so that history
 * and strangers' messages are told apart without reading JSON. */
struct ws_stamp {
    uint32_t room;
    uint64_t counter; /* 0: warm-up, 1 ...: measured */
    uint64_t time_ns;
};

#define WS_MARK_BYTES 14 /* "@bench" and eight hexadecimal digits */

struct ws_mark {
    char text[WS_MARK_BYTES + 1];
    size_t hint; /* where the mark was in the frame before: almost always where it is in the next */
};

void ws_mark_init(struct ws_mark *mark, uint32_t run);

/* Finds the stamp of this run in a payload; false when there is none. */
bool ws_stamp_find(struct ws_mark *mark, const struct ws_frame *frame, struct ws_stamp *stamp_out);

/* Head of a client's frame without fragments; returns its length, at most WS_HEAD_MAX. Payloads over
 * 65,535 bytes are not sent here. */
size_t ws_head_put(uint8_t *out, unsigned opcode, size_t payload_bytes, uint32_t mask_key);
void ws_mask(uint8_t *payload, size_t bytes, uint32_t mask_key);

/* A number in hexadecimal digits of fixed width. */
void ws_hex_put(uint8_t *out, uint64_t value, unsigned digits);
uint64_t ws_hex_get(const uint8_t *in, unsigned digits);

/* Writes a text of `text_bytes` (at least WS_TEXT_MIN) that carries the stamp. */
void ws_text_put(uint8_t *out, const struct ws_mark *mark, const struct ws_stamp *stamp,
                 size_t text_bytes);

/* Writes one masked classic message with a text of `text_bytes` and returns the frame's length;
 * `frame_out` has room for `text_bytes` + WS_MESSAGE_EXTRA. */
size_t ws_message_build(const struct ws_mark *mark, const struct ws_stamp *stamp, size_t text_bytes,
                        uint32_t mask_key, uint8_t *frame_out);

/* Writes a masked pong for `ping` and returns its length, at most WS_CONTROL_MAX; 0 when the ping
 * is longer than a control frame may be. */
size_t ws_pong_build(const struct ws_frame *ping, uint32_t mask_key, uint8_t *frame_out);

/* The first frame of what a server sent: 1, 0 when it is not complete yet, -1 when it is no frame
 * that a server may send to a client that offered permessage-deflate at most (RFC 6455, 5.1 and 5.2). */
int ws_frame_next(const uint8_t *data, size_t bytes, struct ws_frame *frame_out);

struct ws_request {
    const char *host;
    unsigned port;
    const char *path_format; /* `%s` stands for the room */
    const char *room;
    const char *cookie;   /* or NULL */
    const char *protocol; /* subprotocol to offer, or NULL */
    bool deflate;         /* offer permessage-deflate, the server's messages each alone */
};

/* Writes the upgrade request and returns its length, 0 when `size` is too small. */
size_t ws_request_build(const struct ws_request *request, char *out, size_t size);

/* What was asked for, of which the answer has to name `protocol` and the extension. 1 and the length of the head
 * when it is a 101 that does, 0 when it is not complete, -1 otherwise. */
int ws_reply_check(const uint8_t *data, size_t bytes, const char *protocol, bool deflate,
                   size_t *head_bytes_out);

#endif
