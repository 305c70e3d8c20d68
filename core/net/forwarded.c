/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For, from right to left, and X-Forwarded-Proto. */
#include "net/forwarded.h"

#include "base/num.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { PORT_DIGITS = 5 };

struct element {
    const char *p;
    size_t n;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the last element off the list, without the blanks around it. False: the list is at its end. */
static bool take_last(const char *list, size_t *n, bool *is_over, struct element *out)
{
    size_t begin = *n, end = *n;

    if (*is_over)
        return false;
    while (begin > 0 && list[begin - 1] != ',')
        begin--;
    *is_over = begin == 0;
    *n = *is_over ? 0 : begin - 1;
    while (begin < end && is_blank(list[begin]))
        begin++;
    while (end > begin && is_blank(list[end - 1]))
        end--;
    *out = (struct element){list + begin, end - begin};
    return true;
}

/* ":443" */
static bool is_port(const char *text, size_t n)
{
    uint64_t port;

    return n > 1 && n <= 1 + PORT_DIGITS && text[0] == ':' &&
           num_parse_u64(text + 1, n - 1, &port) && port <= UINT16_MAX;
}

static bool bracketed(const char *text, size_t n, struct ip *ip_out)
{
    const char *close = memchr(text, ']', n);
    size_t inside = close != NULL ? (size_t)(close - text) - 1 : 0;
    size_t behind = close != NULL ? n - inside - 2 : 0;

    return close != NULL && (behind == 0 || is_port(close + 1, behind)) &&
           memchr(text + 1, ':', inside) != NULL && ip_parse(text + 1, inside, ip_out);
}

bool forwarded_entry(const char *text, size_t n, struct ip *ip_out)
{
    const char *colon;

    if (n > 0 && text[0] == '[')
        return bracketed(text, n, ip_out);
    if (ip_parse(text, n, ip_out))
        return true;
    /* Of IPv6 without brackets nobody can tell whether its end is a port. */
    colon = n > 0 ? memchr(text, ':', n) : NULL;
    return colon != NULL && is_port(colon, n - (size_t)(colon - text)) &&
           ip_parse(text, (size_t)(colon - text), ip_out);
}

void forwarded_client(const char *list, size_t n, const struct cidr_list *trusted, struct ip *ip)
{
    struct element e;
    bool is_over = false;
    unsigned seen;

    for (seen = 0; seen < FORWARDED_ENTRIES_MAX && take_last(list, &n, &is_over, &e); seen++) {
        if (e.n == 0)
            continue;
        if (!forwarded_entry(e.p, e.n, ip) || !cidr_list_has(trusted, ip))
            return;
    }
}

bool forwarded_is_https(const char *list, size_t n)
{
    struct element e;
    bool is_over = false;
    unsigned seen;

    for (seen = 0; seen < FORWARDED_ENTRIES_MAX && take_last(list, &n, &is_over, &e); seen++) {
        if (e.n > 0)
            return (e.n == 5 && strncasecmp(e.p, "https", 5) == 0) ||
                   (e.n == 3 && strncasecmp(e.p, "wss", 3) == 0);
    }
    return false;
}
