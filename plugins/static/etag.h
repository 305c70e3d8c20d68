/* SPDX-License-Identifier: MIT */
/* Entity tags: making one from a file's content, and reading If-None-Match (RFC 9110, 13.1.2). */
#ifndef STATIC_ETAG_H
#define STATIC_ETAG_H

#include <chatd/abi.h>

#include <stddef.h>

/* Room for a tag with its quotes and NUL. */
#define STATIC_ETAG_MAX 48u

/* Writes a strong tag: it depends on the content alone, so that every worker and host gives the
 * same file the same tag. [any] */
void static_etag(const char *bytes, size_t n, char out[STATIC_ETAG_MAX]);

/* 1 if an If-None-Match value names `etag` (compared weakly, as the RFC wants) or is `*`. A list
 * that is not well-formed matches nothing from the first fault on. [any] */
int static_etag_matches(chatd_str if_none_match, const char *etag);

#endif
