/* SPDX-License-Identifier: MIT */
/* Keys, channels, payloads and entries. */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char topic_room[] = "room/";
static const char list_prefix[] = "chat_history:";

chatd_str text_decimal(char buf[TEXT_DIGITS], int64_t number)
{
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    size_t at = TEXT_DIGITS;

    do {
        buf[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        buf[--at] = '-';
    return (chatd_str){buf + at, TEXT_DIGITS - at};
}

chatd_str text_hex(char buf[TEXT_DIGITS], uint64_t number)
{
    for (size_t i = 0; i < 16; i++)
        buf[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    return (chatd_str){buf, 16};
}

bool text_is_name(chatd_str name, size_t least)
{
    return name.n >= least && name.n <= TEXT_NAME_MAX &&
           (name.n == 0 || memchr(name.p, '\0', name.n) == NULL);
}

/* --- keys and channels ------------------------------------------------------------------------- */

static void put(struct text *out, const char *p, size_t n)
{
    if (n > sizeof(out->p) - 1 - out->n)
        n = sizeof(out->p) - 1 - out->n; /* names are checked: this does not happen */
    memcpy(out->p + out->n, p, n);
    out->n += n;
    out->p[out->n] = '\0';
}

static chatd_str join(struct text *out, const char *prefix, chatd_str name)
{
    put(out, prefix, strlen(prefix));
    put(out, name.p, name.n);
    return text_str(out);
}

static void put_escaped(struct text *out, chatd_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == ':')
            put(out, "%3A", 3);
        else if (name.p[i] == '%')
            put(out, "%25", 3);
        else
            put(out, &name.p[i], 1);
    }
}

chatd_str text_list(struct text *out, chatd_str room)
{
    out->n = 0;
    return join(out, list_prefix, room);
}

chatd_str text_meta(struct text *out, chatd_str room)
{
    out->n = 0;
    return join(out, "chat_meta:", room);
}

chatd_str text_epoch(struct text *out, chatd_str room)
{
    out->n = 0;
    return join(out, "chat_epoch:", room);
}

chatd_str text_cids(struct text *out, chatd_str room)
{
    out->n = 0;
    join(out, "chat_cid:", room);
    put(out, ":", 1);
    return text_str(out);
}

chatd_str text_ttl(struct text *out, chatd_str ns, chatd_str key)
{
    out->n = 0;
    put(out, "kv:", 3);
    put_escaped(out, ns);
    put(out, ":", 1);
    put_escaped(out, key);
    return text_str(out);
}

static void put_database(struct text *out, int64_t database)
{
    char prefix[24];

    out->n = 0;
    if (database == 0)
        return;
    snprintf(prefix, sizeof(prefix), "%" PRId64 "/", database);
    put(out, prefix, strlen(prefix));
}

chatd_str text_room_channel(struct text *out, int64_t database, chatd_str room)
{
    put_database(out, database);
    return join(out, "room:", room);
}

chatd_str text_topic_channel(struct text *out, int64_t database, chatd_str topic)
{
    const size_t n = sizeof(topic_room) - 1;

    if (topic.n > n && memcmp(topic.p, topic_room, n) == 0)
        return text_room_channel(out, database, (chatd_str){topic.p + n, topic.n - n});
    put_database(out, database);
    return join(out, "bus:", topic);
}

bool text_room_of_list(chatd_str key, chatd_str *room_out)
{
    const size_t n = sizeof(list_prefix) - 1;

    if (key.n <= n || memcmp(key.p, list_prefix, n) != 0)
        return false;
    *room_out = (chatd_str){key.p + n, key.n - n};
    return text_is_name(*room_out, 1);
}

/* --- numbers ----------------------------------------------------------------------------------- */

bool text_number(chatd_str digits, uint64_t *out)
{
    uint64_t n = 0;

    for (size_t i = 0; i < digits.n; i++) {
        unsigned digit = (unsigned)(digits.p[i] - '0');

        if (digit > 9 || __builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *out = n;
    return digits.n > 0;
}

bool text_integer(chatd_str digits, int64_t *out)
{
    bool minus = digits.n > 0 && digits.p[0] == '-';
    uint64_t n;

    if (!text_number((chatd_str){digits.p + minus, digits.n - minus}, &n) ||
        n > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* --- publications ------------------------------------------------------------------------------ */

/* What comes before the next blank; false: there is none. */
static bool take_word(chatd_str *rest, chatd_str *word_out)
{
    const char *blank = rest->n > 0 ? memchr(rest->p, ' ', rest->n) : NULL;

    if (blank == NULL)
        return false;
    word_out->p = rest->p;
    word_out->n = (size_t)(blank - rest->p);
    rest->n -= word_out->n + 1;
    rest->p = blank + 1;
    return true;
}

bool text_publication(chatd_str payload, struct publication *out)
{
    chatd_str kind, seq, ts;

    *out = (struct publication){.is_record = false};
    if (!take_word(&payload, &kind) || kind.n != 1)
        return false;
    if (kind.p[0] == 'b') {
        out->body = payload;
        return true;
    }
    out->is_record = true;
    if (kind.p[0] != 'r' || !take_word(&payload, &out->epoch) || !take_word(&payload, &seq) ||
        !take_word(&payload, &ts) || out->epoch.n == 0 || out->epoch.n > 64 ||
        !text_number(seq, &out->seq) || out->seq == 0 || !text_integer(ts, &out->ts))
        return false;
    out->body = payload;
    return payload.n > 0;
}

/* --- entries ----------------------------------------------------------------------------------- */

/* Steps over `word` and the digits after it; NULL: something else is there. */
static const char *step(const char *at, const char *end, const char *word, chatd_str *digits_out)
{
    size_t n = strlen(word);

    if ((size_t)(end - at) < n || memcmp(at, word, n) != 0)
        return NULL;
    digits_out->p = at += n;
    if (at < end && *at == '-')
        at++;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    digits_out->n = (size_t)(at - digits_out->p);
    return at;
}

chatd_str text_entry(char *entry, size_t n, int64_t *ts_out)
{
    const char *end = entry + n, *at;
    chatd_str seq, ts;
    uint64_t number;

    *ts_out = 0;
    at = step(entry, end, "{\"seq\":", &seq);
    at = at != NULL ? step(at, end, ",\"ts\":", &ts) : NULL;
    if (at == NULL || at == end || !text_number(seq, &number) || !text_integer(ts, ts_out))
        return (chatd_str){entry, n};
    /* The comma, or of an empty object the digit before its closing brace, becomes the opening one. */
    size_t brace = (size_t)(at - entry) - (*at == ',' ? 0 : 1);

    entry[brace] = '{';
    return (chatd_str){entry + brace, n - brace};
}
