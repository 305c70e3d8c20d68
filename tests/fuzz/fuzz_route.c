/* SPDX-License-Identifier: MIT */
/* Routes: the input is patterns, one a line, and behind an empty line a path. What matches is a
 * registered pattern of the right method, its parameters decode, and adding order does not matter. */
#include "net/route.h"
#include "net/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

enum { PATTERNS_MAX = 8 };

static void add(struct route_table *t, char *pattern)
{
    static char method[][5] = {"GET", "POST"};
    const struct route *clash = NULL;
    size_t before = t->n, i;

    for (i = 0; i < 2; i++) {
        struct route r = {.method = method[i], .pattern = pattern, .user = t};

        switch (route_add(t, &r, &clash)) {
        case ROUTE_ADDED:
            CHECK(pattern[0] == '/' && t->n > before);
            /* The same again clashes with itself. */
            CHECK(route_add(t, &r, &clash) == ROUTE_CONFLICT && clash == t->route[t->n - 1]);
            break;
        case ROUTE_CONFLICT:
            CHECK(clash != NULL && strcmp(clash->method, method[i]) == 0);
            break;
        case ROUTE_BAD:
            break;
        }
    }
}

static void check_match(const struct route_table *t, const struct route_match *m,
                        const struct route_match *turned)
{
    bool known = false;
    size_t i;

    CHECK(m->bad_path == turned->bad_path);
    CHECK((m->route == NULL) == (turned->route == NULL));
    CHECK(strlen(m->allow) < sizeof(m->allow));
    if (m->bad_path)
        CHECK(m->route == NULL && m->n_param == 0);
    if (m->route == NULL)
        return;
    for (i = 0; i < t->n; i++)
        known = known || t->route[i] == m->route;
    CHECK(known && strcmp(m->route->method, "GET") == 0 && strstr(m->allow, "GET") != NULL);
    CHECK(strcmp(m->route->pattern, turned->route->pattern) == 0);
    CHECK(m->n_param == turned->n_param && m->n_param <= ROUTE_SEGMENTS);
    for (i = 0; i < m->n_param; i++) {
        CHECK(m->param[i].n > 0 && strlen(m->param[i].value) == m->param[i].n);
        CHECK(utf8_valid(m->param[i].value, m->param[i].n));
        CHECK(strcmp(m->param[i].value, turned->param[i].value) == 0);
        CHECK(strstr(m->route->pattern, m->param[i].name) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route_table t = {0}, reversed = {0};
    struct route_match m, turned;
    char *text = malloc(size + 1), *p = text, *pattern[PATTERNS_MAX], *raw;
    size_t n = 0, i, raw_n;

    memcpy(text, data, size);
    text[size] = '\0';
    while (n < PATTERNS_MAX && *p != '\n' && strchr(p, '\n') != NULL) {
        pattern[n++] = p;
        p = strchr(p, '\n');
        *p++ = '\0';
    }
    p += *p == '\n';
    /* On its own, so that a read behind the path is seen. */
    raw_n = size - (size_t)(p - text);
    raw = malloc(raw_n > 0 ? raw_n : 1);
    memcpy(raw, p, raw_n);
    for (i = 0; i < n; i++)
        add(&t, pattern[i]);
    for (i = t.n; i-- > 0;) {
        const struct route *clash;

        CHECK(route_add(&reversed, t.route[i], &clash) == ROUTE_ADDED);
    }
    route_find(&t, "HEAD", raw, raw_n, &m);
    route_find(&reversed, "GET", raw, raw_n, &turned);
    check_match(&t, &m, &turned);
    route_match_deinit(&m);
    route_match_deinit(&turned);
    route_remove_user(&reversed, &t);
    CHECK(reversed.n == 0);
    route_table_deinit(&t);
    route_table_deinit(&reversed);
    free(raw);
    free(text);
    return 0;
}
