/* SPDX-License-Identifier: MIT */
/* Which request paths may name a file: pure text, no file system. */
#ifndef STATIC_PATH_H
#define STATIC_PATH_H

#include <chatd/abi.h>

#include <stddef.h>

/* Room for the longest path that is served, its NUL included. */
#define STATIC_PATH_MAX 1024u

/*
 * Checks a percent-decoded path relative to the root ("js/main.js") and copies it to `out`.
 *
 * CHATD_E_INVAL for whatever could mean something else than a visible file below the root: an empty
 * path, a slash at either end or two in a row, a segment that starts with a dot (".", "..", hidden
 * files), a segment above 255 bytes, NUL and other control characters, a backslash; and for what
 * does not fit `out_size` with its NUL. Nothing is repaired: one file has one URL. [any]
 */
int static_path_normal(chatd_str path, char *out, size_t out_size);

#endif
