/* SPDX-License-Identifier: MIT */
/* The rules for room names and message texts, over a strict UTF-8 reader. */
#include "rules.h"

#include <chatd/json.h>

struct reader {
    const unsigned char *p, *end;
};

static struct reader reader_of(chatd_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    return (struct reader){p, p == NULL ? p : p + s.n};
}

/* The bytes that follow a lead byte and the smallest code point of that length (RFC 3629): what is
 * below was written longer than needed. -1: not a lead byte. */
static int follow_of(unsigned char lead, uint32_t *smallest_out)
{
    if ((lead & 0xe0) == 0xc0) {
        *smallest_out = 0x80;
        return 1;
    }
    if ((lead & 0xf0) == 0xe0) {
        *smallest_out = 0x800;
        return 2;
    }
    if ((lead & 0xf8) == 0xf0) {
        *smallest_out = 0x10000;
        return 3;
    }
    return -1;
}

/* Takes the next code point of a reader that is not at its end; false: malformed. */
static bool reader_next(struct reader *r, uint32_t *cp_out)
{
    unsigned char lead = *r->p++;
    uint32_t smallest = 0, cp;
    int follow, i;

    if (lead < 0x80) {
        *cp_out = lead;
        return true;
    }
    follow = follow_of(lead, &smallest);
    if (follow < 0 || r->end - r->p < follow)
        return false;
    cp = lead & (0x3fu >> follow);
    for (i = 0; i < follow; i++) {
        if ((r->p[i] & 0xc0) != 0x80)
            return false;
        cp = cp << 6 | (r->p[i] & 0x3f);
    }
    r->p += follow;
    *cp_out = cp;
    return cp >= smallest && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

/* Unicode's White_Space property; the line and paragraph separators are in it. */
static bool is_space(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0d) || cp == 0x20 || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

/* Unicode's Cc: C0, DEL and C1. */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f);
}

/* Unicode's Default_Ignorable_Code_Point, the marks of direction included: what is not seen, and so would
 * make two names of one that look the same. */
static bool is_ignorable(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } row[] = {
        {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},     {0x115f, 0x1160},
        {0x17b4, 0x17b5},   {0x180b, 0x180f}, {0x200b, 0x200f},   {0x202a, 0x202e},
        {0x2060, 0x206f},   {0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
        {0xffa0, 0xffa0},   {0xfff0, 0xfff8}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
        {0xe0000, 0xe0fff},
    };
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (cp >= row[i].first && cp <= row[i].last)
            return true;
    }
    return false;
}

/* Embeddings, overrides and isolates that are open (UAX #9): a bit for each, set for an isolate. */
struct bidi {
    uint64_t isolates;
    unsigned depth;
};

enum { BIDI_DEPTH_MAX = 60 };

/* False: what it closes is not open, or too much is. */
static bool bidi_next(struct bidi *b, uint32_t cp)
{
    bool is_isolate = cp >= 0x2066 && cp <= 0x2069;

    if (!is_isolate && (cp < 0x202a || cp > 0x202e))
        return true;
    if (cp != 0x202c && cp != 0x2069) {
        b->isolates = b->isolates << 1 | is_isolate;
        return ++b->depth <= BIDI_DEPTH_MAX;
    }
    if (b->depth == 0 || (b->isolates & 1) != is_isolate)
        return false;
    b->isolates >>= 1;
    b->depth--;
    return true;
}

/* Goes over visible ASCII that may be in a name: all of most names, which come with every message. */
static void skip_plain_name(struct reader *r)
{
    while (r->p<r->end && * r->p> ' ' && *r->p < 0x7f && *r->p != '/' && *r->p != '{' &&
           *r->p != '}')
        r->p++;
}

const char *rules_room_name(chatd_str name)
{
    struct reader r = reader_of(name);
    uint32_t cp;

    if (name.n == 0)
        return "The room's name is empty.";
    if (name.n > ROOM_NAME_MAX)
        return "The room's name is longer than 64 bytes.";
    for (skip_plain_name(&r); r.p < r.end; skip_plain_name(&r)) {
        if (!reader_next(&r, &cp))
            return "The room's name is not valid UTF-8.";
        if (is_space(cp))
            return "The room's name has white space in it.";
        if (is_control(cp))
            return "The room's name has a control character in it.";
        if (is_ignorable(cp))
            return "The room's name has a character in it that is not seen.";
        if (cp == '/' || cp == '{' || cp == '}')
            return "The room's name has one of the characters / { } in it.";
    }
    return NULL;
}

/* Goes over printable ASCII but quote and backslash, of which nothing is to be said but whether it is all blank: most of
 * most texts. */
static void skip_plain(struct reader *r, bool *is_blank)
{
    const unsigned char *end = r->p + chatd_json_plain((const char *)r->p, (size_t)(r->end - r->p));

    while (*is_blank && r->p < end)
        *is_blank = *r->p++ == ' ';
    r->p = end;
}

bool rules_message_text(chatd_str text, size_t max, struct refusal *why_out)
{
    struct reader r = reader_of(text);
    struct bidi bidi = {0};
    bool is_blank = true, is_contained = true;
    uint32_t cp;

    *why_out = (struct refusal){.code = "bad_request"};
    if (text.n > max) {
        *why_out =
            (struct refusal){"too_large", "The message is longer than this server takes.", 0};
        return false;
    }
    for (skip_plain(&r, &is_blank); r.p < r.end; skip_plain(&r, &is_blank)) {
        if (!reader_next(&r, &cp) || cp == 0) {
            why_out->text = "The message's text is not valid UTF-8, or has a NUL in it.";
            return false;
        }
        if (is_control(cp) && cp != '\n' && cp != '\t' && cp != '\r') {
            why_out->text = "The message has a control character in it.";
            return false;
        }
        is_contained = is_contained && bidi_next(&bidi, cp);
        is_blank = is_blank && is_space(cp);
    }
    if (!is_contained || bidi.depth > 0) {
        why_out->text = "The message changes the direction of text and does not change it back.";
        return false;
    }
    if (is_blank)
        why_out->text =
            text.n == 0 ? "The message has no text." : "The message is only white space.";
    return !is_blank;
}

bool rules_user(chatd_str user)
{
    struct reader r = reader_of(user);
    uint32_t cp;

    if (user.n == 0 || user.n > USER_NAME_MAX)
        return false;
    while (r.p < r.end) {
        if (!reader_next(&r, &cp) || cp == 0)
            return false;
    }
    return true;
}
