/* SPDX-License-Identifier: MIT */
/* Which request paths may name a file: pure text, no file system. */
#include "path.h"

#include <string.h>

#define SEGMENT_MAX 255u /* NAME_MAX of Linux: a longer one cannot exist */

static int is_bad_byte(char c)
{
    unsigned char u = (unsigned char)c;

    return u < 0x20 || u == 0x7f || u == '\\';
}

int static_path_normal(chatd_str path, char *out, size_t out_size)
{
    size_t i, segment = 0; /* where the current segment begins */

    if (path.n == 0 || path.n >= out_size)
        return CHATD_E_INVAL;
    for (i = 0; i < path.n; i++) {
        if (is_bad_byte(path.p[i]))
            return CHATD_E_INVAL;
        if (i == segment && (path.p[i] == '.' || path.p[i] == '/'))
            return CHATD_E_INVAL;
        if (path.p[i] == '/')
            segment = i + 1;
        else if (i - segment >= SEGMENT_MAX)
            return CHATD_E_INVAL;
    }
    if (segment == path.n) /* it ends in a slash */
        return CHATD_E_INVAL;
    memcpy(out, path.p, path.n);
    out[path.n] = '\0';
    return CHATD_OK;
}
