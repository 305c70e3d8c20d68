/* SPDX-License-Identifier: MIT */
/* Percent-decoding. */
#include "net/pct.h"

#include "net/utf8.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool pct_decode(const char *in, size_t n, bool form, char *out, size_t *n_out)
{
    size_t i, o = 0;

    for (i = 0; i < n; i++) {
        char c = in[i];

        if (c == '%') {
            int hi = n - i > 2 ? hex_value(in[i + 1]) : -1;
            int lo = n - i > 2 ? hex_value(in[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return false;
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        out[o++] = c;
    }
    out[o] = '\0';
    *n_out = o;
    return utf8_valid(out, o);
}

enum pct_found pct_query(const char *query, const char *name, char *out, size_t *n_out)
{
    enum pct_found found = PCT_ABSENT;
    size_t name_n = strlen(name);

    while (query != NULL && *query != '\0') {
        size_t n = strcspn(query, "&");
        const char *eq = memchr(query, '=', n);
        size_t key_n = eq != NULL ? (size_t)(eq - query) : n;

        if (key_n == name_n && memcmp(query, name, name_n) == 0) {
            const char *value = eq != NULL ? eq + 1 : query + n;

            if (found != PCT_ABSENT ||
                !pct_decode(value, (size_t)(query + n - value), true, out, n_out))
                return PCT_BAD;
            found = PCT_FOUND;
        }
        query += n + (query[n] == '&');
    }
    return found;
}

enum pct_found pct_cookie(const char *header, const char *name, const char **value_out,
                          size_t *n_out)
{
    enum pct_found found = PCT_ABSENT;
    size_t name_n = strlen(name);

    while (*header != '\0') {
        size_t n;

        header += strspn(header, " \t;");
        n = strcspn(header, ";");
        if (n > name_n && memcmp(header, name, name_n) == 0 && header[name_n] == '=') {
            if (found != PCT_ABSENT)
                return PCT_BAD;
            *value_out = header + name_n + 1;
            *n_out = n - name_n - 1;
            while (*n_out > 0 &&
                   ((*value_out)[*n_out - 1] == ' ' || (*value_out)[*n_out - 1] == '\t'))
                (*n_out)--;
            if (!utf8_valid(*value_out, *n_out))
                return PCT_BAD;
            found = PCT_FOUND;
        }
        header += n;
    }
    return found;
}
