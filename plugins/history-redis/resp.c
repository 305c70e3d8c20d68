/* SPDX-License-Identifier: MIT */
/* Commands as Redis reads them. By hand, since each message is one: hiredis calls sprintf() for every argument. */
#include "resp.h"

#include <string.h>

/* The kind, at most twenty digits, CR LF. */
enum { HEAD_MAX = 1 + 20 + 2, TAIL = 2 };

size_t resp_max(int argc, const size_t *bytes)
{
    size_t n = HEAD_MAX;

    for (int i = 0; i < argc; i++)
        n += HEAD_MAX + bytes[i] + TAIL;
    return n;
}

static char *put_end(char *out)
{
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

static char *put_head(char *out, char kind, size_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    *out++ = kind;
    memcpy(out, digits + at, sizeof(digits) - at);
    return put_end(out + sizeof(digits) - at);
}

size_t resp_put(char *out, int argc, const char **argv, const size_t *bytes)
{
    char *at = put_head(out, '*', (size_t)argc);

    for (int i = 0; i < argc; i++) {
        at = put_head(at, '$', bytes[i]);
        if (bytes[i] > 0)
            memcpy(at, argv[i], bytes[i]);
        at = put_end(at + bytes[i]);
    }
    return (size_t)(at - out);
}
