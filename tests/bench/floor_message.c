/* SPDX-License-Identifier: MIT */
/* Copies strings from one JSON text to another as they stand, escapes and all: nothing is parsed. */
#include "floor_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct piece {
    const char *p;
    int n;
};

/* The string of a member, `key` being its name as it stands there; empty without it. */
static struct piece find(const char *json, size_t bytes, const char *key)
{
    const char *end = json + bytes, *begin = memmem(json, bytes, key, strlen(key));

    if (!begin)
        return (struct piece){"", 0};
    begin += strlen(key);
    const char *at = begin;
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return at < end ? (struct piece){begin, (int)(at - begin)} : (struct piece){"", 0};
}

static struct piece member(const struct floor_message *message, const char *key)
{
    return find(message->json, message->json_bytes, key);
}

static size_t fits(int n, size_t size)
{
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

bool floor_message_has_text(const char *json, size_t bytes)
{
    return find(json, bytes, "\"text\":\"").n > 0;
}

size_t floor_message_body(const struct floor_message *message, char *out, size_t size)
{
    struct piece text = member(message, "\"text\":\"");

    if (!message->is_v1)
        return fits(snprintf(out, size,
                             "{\"user\":\"u%u\",\"room\":\"%s\",\"text\":\"%.*s\",\"typing\":false,"
                             "\"seq\":%" PRIu64 ",\"ts\":%" PRIu64 "}",
                             message->user, message->room, text.n, text.p, message->seq,
                             message->ts),
                    size);
    struct piece cid = member(message, "\"cid\":\"");
    return fits(snprintf(out, size,
                         "{\"type\":\"message\",\"room\":\"%s\",\"seq\":%" PRIu64 ",\"ts\":%" PRIu64
                         ",\"user\":\"u%u\",\"text\":\"%.*s\"%s%.*s%s}",
                         message->room, message->seq, message->ts, message->user, text.n, text.p,
                         cid.n ? ",\"cid\":\"" : "", cid.n, cid.p, cid.n ? "\"" : ""),
                size);
}

size_t floor_message_ack(const struct floor_message *message, char *out, size_t size)
{
    struct piece id = member(message, "\"id\":\""), cid = member(message, "\"cid\":\"");

    if (message->seq == 0)
        return fits(snprintf(out, size, "{\"type\":\"ack\",\"id\":\"%.*s\",\"room\":\"%s\"}", id.n,
                             id.p, message->room),
                    size);
    return fits(snprintf(out, size,
                         "{\"type\":\"ack\",\"id\":\"%.*s\",\"room\":\"%s\",\"seq\":%" PRIu64
                         ",\"ts\":%" PRIu64 "%s%.*s%s}",
                         id.n, id.p, message->room, message->seq, message->ts,
                         cid.n ? ",\"cid\":\"" : "", cid.n, cid.p, cid.n ? "\"" : ""),
                size);
}
