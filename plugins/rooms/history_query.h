/* SPDX-License-Identifier: MIT */
/* Which page of a room's log somebody asks for. Pure. */
#ifndef ROOMS_HISTORY_QUERY_H
#define ROOMS_HISTORY_QUERY_H

#include <chatd/fields.h>
#include <chatd/svc/log.h>

#define HISTORY_LIMIT_MAX     200u
#define HISTORY_LIMIT_DEFAULT 50u

struct history_query {
    uint64_t seq;
    uint32_t limit;
    enum chatd_log_range_flag direction;
};

/* The arguments as text, as in a URL's query; p NULL: not given. NULL, or what is wrong with them, as
 * a sentence (a literal). */
const char *history_query_text(chatd_str before, chatd_str after, chatd_str limit,
                               struct history_query *query_out);

/* The same, as members of a JSON object. */
const char *history_query_json(const struct chatd_fields *fields, struct history_query *query_out);

#endif
