/* SPDX-License-Identifier: MIT */
/* Percent-encoding and what is built on it: paths, query arguments, cookies. Pure. */
#ifndef NET_PCT_H
#define NET_PCT_H

#include <stdbool.h>
#include <stddef.h>

enum pct_found { PCT_ABSENT, PCT_FOUND, PCT_BAD };

/* Decodes in[0..n) to out (n + 1 bytes), with a NUL after it. False: a broken escape, a NUL, or bytes
 * that are not UTF-8. `form`: '+' is a blank, as in queries. */
bool pct_decode(const char *in, size_t n, bool form, char *out, size_t *n_out);

/* Finds argument `name` in a query ("a=1&b=2") and decodes it to out (strlen(query) + 1 bytes).
 * PCT_BAD: it is there twice, or cannot be decoded. */
enum pct_found pct_query(const char *query, const char *name, char *out, size_t *n_out);

/* Finds a cookie in a Cookie header; the value lies in the header. PCT_BAD: there twice,
 * or not UTF-8. */
enum pct_found pct_cookie(const char *header, const char *name, const char **value_out,
                          size_t *n_out);

#endif
