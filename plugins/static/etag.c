/* SPDX-License-Identifier: MIT */
/* Entity tags: making one from a file's content, and reading If-None-Match (RFC 9110, 13.1.2). */
#include "etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void static_etag(const char *bytes, size_t n, char out[STATIC_ETAG_MAX])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: the files are the operator's own */
    size_t i;

    for (i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    (void)snprintf(out, STATIC_ETAG_MAX, "\"%016" PRIx64 "-%zx\"", hash, n);
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
        p++;
    return p;
}

int static_etag_matches(chatd_str if_none_match, const char *etag)
{
    const char *end = if_none_match.p + if_none_match.n;
    const char *p = skip_blanks(if_none_match.p, end);
    size_t etag_n = strlen(etag);

    if (p < end && *p == '*')
        return skip_blanks(p + 1, end) == end;
    while (p < end) {
        const char *close;

        if (end - p >= 2 && p[0] == 'W' && p[1] == '/')
            p += 2;
        if (p == end || *p != '"')
            return 0;
        close = memchr(p + 1, '"', (size_t)(end - p - 1));
        if (close == NULL)
            return 0;
        close++;
        if ((size_t)(close - p) == etag_n && memcmp(p, etag, etag_n) == 0)
            return 1;
        p = skip_blanks(close, end);
    }
    return 0;
}
