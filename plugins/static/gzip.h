/* SPDX-License-Identifier: MIT */
/* Making the gzip form of a file; slow, so for job threads. */
#ifndef STATIC_GZIP_H
#define STATIC_GZIP_H

#include <stddef.h>

/* Compresses as hard as zlib can. 1: *packed_out is malloc'ed, with *packed_n_out bytes that are the
 * same each time. 0: not worth it (too little to save, or so much that it would take seconds), or
 * no memory. [any] */
int static_gzip(const char *bytes, size_t n, char **packed_out, size_t *packed_n_out);

#endif
