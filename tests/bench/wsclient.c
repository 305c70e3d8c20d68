/* SPDX-License-Identifier: MIT */
/* Builds the client's requests and messages and takes the server's frames apart. */
#include "wsclient.h"

#include <stdio.h>
#include <string.h>

/* The stamp after the mark: room, counter and time in hexadecimal, of fixed width. */
#define ROOM_DIGITS    6
#define COUNTER_DIGITS 10
#define TIME_DIGITS    16
#define STAMP_BYTES    (WS_MARK_BYTES + ROOM_DIGITS + COUNTER_DIGITS + TIME_DIGITS)

#define DEFLATE "permessage-deflate"

_Static_assert(STAMP_BYTES <= WS_TEXT_MIN, "the shortest text holds a stamp");

void ws_hex_put(uint8_t *out, uint64_t value, unsigned digits)
{
    static const char alphabet[] = "0123456789abcdef";

    for (unsigned i = digits; i-- > 0; value >>= 4)
        out[i] = (uint8_t)alphabet[value & 15];
}

uint64_t ws_hex_get(const uint8_t *in, unsigned digits)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < digits; i++) {
        /* '0'-'9' end in 0-9; 'a'-'f' end in 1-6 and have bit 6 set. */
        value = value << 4 | ((in[i] & 15u) + (in[i] >> 6) * 9u);
    }
    return value;
}

void ws_mark_init(struct ws_mark *mark, uint32_t run)
{
    snprintf(mark->text, sizeof(mark->text), "@bench%08x", (unsigned)run);
    mark->hint = 0;
}

bool ws_stamp_find(struct ws_mark *mark, const struct ws_frame *frame, struct ws_stamp *stamp_out)
{
    const uint8_t *at = frame->payload + mark->hint;

    if (frame->payload_bytes < STAMP_BYTES)
        return false;
    if (mark->hint > frame->payload_bytes - STAMP_BYTES ||
        memcmp(at, mark->text, WS_MARK_BYTES) != 0) {
        at = memmem(frame->payload, frame->payload_bytes, mark->text, WS_MARK_BYTES);
        if (!at || (size_t)(at - frame->payload) > frame->payload_bytes - STAMP_BYTES)
            return false;
        mark->hint = (size_t)(at - frame->payload);
    }
    at += WS_MARK_BYTES;
    stamp_out->room = (uint32_t)ws_hex_get(at, ROOM_DIGITS);
    stamp_out->counter = ws_hex_get(at + ROOM_DIGITS, COUNTER_DIGITS);
    stamp_out->time_ns = ws_hex_get(at + ROOM_DIGITS + COUNTER_DIGITS, TIME_DIGITS);
    return true;
}

size_t ws_head_put(uint8_t *out, unsigned opcode, size_t payload_bytes, uint32_t mask_key)
{
    size_t n = 0;

    out[n++] = (uint8_t)(0x80 | opcode);
    if (payload_bytes < 126) {
        out[n++] = (uint8_t)(0x80 | payload_bytes);
    } else {
        out[n++] = 0x80 | 126;
        out[n++] = (uint8_t)(payload_bytes >> 8);
        out[n++] = (uint8_t)payload_bytes;
    }
    memcpy(out + n, &mask_key, sizeof(mask_key));
    return n + sizeof(mask_key);
}

void ws_mask(uint8_t *payload, size_t bytes, uint32_t mask_key)
{
    uint8_t key[4];

    memcpy(key, &mask_key, sizeof(key));
    for (size_t i = 0; i < bytes; i++)
        payload[i] ^= key[i & 3];
}

/* Letters out of sixteen, as chance has it: compressed they are a bit over half, as chat is. */
static void fill(uint8_t *out, size_t bytes, uint32_t state)
{
    for (size_t i = 0; i < bytes; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint8_t)('a' + (state >> 28));
    }
}

void ws_text_put(uint8_t *out, const struct ws_mark *mark, const struct ws_stamp *stamp,
                 size_t text_bytes)
{
    memcpy(out, mark->text, WS_MARK_BYTES);
    ws_hex_put(out + WS_MARK_BYTES, stamp->room, ROOM_DIGITS);
    ws_hex_put(out + WS_MARK_BYTES + ROOM_DIGITS, stamp->counter, COUNTER_DIGITS);
    ws_hex_put(out + WS_MARK_BYTES + ROOM_DIGITS + COUNTER_DIGITS, stamp->time_ns, TIME_DIGITS);
    fill(out + STAMP_BYTES, text_bytes - STAMP_BYTES, (uint32_t)stamp->time_ns);
}

