/* SPDX-License-Identifier: MIT */
/* Making the gzip form of a file; slow, so for job threads. */
#define ZLIB_CONST 1 /* zlib takes its input as const */
#include "gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LEVEL     9
#define BYTES_MIN 256u
/* The job has a deadline, and other files wait behind it: level 9 takes up to a second for these. */
#define BYTES_MAX (4u << 20)
/* What the two forms cost in headers, Content-Encoding and the like. */
#define SAVED_MIN 32u

/* zlib's code for a gzip head, without name and time, around the largest window. */
#define WINDOW_GZIP (15 + 16)
#define MEMORY_MAX  9

/* All of the input into out[room]; how much it became, or 0 when it does not fit. */
static size_t deflate_whole(const char *bytes, size_t n, char *out, size_t room)
{
    z_stream z;
    int rc;

    memset(&z, 0, sizeof(z));
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY_MAX, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    z.next_in = (const Bytef *)bytes;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    rc = deflate(&z, Z_FINISH);
    (void)deflateEnd(&z);
    return rc == Z_STREAM_END ? room - z.avail_out : 0;
}

int static_gzip(const char *bytes, size_t n, char **packed_out, size_t *packed_n_out)
{
    char *packed, *fitting;
    size_t packed_n;

    if (n < BYTES_MIN || n > BYTES_MAX)
        return 0;
    packed = malloc(n - SAVED_MIN);
    if (packed == NULL)
        return 0;
    packed_n = deflate_whole(bytes, n, packed, n - SAVED_MIN);
    fitting = packed_n > 0 ? realloc(packed, packed_n) : NULL;
    if (fitting == NULL) {
        free(packed);
        return 0;
    }
    *packed_out = fitting;
    *packed_n_out = packed_n;
    return 1;
}
