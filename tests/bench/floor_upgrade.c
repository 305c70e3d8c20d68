/* SPDX-License-Identifier: MIT */
/* Finds the key and the room in an upgrade request and makes the accept key (RFC 6455, 4.2.2). */
#include "floor_upgrade.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX  8192
#define KEY_BYTES 24

/* The value of a header, whose name is given with the colon; NULL without it. Lines end in CRLF. */
static const char *find_header(const char *head, const char *end, const char *name)
{
    size_t name_bytes = strlen(name);
    const char *line = memmem(head, (size_t)(end - head), "\r\n", 2);

    while (line && (size_t)(end - line) > name_bytes + 2) {
        line += 2;
        if (strncasecmp(line, name, name_bytes) == 0) {
            line += name_bytes;
            return line + strspn(line, " \t");
        }
        line = memmem(line, (size_t)(end - line), "\r\n", 2);
    }
    return NULL;
}

static void take_room(const char *head, const char *end, char *room_out)
{
    const char *line_end = memmem(head, (size_t)(end - head), "\r\n", 2);
    const char *at = line_end ? memmem(head, (size_t)(line_end - head), "room=", 5) : NULL;

    memcpy(room_out, "general", sizeof("general"));
    if (!at)
        return;
    at += 5;
    size_t n = strcspn(at, "& \r");
    if (n > FLOOR_ROOM_MAX)
        n = FLOOR_ROOM_MAX;
    memcpy(room_out, at, n);
    room_out[n] = '\0';
}

int floor_upgrade(const uint8_t *data, size_t bytes, struct floor_upgrade *upgrade_out)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char head[HEAD_MAX + 1], accept[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1] = "";
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    const uint8_t *end = memmem(data, bytes, "\r\n\r\n", 4);

    if (!end)
        return bytes < HEAD_MAX ? 0 : -1;
    upgrade_out->head_bytes = (size_t)(end - data) + 4;
    if (upgrade_out->head_bytes > HEAD_MAX)
        return -1;
    memcpy(head, data, upgrade_out->head_bytes);
    head[upgrade_out->head_bytes] = '\0';
    const char *head_end = head + upgrade_out->head_bytes;
    const char *key = find_header(head, head_end, "Sec-WebSocket-Key:");
    if (!key || strcspn(key, " \t\r") != KEY_BYTES)
        return -1;
    take_room(head, head_end, upgrade_out->room);
    const char *protocol = find_header(head, head_end, "Sec-WebSocket-Protocol:");
    upgrade_out->is_v1 = protocol && strncmp(protocol, "chatd.v1", 8) == 0;
    sha1_init(&sha1);
    sha1_update(&sha1, KEY_BYTES, (const uint8_t *)key);
    sha1_update(&sha1, sizeof(guid) - 1, (const uint8_t *)guid);
    sha1_digest(&sha1, sizeof(digest), digest);
    base64_encode_raw(accept, sizeof(digest), digest);
    upgrade_out->answer_bytes =
        (size_t)snprintf(upgrade_out->answer, FLOOR_ANSWER_MAX,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                         accept, upgrade_out->is_v1 ? "Sec-WebSocket-Protocol: chatd.v1\r\n" : "");
    return 1;
}
