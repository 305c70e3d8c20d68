/* SPDX-License-Identifier: MIT */
/* Routes: which patterns are taken, which clash, which one wins, what the parameters are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/route.h"

#include <stdlib.h>
#include <string.h>

static struct route_table table;

static enum route_add_result add(const char *method, const char *pattern)
{
    const struct route *clash = NULL;
    char *m = strdup(method), *p = strdup(pattern);
    enum route_add_result rc =
        route_add(&table, &(struct route){.method = m, .pattern = p, .user = &table}, &clash);

    if (rc == ROUTE_CONFLICT)
        assert_non_null(clash);
    free(m);
    free(p);
    return rc;
}

/* The pattern that serves `path`, or NULL; params as "name=value,...". */
static const char *find(const char *method, const char *path, char *params, char *allow)
{
    struct route_match m;
    const char *pattern;
    size_t i;

    route_find(&table, method, path, strlen(path), &m);
    pattern = m.bad_path ? "bad" : m.route != NULL ? m.route->pattern : NULL;
    if (params != NULL) {
        *params = '\0';
        for (i = 0; i < m.n_param; i++) {
            assert_int_equal(strlen(m.param[i].value), m.param[i].n);
            strcat(strcat(strcat(strcat(params, i > 0 ? "," : ""), m.param[i].name), "="),
                   m.param[i].value);
        }
    }
    if (allow != NULL)
        strcpy(allow, m.allow);
    route_match_deinit(&m);
    return pattern;
}

static void serves(const char *path, const char *pattern, const char *params)
{
    char got[256];

    assert_string_equal(find("GET", path, got, NULL), pattern);
    assert_string_equal(got, params);
}

static int teardown(void **state)
{
    (void)state;
    route_table_deinit(&table);
    return 0;
}

