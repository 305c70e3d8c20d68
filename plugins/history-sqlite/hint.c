/* SPDX-License-Identifier: MIT */
/* The text of a hint, and its topic. */
#include "hint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a */
static uint64_t hash(chatd_str text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

chatd_str hint_topic(char out[HINT_TOPIC_BYTES], chatd_str instance, chatd_str epoch,
                     chatd_str room)
{
    int n = snprintf(out, HINT_TOPIC_BYTES, "history/%.*s/%.*s/%016" PRIx64, (int)instance.n,
                     instance.p, (int)epoch.n, epoch.p, hash(room));

    return (chatd_str){out, (size_t)n};
}

size_t hint_write(const struct hint *hint, char *out, size_t size)
{
    int n =
        snprintf(out, size, "1 %" PRIu64 " %" PRId64 " %zu ", hint->seq, hint->ts, hint->room.n);
    size_t at = (size_t)n;

    memcpy(out + at, hint->room.p, hint->room.n);
    at += hint->room.n;
    if (hint->record.n == 0 || hint->record.n > size - at)
        return at;
    memcpy(out + at, hint->record.p, hint->record.n);
    return at + hint->record.n;
}

/* A decimal number and the blank behind it, taken off the front of `text`. */
static bool number_take(chatd_str *text, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    size_t at = 0;

    for (; at < text->n && text->p[at] >= '0' && text->p[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(text->p[at] - '0');

        if ((at > 0 && n == 0) || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (at == 0 || at == text->n || text->p[at] != ' ')
        return false;
    *text = (chatd_str){text->p + at + 1, text->n - at - 1};
    *out = n;
    return true;
}

bool hint_read(chatd_str data, struct hint *out)
{
    uint64_t version, ts, name_bytes;

    if (!number_take(&data, 1, &version) || version != 1 ||
        !number_take(&data, INT64_MAX, &out->seq) || out->seq == 0 ||
        !number_take(&data, INT64_MAX, &ts) || !number_take(&data, HINT_NAME_MAX, &name_bytes) ||
        name_bytes == 0 || name_bytes > data.n)
        return false;
    out->ts = (int64_t)ts;
    out->room = (chatd_str){data.p, (size_t)name_bytes};
    out->record = (chatd_str){data.p + name_bytes, data.n - (size_t)name_bytes};
    return true;
}
