/* SPDX-License-Identifier: MIT */
/* Adds and finds routes. */
#include "net/route.h"

#include "base/mem.h"
#include "net/pct.h"

#include <string.h>

enum kind { REST, PARAM, LITERAL }; /* a higher one wins */

static size_t segment_length(const char *p)
{
    return strcspn(p, "/");
}

static enum kind kind_of(const char *p, size_t n)
{
    if (n < 2 || p[0] != '{' || p[n - 1] != '}')
        return LITERAL;
    return n > 5 && memcmp(p + n - 4, "...", 3) == 0 ? REST : PARAM;
}

/* Names are a-z, 0-9, underscore and dash. */
static bool name_ok(const char *p, size_t n)
{
    return n > 0 && strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

/* Whether an earlier segment of the pattern has the name p[0..n) too. */
static bool name_taken(const char *pattern, const char *p, size_t n)
{
    for (; pattern < p - 1; pattern++) {
        if (*pattern == '{' && strncmp(pattern + 1, p, n) == 0 &&
            (pattern[n + 1] == '}' || pattern[n + 1] == '.'))
            return true;
    }
    return false;
}

static bool pattern_ok(const char *pattern)
{
    const char *p = pattern;
    int segments = 0;

    if (*p != '/')
        return false;
    while (*p == '/') {
        size_t n = segment_length(++p);
        bool brace = memchr(p, '{', n) != NULL || memchr(p, '}', n) != NULL;
        enum kind kind = kind_of(p, n);

        if (++segments > ROUTE_SEGMENTS || (n == 0 && strcmp(pattern, "/") != 0) ||
            (kind == LITERAL && brace) || (kind == REST && p[n] != '\0'))
            return false;
        if (kind != LITERAL) {
            size_t name_n = n - (kind == REST ? 5 : 2);

            if (!name_ok(p + 1, name_n) || name_taken(pattern, p + 1, name_n))
                return false;
        }
        p += n;
    }
    return true;
}

/* Same method and the same shape: they would match the same paths. */
static bool clashes(const struct route *a, const struct route *b)
{
    const char *p = a->pattern, *q = b->pattern;

    if (strcmp(a->method, b->method) != 0)
        return false;
    while (*p == '/' && *q == '/') {
        size_t n = segment_length(++p), m = segment_length(++q);
        enum kind k = kind_of(p, n);

        if (k != kind_of(q, m) || (k == LITERAL && (n != m || memcmp(p, q, n) != 0)))
            return false;
        p += n;
        q += m;
    }
    return *p == *q;
}

static void note_body(struct route_table *t, const struct route *route)
{
    if (route->max_body > t->max_body)
        t->max_body = route->max_body;
}

size_t route_largest_body(const struct route_table *t)
{
    return t->max_body > ROUTE_BODY_MIN ? t->max_body : ROUTE_BODY_MIN;
}

enum route_add_result route_add(struct route_table *t, const struct route *route,
                                const struct route **conflict_out)
{
    struct route *copy;
    size_t i;

    if (!pattern_ok(route->pattern))
        return ROUTE_BAD;
    for (i = 0; i < t->n; i++) {
        if (clashes(t->route[i], route)) {
            *conflict_out = t->route[i];
            return ROUTE_CONFLICT;
        }
    }
    copy = mem_alloc(sizeof(*copy));
    *copy = *route;
    copy->method = mem_strdup(route->method);
    copy->pattern = mem_strdup(route->pattern);
    t->route = mem_realloc(t->route, (t->n + 1) * sizeof(*t->route));
    t->route[t->n++] = copy;
    note_body(t, copy);
    return ROUTE_ADDED;
}

static void route_free(struct route *r)
{
    mem_free(r->method);
    mem_free(r->pattern);
    mem_free(r);
}

void route_remove_user(struct route_table *t, const void *user)
{
    size_t i, kept = 0;

    for (i = 0; i < t->n; i++) {
        if (t->route[i]->user == user)
            route_free(t->route[i]);
        else
            t->route[kept++] = t->route[i];
    }
    t->n = kept;
    for (i = 0, t->max_body = 0; i < t->n; i++)
        note_body(t, t->route[i]);
}

void route_table_deinit(struct route_table *t)
{
    size_t i;

    for (i = 0; i < t->n; i++)
        route_free(t->route[i]);
    mem_free(t->route);
    memset(t, 0, sizeof(*t));
}

/* The path cut into decoded segments, and where each begins in the raw path. */
struct path {
    char *decoded[ROUTE_SEGMENTS];
    size_t length[ROUTE_SEGMENTS];
    const char *raw[ROUTE_SEGMENTS];
    const char *end;
    size_t n;
    bool is_longer; /* than ROUTE_SEGMENTS: only `{name...}` can match */
};

static bool path_cut(const char *raw, size_t n, struct path *path)
{
    const char *end = raw + n, *p = raw;

    memset(path, 0, sizeof(*path));
    path->end = end;
    while (p < end && *p == '/') {
        const char *slash;
        size_t len;

        p++;
        slash = memchr(p, '/', (size_t)(end - p));
        len = (size_t)((slash != NULL ? slash : end) - p);
        if (path->n == ROUTE_SEGMENTS) {
            path->is_longer = true;
            return true;
        }
        path->raw[path->n] = p;
        path->decoded[path->n] = mem_alloc(len + 1);
        if (!pct_decode(p, len, false, path->decoded[path->n], &path->length[path->n])) {
            path->n++;
            return false;
        }
        path->n++;
        p += len;
    }
    return p == end && path->n > 0;
}

static void path_deinit(struct path *path)
{
    size_t i;

    for (i = 0; i < path->n; i++)
        mem_free(path->decoded[i]);
}

/* True if the pattern matches; rank[i] is the kind of its i-th segment. */
static bool matches(const char *pattern, const struct path *path, uint8_t rank[ROUTE_SEGMENTS + 1])
{
    const char *p = pattern;
    size_t i = 0;

    memset(rank, 0, ROUTE_SEGMENTS + 1);
    for (i = 0; *p == '/'; i++) {
        size_t n = segment_length(++p);
        enum kind kind = kind_of(p, n);

        if (i >= path->n)
            return false;
        rank[i] = (uint8_t)kind;
        if (kind == REST)
            return path->raw[i] < path->end;
        if (kind == LITERAL && (n != path->length[i] || memcmp(p, path->decoded[i], n) != 0))
            return false;
        if (kind == PARAM && path->length[i] == 0)
            return false;
        p += n;
    }
    return i == path->n && !path->is_longer;
}

static void add_param(struct route_match *m, const char *name, size_t name_n, char *value, size_t n)
{
    m->param[m->n_param++] = (struct route_param){mem_strndup(name, name_n), value, n};
}

/* Copies the values of the winner. False: the rest of the path cannot be decoded. */
static bool take_params(const struct path *path, struct route_match *m)
{
    const char *p = m->route->pattern;
    size_t i;

    for (i = 0; *p == '/'; i++) {
        size_t n = segment_length(++p), len;
        enum kind kind = kind_of(p, n);

        if (kind == PARAM) {
            add_param(m, p + 1, n - 2, mem_strndup(path->decoded[i], path->length[i]),
                      path->length[i]);
        } else if (kind == REST) {
            size_t raw_n = (size_t)(path->end - path->raw[i]);
            char *value = mem_alloc(raw_n + 1);

            if (!pct_decode(path->raw[i], raw_n, false, value, &len)) {
                mem_free(value);
                return false;
            }
            add_param(m, p + 1, n - 5, value, len);
        }
        p += n;
    }
    return true;
}

static void note_method(struct route_match *m, const char *method)
{
    size_t n = strlen(m->allow), need = strlen(method) + 2;
    bool with_head = strcmp(method, "GET") == 0;

    if (strstr(m->allow, method) != NULL || n + need + 6 >= sizeof(m->allow))
        return;
    if (n > 0) {
        memcpy(m->allow + n, ", ", 3);
        n += 2;
    }
    memcpy(m->allow + n, method, strlen(method) + 1);
    if (with_head)
        memcpy(m->allow + n + 3, ", HEAD", 7);
}

void route_find(const struct route_table *t, const char *method, const char *raw, size_t raw_n,
                struct route_match *m)
{
    uint8_t best[ROUTE_SEGMENTS + 1] = {0}, rank[ROUTE_SEGMENTS + 1];
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    struct path path;
    size_t i;

    memset(m, 0, sizeof(*m));
    if (!path_cut(raw, raw_n, &path)) {
        m->bad_path = true;
        path_deinit(&path);
        return;
    }
    for (i = 0; i < t->n; i++) {
        const struct route *r = t->route[i];

        if (!matches(r->pattern, &path, rank))
            continue;
        note_method(m, r->method);
        if (strcmp(r->method, wanted) != 0)
            continue;
        if (m->route == NULL || memcmp(rank, best, sizeof(rank)) > 0) {
            m->route = r;
            memcpy(best, rank, sizeof(rank));
        }
    }
    if (m->route != NULL && !take_params(&path, m)) {
        route_match_deinit(m); /* those before the one that cannot be decoded */
        m->route = NULL;
        m->bad_path = true;
    }
    path_deinit(&path);
}

void route_match_deinit(struct route_match *m)
{
    size_t i;

    for (i = 0; i < m->n_param; i++) {
        mem_free(m->param[i].name);
        mem_free(m->param[i].value);
    }
    m->n_param = 0;
}
