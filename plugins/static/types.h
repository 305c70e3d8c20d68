/* SPDX-License-Identifier: MIT */
/* Content types by file name. */
#ifndef STATIC_TYPES_H
#define STATIC_TYPES_H

/* The content type of a path by its extension, in any case, with a charset where it is text; a
 * literal. What is not known is application/octet-stream: a browser then saves and never runs it. */
const char *static_type(const char *path);

/* 1 for a path whose type is text, in the sense that compressing it pays. */
int static_path_is_text(const char *path);

/* 1 if `type`, as static_type() gives it, is HTML. */
int static_type_is_html(const char *type);

#endif