size_t ws_message_build(const struct ws_mark *mark, const struct ws_stamp *stamp, size_t text_bytes,
                        uint32_t mask_key, uint8_t *frame_out)
{
    static const char before[] = "{\"text\":\"", after[] = "\",\"typing\":false}";
    size_t payload_bytes = sizeof(before) - 1 + text_bytes + sizeof(after) - 1;
    size_t head = ws_head_put(frame_out, WS_TEXT, payload_bytes, mask_key);
    uint8_t *at = frame_out + head;

    memcpy(at, before, sizeof(before) - 1);
    at += sizeof(before) - 1;
    ws_text_put(at, mark, stamp, text_bytes);
    memcpy(at + text_bytes, after, sizeof(after) - 1);
    ws_mask(frame_out + head, payload_bytes, mask_key);
    return head + payload_bytes;
}

size_t ws_pong_build(const struct ws_frame *ping, uint32_t mask_key, uint8_t *frame_out)
{
    if (ping->payload_bytes > 125)
        return 0;
    size_t head = ws_head_put(frame_out, WS_PONG, ping->payload_bytes, mask_key);
    memcpy(frame_out + head, ping->payload, ping->payload_bytes);
    ws_mask(frame_out + head, ping->payload_bytes, mask_key);
    return head + ping->payload_bytes;
}

int ws_frame_next(const uint8_t *data, size_t bytes, struct ws_frame *frame_out)
{
    size_t head = 2;

    if (bytes < head)
        return 0;
    if ((data[0] & 0x30) || (data[1] & 0x80))
        return -1;
    uint64_t length = data[1] & 0x7f;
    if (length >= 126) {
        unsigned extra = length == 126 ? 2 : 8;
        if (bytes < head + extra)
            return 0;
        length = 0;
        for (unsigned i = 0; i < extra; i++)
            length = length << 8 | data[head + i];
        head += extra;
    }
    if (length > SIZE_MAX / 2)
        return -1;
    frame_out->opcode = data[0] & 15;
    frame_out->is_deflated = (data[0] & 0x40) != 0;
    frame_out->payload = data + head;
    frame_out->payload_bytes = (size_t)length;
    frame_out->frame_bytes = head + (size_t)length;
    return bytes - head >= length ? 1 : 0;
}

/* "NAME: VALUE\r\n", nothing when there is no value. */
static int put_header(char *out, size_t size, const char *name, const char *value)
{
    return value ? snprintf(out, size, "%s: %s\r\n", name, value) : 0;
}

size_t ws_request_build(const struct ws_request *request, char *out, size_t size)
{
    const char *path = request->path_format, *slot = strstr(path, "%s");
    int before = (int)(slot ? (size_t)(slot - path) : strlen(path));
    int n = snprintf(out, size,
                     "GET %.*s%s%s HTTP/1.1\r\n"
                     "Host: %s:%u\r\n"
                     "Upgrade: websocket\r\n"
                     "Connection: Upgrade\r\n"
                     "Sec-WebSocket-Key: Y2hhdGQtYmVuY2gtMTIzNA==\r\n"
                     "Sec-WebSocket-Version: 13\r\n",
                     before, path, slot ? request->room : "", slot ? slot + 2 : "", request->host,
                     request->port);

    if (n > 0 && (size_t)n < size)
        n += put_header(out + n, size - (size_t)n, "Sec-WebSocket-Protocol", request->protocol);
    if (n > 0 && (size_t)n < size)
        n += put_header(out + n, size - (size_t)n, "Sec-WebSocket-Extensions",
                        request->deflate ? DEFLATE "; server_no_context_takeover" : NULL);
    if (n > 0 && (size_t)n < size)
        n += put_header(out + n, size - (size_t)n, "Cookie", request->cookie);
    if (n <= 0 || (size_t)n + 3 > size)
        return 0;
    memcpy(out + n, "\r\n", 3);
    return (size_t)n + 2;
}

static bool names(const uint8_t *head, size_t bytes, const char *word)
{
    return memmem(head, bytes, word, strlen(word)) != NULL;
}

int ws_reply_check(const uint8_t *data, size_t bytes, const char *protocol, bool deflate,
                   size_t *head_bytes_out)
{
    static const char accepted[] = "HTTP/1.1 101";
    const uint8_t *end = memmem(data, bytes, "\r\n\r\n", 4);

    if (!end)
        return bytes < 8192 ? 0 : -1;
    *head_bytes_out = (size_t)(end - data) + 4;
    if (memcmp(data, accepted, sizeof(accepted) - 1) != 0)
        return -1;
    if (protocol && !names(data, *head_bytes_out, protocol))
        return -1;
    return !deflate || names(data, *head_bytes_out, DEFLATE) ? 1 : -1;
}
