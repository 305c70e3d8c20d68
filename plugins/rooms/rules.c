/* SPDX-License-Identifier: MIT */
/* The rules for room names and message texts, over a strict UTF-8 reader. */
#include "rules.h"

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

const char *rules_room_name(chatd_str name)
{
    struct reader r = reader_of(name);
    uint32_t cp;

    if (name.n == 0)
        return "The room's name is empty.";
    if (name.n > ROOM_NAME_MAX)
        return "The room's name is longer than 64 bytes.";
    while (r.p < r.end) {
        if (!reader_next(&r, &cp))
            return "The room's name is not valid UTF-8.";
        if (is_space(cp))
            return "The room's name has white space in it.";
        if (is_control(cp))
            return "The room's name has a control character in it.";
        if (cp == '/' || cp == '{' || cp == '}')
            return "The room's name has one of the characters / { } in it.";
    }
    return NULL;
}

bool rules_message_text(chatd_str text, size_t max, struct refusal *why_out)
{
    struct reader r = reader_of(text);
    bool is_blank = true;
    uint32_t cp;

    *why_out = (struct refusal){.code = "bad_request"};
    if (text.n > max) {
        *why_out =
            (struct refusal){"too_large", "The message is longer than this server takes.", 0};
        return false;
    }
    while (r.p < r.end) {
        if (!reader_next(&r, &cp) || cp == 0) {
            why_out->text = "The message's text is not valid UTF-8, or has a NUL in it.";
            return false;
        }
        is_blank = is_blank && is_space(cp);
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
