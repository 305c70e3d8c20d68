/* SPDX-License-Identifier: MIT */
/*
 * HTTP route patterns: literal segments, `{name}` for one segment, `{name...}` for the rest. Matching
 * prefers, segment by segment from the left, a literal over `{name}` over `{name...}`.
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_SEGMENTS = 16, ROUTE_BODY_MIN = 4096 };

struct route {
    char *method, *pattern;
    void *user; /* the host's */
    size_t max_body;
    uint32_t flags;
};

struct route_table {
    struct route **route;
    size_t n;
    size_t max_body; /* of all */
};

struct route_param {
    char *name, *value; /* owned by the match */
    size_t n;
};

struct route_match {
    const struct route *route; /* NULL: nothing matches */
    struct route_param param[ROUTE_SEGMENTS];
    size_t n_param;
    char allow[64]; /* methods of other routes that match the path: "GET, HEAD, POST" */
    bool bad_path;  /* the path cannot be decoded */
};

enum route_add_result { ROUTE_ADDED, ROUTE_BAD, ROUTE_CONFLICT };

enum route_add_result route_add(struct route_table *t, const struct route *route,
                                const struct route **conflict_out);
void route_remove_user(struct route_table *t, const void *user); /* all of one owner */
void route_table_deinit(struct route_table *t);
/* What a body may have before anybody knows its route; at least ROUTE_BODY_MIN, so that a route can refuse it. */
size_t route_largest_body(const struct route_table *t);

/* `path` is raw, as in the request line, without the query. */
void route_find(const struct route_table *t, const char *method, const char *path, size_t path_n,
                struct route_match *m);
void route_match_deinit(struct route_match *m);

#endif
