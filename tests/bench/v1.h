/* SPDX-License-Identifier: MIT */
/* The bench's frames of chatd.v1: requests out, answers in. Pure, as wsclient.h is. */
#ifndef BENCH_V1_H
#define BENCH_V1_H

#include "wsclient.h"

#define V1_PROTOCOL      "chatd.v1"
#define V1_ROOM_MAX      64
#define V1_MESSAGE_EXTRA 256 /* of a message beside its text, at most */
#define V1_SINCE_MAX     256
#define V1_JOIN_MAX      512

struct v1_message {
    const char *room; /* at most V1_ROOM_MAX bytes that JSON does not escape */
    const struct ws_stamp *stamp;
    size_t text_bytes;
    bool with_cid;
};

/* Writes a masked room.join, `since` a position as JSON or NULL, and returns the frame's length; `frame_out` has V1_JOIN_MAX bytes. */
size_t v1_join_build(const char *room, const char *since, uint32_t mask_key, uint8_t *frame_out);

/* Writes a masked message.send and returns the frame's length; `frame_out` has room for the text and
 * V1_MESSAGE_EXTRA. The id carries counter and time, so that the answer needs no look-up. The cid is made
 * of run, room and counter: no other message has it. */
size_t v1_message_build(const struct ws_mark *mark, const struct v1_message *message,
                        uint32_t mask_key, uint8_t *frame_out);

struct v1_answer {
    bool is_ack;           /* else an error */
    bool is_join;          /* else to the message of the stamp */
    struct ws_stamp stamp; /* its room is not told: 0 */
    const char *code;      /* of an error, inside the frame; empty otherwise */
    size_t code_bytes;
};

/* Reads an answer to one of the requests above; false when the frame is something else. */
bool v1_answer_read(const struct ws_frame *frame, struct v1_answer *answer_out);

#endif
