/* SPDX-License-Identifier: MIT */
/* Writes requests from fixed parts, and finds an answer's members by name wherever they stand. */
#include "v1.h"

#include <stdio.h>
#include <string.h>

#define ID_COUNTER_DIGITS 10
#define ID_TIME_DIGITS    16
#define ID_DIGITS         (ID_COUNTER_DIGITS + ID_TIME_DIGITS)
#define CID_ROOM_DIGITS   6
#define JOIN_ID           "join"

/* Puts a frame's head before `payload_bytes` that stand at frame + WS_HEAD_MAX, and closes the gap. */
static size_t finish(uint8_t *frame, size_t payload_bytes, uint32_t mask_key)
{
    uint8_t head[WS_HEAD_MAX];
    size_t head_bytes = ws_head_put(head, WS_TEXT, payload_bytes, mask_key);

    ws_mask(frame + WS_HEAD_MAX, payload_bytes, mask_key);
    memmove(frame + head_bytes, frame + WS_HEAD_MAX, payload_bytes);
    memcpy(frame, head, head_bytes);
    return head_bytes + payload_bytes;
}

size_t v1_join_build(const char *room, const char *since, uint32_t mask_key, uint8_t *frame_out)
{
    int n = snprintf((char *)frame_out + WS_HEAD_MAX, V1_JOIN_MAX - WS_HEAD_MAX,
                     "{\"type\":\"room.join\",\"id\":\"" JOIN_ID "\",\"room\":\"%s\"%s%s}", room,
                     since ? ",\"since\":" : "", since ? since : "");

    return finish(frame_out, (size_t)n, mask_key);
}

static uint8_t *put(uint8_t *at, const char *text, size_t bytes)
{
    memcpy(at, text, bytes);
    return at + bytes;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static uint8_t *put_hex(uint8_t *at, uint64_t value, unsigned digits)
{
    ws_hex_put(at, value, digits);
    return at + digits;
}

size_t v1_message_build(const struct ws_mark *mark, const struct v1_message *message,
                        uint32_t mask_key, uint8_t *frame_out)
{
    const struct ws_stamp *stamp = message->stamp;
    uint8_t *begin = frame_out + WS_HEAD_MAX;
    uint8_t *at = PUT(begin, "{\"type\":\"message.send\",\"id\":\"");

    at = put_hex(at, stamp->counter, ID_COUNTER_DIGITS);
    at = put_hex(at, stamp->time_ns, ID_TIME_DIGITS);
    at = PUT(at, "\",\"room\":\"");
    at = put(at, message->room, strlen(message->room));
    at = PUT(at, "\",\"text\":\"");
    ws_text_put(at, mark, stamp, message->text_bytes);
    at += message->text_bytes;
    if (message->with_cid) {
        /* Without the mark's "@bench": only texts have that. */
        at = PUT(at, "\",\"cid\":\"");
        at = put(at, mark->text + WS_MARK_BYTES - 8, 8);
        at = put_hex(at, stamp->room, CID_ROOM_DIGITS);
        at = put_hex(at, stamp->counter, ID_COUNTER_DIGITS);
    }
    at = PUT(at, "\"}");
    return finish(frame_out, (size_t)(at - begin), mask_key);
}

/* The value of a member that is a string. Inside strings quotes are escaped, so a name in quotes that
 * is followed by a colon is a member's. */
static const char *find(const struct ws_frame *frame, const char *key, size_t *bytes_out)
{
    const char *end = (const char *)frame->payload + frame->payload_bytes;
    const char *at = memmem(frame->payload, frame->payload_bytes, key, strlen(key));
    const char *close = NULL;

    if (at) {
        at += strlen(key);
        close = memchr(at, '"', (size_t)(end - at));
    }
    *bytes_out = close ? (size_t)(close - at) : 0;
    return close ? at : "";
}

static bool equal(const char *text, size_t bytes, const char *other)
{
    return bytes == strlen(other) && memcmp(text, other, bytes) == 0;
}

bool v1_answer_read(const struct ws_frame *frame, struct v1_answer *answer_out)
{
    size_t type_bytes, id_bytes;
    const char *type = find(frame, "\"type\":\"", &type_bytes);
    const char *id;

    *answer_out = (struct v1_answer){.is_ack = equal(type, type_bytes, "ack"), .code = ""};
    if (!answer_out->is_ack) {
        if (!equal(type, type_bytes, "error"))
            return false;
        answer_out->code = find(frame, "\"code\":\"", &answer_out->code_bytes);
    }
    id = find(frame, "\"id\":\"", &id_bytes);
    answer_out->is_join = equal(id, id_bytes, JOIN_ID);
    if (id_bytes == ID_DIGITS) {
        const uint8_t *digits = (const uint8_t *)id;
        answer_out->stamp.counter = ws_hex_get(digits, ID_COUNTER_DIGITS);
        answer_out->stamp.time_ns = ws_hex_get(digits + ID_COUNTER_DIGITS, ID_TIME_DIGITS);
    }
    return answer_out->is_join || id_bytes == ID_DIGITS || !answer_out->is_ack;
}
