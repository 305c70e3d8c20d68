/* SPDX-License-Identifier: MIT */
/* Which content codings a client takes: reading Accept-Encoding (RFC 9110, 12.5.3). */
#include "encoding.h"

#include <string.h>
#include <strings.h>

#define UNNAMED (-1)

struct weights {
    int gzip, any, identity; /* thousandths, or UNNAMED */
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static chatd_str trimmed(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    return (chatd_str){p, (size_t)(end - p)};
}

static int is_word(chatd_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* A qvalue (12.4.2), "0" to "1" with up to three digits behind the point, or -1. */
static int thousandths(chatd_str s)
{
    int value, unit = 100;
    size_t i;

    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return -1;
    value = (s.p[0] - '0') * 1000;
    for (i = 2; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        value += (s.p[i] - '0') * unit;
    }
    return value <= 1000 ? value : -1;
}

/* What follows a coding's semicolon: "q=0.5". -1 where it is something else. */
static int weight(chatd_str s)
{
    if (s.n < 2 || (s.p[0] != 'q' && s.p[0] != 'Q') || s.p[1] != '=')
        return -1;
    return thousandths((chatd_str){s.p + 2, s.n - 2});
}

static void take_element(struct weights *w, const char *p, const char *end)
{
    const char *semicolon = p < end ? memchr(p, ';', (size_t)(end - p)) : NULL;
    chatd_str name = trimmed(p, semicolon != NULL ? semicolon : end);
    int q = semicolon != NULL ? weight(trimmed(semicolon + 1, end)) : 1000;

    if (q < 0)
        return;
    if (is_word(name, "gzip") || is_word(name, "x-gzip")) /* the same: 8.4.1.3 */
        w->gzip = q;
    else if (is_word(name, "*"))
        w->any = q;
    else if (is_word(name, "identity"))
        w->identity = q;
}

int static_accepts_gzip(chatd_str accept_encoding)
{
    struct weights w = {UNNAMED, UNNAMED, UNNAMED};
    const char *p = accept_encoding.p, *end = p + accept_encoding.n;
    int gzip;

    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));

        if (comma == NULL)
            comma = end;
        take_element(&w, p, comma);
        p = comma + (comma < end);
    }
    gzip = w.gzip != UNNAMED ? w.gzip : w.any;
    return gzip > 0 && gzip >= w.identity; /* UNNAMED: allowed, but nobody's wish */
}
