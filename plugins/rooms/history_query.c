/* SPDX-License-Identifier: MIT */
/* Reading the arguments before, after and limit. */
#include "history_query.h"

#include <stdbool.h>

/* A number that is not given. */
#define ABSENT (-1)

static const char *decide(int64_t before, int64_t after, int64_t limit,
                          struct history_query *query_out)
{
    if (before != ABSENT && after != ABSENT)
        return "Ask for what is before or for what is after, not for both.";
    if (before == 0)
        return "\"before\" is at least 1.";
    if (limit == 0 || limit > HISTORY_LIMIT_MAX)
        return "\"limit\" is 1 to 200.";
    *query_out =
        (struct history_query){.seq = (uint64_t)(after != ABSENT    ? after
                                                 : before != ABSENT ? before
                                                                    : 0),
                               .limit = limit != ABSENT ? (uint32_t)limit : HISTORY_LIMIT_DEFAULT,
                               .direction = after != ABSENT ? CHATD_LOG_AFTER : CHATD_LOG_BEFORE};
    return NULL;
}

/* 1 to 18 digits: what fits a signed 64-bit number whatever they are. */
static bool read_text(chatd_str text, int64_t *number_out)
{
    int64_t number = 0;
    size_t i;

    *number_out = ABSENT;
    if (text.p == NULL)
        return true;
    if (text.n == 0 || text.n > 18)
        return false;
    for (i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        number = number * 10 + (text.p[i] - '0');
    }
    *number_out = number;
    return true;
}

const char *history_query_text(chatd_str before, chatd_str after, chatd_str limit,
                               struct history_query *query_out)
{
    int64_t b, a, l;

    if (!read_text(before, &b) || !read_text(after, &a) || !read_text(limit, &l))
        return "\"before\", \"after\" and \"limit\" are whole numbers.";
    return decide(b, a, l, query_out);
}

static bool read_member(const struct chatd_fields *fields, const char *key, int64_t *number_out)
{
    int rc;

    *number_out = ABSENT;
    rc = chatd_fields_int(fields, key, number_out);
    return rc == CHATD_E_NOTFOUND || (rc == CHATD_OK && *number_out >= 0);
}

const char *history_query_json(const struct chatd_fields *fields, struct history_query *query_out)
{
    int64_t b, a, l;

    if (!read_member(fields, "before", &b) || !read_member(fields, "after", &a) ||
        !read_member(fields, "limit", &l))
        return "\"before\", \"after\" and \"limit\" are whole numbers.";
    return decide(b, a, l, query_out);
}