static void bad_patterns(void **state)
{
    static const char *const bad[] = {"",
                                      "a",
                                      "a/b",
                                      "//",
                                      "/a//b",
                                      "/a/",
                                      "/{}",
                                      "/{...}",
                                      "/a{b}",
                                      "/{a}b",
                                      "/{a",
                                      "/a}",
                                      "/{a...}/b",
                                      "/{a b}",
                                      "/{A}",
                                      "/{a{b}",
                                      "/{{a}}",
                                      "/{a}/{a}",
                                      "/{a}/{a...}",
                                      "/{a.}",
                                      "/{a..}",
                                      "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (add("GET", bad[i]) != ROUTE_BAD)
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(add("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), ROUTE_ADDED);
    assert_int_equal(add("GET", "/{a}/{ab}/{abc...}"), ROUTE_ADDED);
}

static void conflicts(void **state)
{
    (void)state;
    assert_int_equal(add("GET", "/a/{x}"), ROUTE_ADDED);
    assert_int_equal(add("GET", "/a/{y}"), ROUTE_CONFLICT);
    assert_int_equal(add("POST", "/a/{y}"), ROUTE_ADDED);
    assert_int_equal(add("GET", "/a/b"), ROUTE_ADDED);
    assert_int_equal(add("GET", "/a/b"), ROUTE_CONFLICT);
    assert_int_equal(add("GET", "/a/{z...}"), ROUTE_ADDED);
    assert_int_equal(add("GET", "/a/{r...}"), ROUTE_CONFLICT);
    assert_int_equal(add("GET", "/"), ROUTE_ADDED);
    assert_int_equal(add("GET", "/"), ROUTE_CONFLICT);
    assert_int_equal(add("GET", "/a/b/c"), ROUTE_ADDED);
}

static void precedence(void **state)
{
    (void)state;
    add("GET", "/{all...}");
    add("GET", "/{one}/b");
    add("GET", "/a/{two}");
    add("GET", "/a/b");
    add("GET", "/a/{rest...}");
    add("GET", "/");
    serves("/", "/", "");
    serves("/a/b", "/a/b", "");
    serves("/a/c", "/a/{two}", "two=c");
    serves("/c/b", "/{one}/b", "one=c");
    serves("/a/b/c", "/a/{rest...}", "rest=b/c");
    serves("/x/y/z", "/{all...}", "all=x/y/z");
    serves("/a", "/{all...}", "all=a");
    /* The literal on the left decides, though the right one would be literal elsewhere. */
    serves("/%61/%62", "/a/b", "");
}

static void parameters_are_decoded(void **state)
{
    (void)state;
    add("GET", "/r/{room}");
    add("GET", "/f/{path...}");
    serves("/r/a%20b", "/r/{room}", "room=a b");
    serves("/r/a%2Fb", "/r/{room}", "room=a/b"); /* an escaped slash does not cut */
    serves("/r/a+b", "/r/{room}", "room=a+b");
    serves("/f/a%20b/c//d/", "/f/{path...}", "path=a b/c//d/");
    assert_null(find("GET", "/r/", NULL, NULL));
    assert_null(find("GET", "/r", NULL, NULL));
    assert_null(find("GET", "/r/a/", NULL, NULL));
    assert_null(find("GET", "/f/", NULL, NULL));
    assert_null(find("GET", "/R/a", NULL, NULL));
}

static void long_paths_reach_the_rest_alone(void **state)
{
    (void)state;
    add("GET", "/{all...}");
    add("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/{x}");
    serves("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/{x}",
           "x=16");
    serves("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "/{all...}",
           "all=1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17");
    assert_string_equal(find("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/%zz", NULL, NULL),
                        "bad");
}

static void what_cannot_be_decoded_is_bad(void **state)
{
    char params[256];

    (void)state;
    add("GET", "/a/{x}");
    assert_string_equal(find("GET", "/a/%", NULL, NULL), "bad");
    assert_string_equal(find("GET", "/%00", NULL, NULL), "bad");
    assert_string_equal(find("GET", "/a/%ff", NULL, NULL), "bad");
    assert_string_equal(find("GET", "", NULL, NULL), "bad");
    assert_string_equal(find("GET", "*", NULL, NULL), "bad");
    assert_string_equal(find("GET", "a", NULL, NULL), "bad");
    /* Beyond the segments that are looked at, found when the rest is taken: no parameter is left. */
    add("GET", "/{y}/{rest...}");
    assert_string_equal(find("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/%", params, NULL),
                        "bad");
    assert_string_equal(params, "");
}

static void methods_and_allow(void **state)
{
    char allow[64];

    (void)state;
    add("GET", "/a");
    add("POST", "/a");
    add("PUT", "/{x}");
    add("DELETE", "/{x...}");
    add("PATCH", "/a");
    assert_string_equal(find("HEAD", "/a", NULL, NULL), "/a");
    assert_string_equal(find("PUT", "/a", NULL, NULL), "/{x}");
    assert_null(find("OPTIONS", "/a", NULL, allow));
    assert_string_equal(allow, "GET, HEAD, POST, PUT, DELETE, PATCH");
    assert_null(find("GET", "/b", NULL, allow));
    assert_string_equal(allow, "PUT, DELETE");
    assert_null(find("HEAD", "/b/c", NULL, allow));
    assert_string_equal(allow, "DELETE");
    route_remove_user(&table, &table);
    assert_int_equal(table.n, 0);
    assert_null(find("GET", "/a", NULL, allow));
    assert_string_equal(allow, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bad_patterns, teardown),
        cmocka_unit_test_teardown(conflicts, teardown),
        cmocka_unit_test_teardown(precedence, teardown),
        cmocka_unit_test_teardown(parameters_are_decoded, teardown),
        cmocka_unit_test_teardown(long_paths_reach_the_rest_alone, teardown),
        cmocka_unit_test_teardown(what_cannot_be_decoded_is_bad, teardown),
        cmocka_unit_test_teardown(methods_and_allow, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
