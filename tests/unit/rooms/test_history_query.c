/* SPDX-License-Identifier: MIT */
/* Which page is asked for, as text and as JSON: both must agree. */
#include "history_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static chatd_str arg(const char *s)
{
    return (chatd_str){s, s == NULL ? 0 : strlen(s)};
}

/* Both ways; the JSON has the arguments as they are, unquoted. */
static const char *ask(const char *before, const char *after, const char *limit,
                       struct history_query *query)
{
    struct history_query other = {.seq = 0};
    char text[256];
    const char *flaw, *other_flaw, *why;
    struct chatd_fields fields;

    snprintf(text, sizeof(text), "{\"before\":%s,\"after\":%s,\"limit\":%s}",
             before == NULL ? "null" : before, after == NULL ? "null" : after,
             limit == NULL ? "null" : limit);
    *query = other;
    flaw = history_query_text(arg(before), arg(after), arg(limit), query);
    if (chatd_fields_open((chatd_str){text, strlen(text)}, &fields, &why) ==
        CHATD_OK) { /* what is no JSON cannot be asked that way */
        other_flaw = history_query_json(&fields, &other);
        chatd_fields_close(&fields);
        assert_int_equal(flaw == NULL, other_flaw == NULL);
        assert_memory_equal(&other, query, sizeof(other));
    }
    return flaw;
}

static void pages(void **state)
{
    struct history_query q;

    (void)state;
    assert_null(ask(NULL, NULL, NULL, &q));
    assert_int_equal(q.direction, CHATD_LOG_BEFORE);
    assert_int_equal(q.seq, 0); /* the newest */
    assert_int_equal(q.limit, 50);
    assert_null(ask("42", NULL, "200", &q));
    assert_int_equal(q.direction, CHATD_LOG_BEFORE);
    assert_int_equal(q.seq, 42);
    assert_int_equal(q.limit, 200);
    assert_null(ask(NULL, "0", "1", &q));
    assert_int_equal(q.direction, CHATD_LOG_AFTER);
    assert_int_equal(q.seq, 0);
    assert_int_equal(q.limit, 1);
    assert_null(ask(NULL, "999999999999999999", NULL, &q));
    assert_true(q.seq == 999999999999999999);
}

static void refused(void **state)
{
    static const char *const bad[][3] = {
        {"0", NULL, NULL},     {NULL, NULL, "0"},    {NULL, NULL, "201"}, {"1", "1", NULL},
        {"-1", NULL, NULL},    {NULL, "-1", NULL},   {NULL, NULL, "-5"},  {"1.5", NULL, NULL},
        {"\"7\"", NULL, NULL}, {"true", NULL, NULL}, {"[]", NULL, NULL},  {"", NULL, NULL},
        {" 7", "", NULL},      {"+7", NULL, NULL},   {"7x", NULL, NULL},
    };
    struct history_query q;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(ask(bad[i][0], bad[i][1], bad[i][2], &q));
    /* As text a number has at most 18 digits, whatever they say. */
    assert_non_null(history_query_text(arg("1000000000000000000"), arg(NULL), arg(NULL), &q));
    assert_non_null(
        history_query_text(arg("99999999999999999999999999"), arg(NULL), arg(NULL), &q));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
