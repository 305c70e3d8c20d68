/* SPDX-License-Identifier: MIT */
/* Files below the root: opening without leaving it, and reading whole; blocks, so for job threads. */
#ifndef STATIC_FILE_H
#define STATIC_FILE_H

#include "etag.h"

#include <stddef.h>
#include <stdint.h>

/* What a file is recognised by: equal in all members means that it was not changed. */
struct static_id {
    uint64_t dev, ino;
    int64_t bytes;
    int64_t mtime_ns, ctime_ns;
};

/* What a client can be sent for a file. */
struct static_form {
    char *bytes; /* malloc'ed; NULL: there is no such form */
    size_t n;
    char etag[STATIC_ETAG_MAX];
};

struct static_file {
    struct static_form plain; /* with a NUL after the last byte */
    struct static_form gzip;  /* never without plain */
    struct static_id id;
};

/* static_file_read() may also return this: the file still is the one of `known`. */
#define STATIC_UNCHANGED 1

/*
 * Reads `path`, checked by static_path_normal(), below the folder `root`. The root is looked up
 * anew each time, so a folder that was replaced as a whole is seen.
 *
 * `known` (may be NULL) spares the reading of a file that did not change. CHATD_OK: *file_out is
 * filled, but for its gzip form; the caller owns it, static_file_deinit(). CHATD_E_NOTFOUND: no regular file, or not below the root.
 * CHATD_E_INVAL: larger than `bytes_max`. CHATD_E_BACKEND: it cannot be read; *errno_out (may be
 * NULL) says why. [any]
 */
int static_file_read(const char *root, const char *path, int64_t bytes_max,
                     const struct static_id *known, struct static_file *file_out, int *errno_out);

/* Adds the gzip form to a file that was read, where that saves something. [any] */
void static_file_compress(struct static_file *file);

/* Frees both forms; all zero is fine. [any] */
void static_file_deinit(struct static_file *file);

#endif
