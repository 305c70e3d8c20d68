/* SPDX-License-Identifier: MIT */
/*
 * A request's target, as /api/v1/rooms/{room}/messages reads it: the input is a path, '?' and a query. Both the
 * path and each argument are found again when they are written anew, an argument is what a slower reading
 * says, and a page that is asked for in a query is the one that the same numbers ask for in JSON.
 */
#include "check.h"

#include "history_query.h"
#include "net/pct.h"
#include "net/route.h"
#include "net/utf8.h"
#include "rules.h"

static struct route_table table;

static void set_up(void)
{
    static char get[] = "GET";
    static char patterns[][40] = {"/api/v1/rooms/{room}/messages", "/api/v1/rooms", "/livez",
                                  "/{path...}"};
    const struct route *clash;

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const struct route route = {.method = get, .pattern = patterns[i], .user = &table};

        CHECK(route_add(&table, &route, &clash) == ROUTE_ADDED);
    }
}

/* Every byte as an escape. */
static size_t escape(const char *text, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 3 * i, 4, "%%%02X", (unsigned char)text[i]);
    return 3 * n;
}

static void check_path_again(const char *room, size_t n)
{
    static const char head[] = "/api/v1/rooms/", tail[] = "/messages";
    char *path = malloc(sizeof(head) + 3 * n + sizeof(tail));
    size_t m = sizeof(head) - 1;
    struct route_match match;

    memcpy(path, head, m);
    m += escape(room, n, path + m);
    memcpy(path + m, tail, sizeof(tail));
    m += sizeof(tail) - 1;
    route_find(&table, "GET", path, m, &match);
    CHECK(match.route != NULL && match.n_param == 1);
    CHECK(match.param[0].n == n && memcmp(match.param[0].value, room, n) == 0);
    route_match_deinit(&match);
    free(path);
}

static void check_path(const char *path, size_t n)
{
    struct route_match match;

    route_find(&table, "GET", path, n, &match);
    if (match.route != NULL && strstr(match.route->pattern, "{room}") != NULL) {
        chatd_str room = {match.param[0].value, match.param[0].n};

        CHECK(match.n_param == 1 && room.n > 0 && strlen(room.p) == room.n);
        CHECK(utf8_valid((const uint8_t *)room.p, room.n));
        CHECK(rules_room_name(room) != NULL || room.n <= ROOM_NAME_MAX);
        check_path_again(room.p, room.n);
    }
    route_match_deinit(&match);
}

/* How often an argument is there, and its last raw value. */
static unsigned slowly(const char *query, const char *name, char *raw_out)
{
    char *copy = exact_text(query, strlen(query)), *rest = copy, *piece;
    unsigned found = 0;

    while ((piece = strsep(&rest, "&")) != NULL) {
        char *value = strchr(piece, '=');

        if (value != NULL)
            *value++ = '\0';
        if (strcmp(piece, name) != 0)
            continue;
        found++;
        strcpy(raw_out, value != NULL ? value : "");
    }
    free(copy);
    return found;
}

/* The argument's text; p NULL: it is not there. False: it is bad. */
static bool argument(const char *query, const char *name, char *out, chatd_str *value_out)
{
    size_t len = strlen(query), n = 0, again_n = 0;
    char *raw = calloc(1, len + 1), *decoded = malloc(len + 1);
    enum pct_found found = pct_query(query, name, out, &n);
    unsigned times = slowly(query, name, raw);
    bool is_good = pct_decode(raw, strlen(raw), true, decoded, &again_n);

    *value_out = (chatd_str){found == PCT_FOUND ? out : NULL, n};
    if (times == 0)
        CHECK(found == PCT_ABSENT);
    else
        CHECK((found == PCT_FOUND) == (times == 1 && is_good));
    if (found == PCT_FOUND) {
        char *anew = malloc(strlen(name) + 2 + 3 * n + 1),
             *back = malloc(strlen(name) + 2 + 3 * n + 1);

        CHECK(n == again_n && memcmp(out, decoded, n) == 0 && out[n] == '\0');
        sprintf(anew, "%s=", name);
        anew[strlen(name) + 1 + escape(out, n, anew + strlen(name) + 1)] = '\0';
        CHECK(pct_query(anew, name, back, &again_n) == PCT_FOUND);
        CHECK(again_n == n && memcmp(back, out, n) == 0);
        free(anew);
        free(back);
    }
    free(raw);
    free(decoded);
    return found != PCT_BAD;
}

/* A number as JSON writes it: no zero in front. */
static bool is_plain(chatd_str text)
{
    if (text.p == NULL)
        return true;
    if (text.n == 0 || text.n > 18 || (text.p[0] == '0' && text.n > 1))
        return false;
    return strspn(text.p, "0123456789") == text.n;
}

static void check_page(chatd_str before, chatd_str after, chatd_str limit)
{
    struct history_query q = {.seq = 0}, again = {.seq = 0};
    const char *why = history_query_text(before, after, limit, &q), *same;
    struct chatd_fields fields;
    const char *flaw;
    char text[256];

    if (why == NULL) {
        CHECK(q.limit >= 1 && q.limit <= HISTORY_LIMIT_MAX);
        CHECK(before.p == NULL || after.p == NULL);
        CHECK(q.direction == (after.p != NULL ? CHATD_LOG_AFTER : CHATD_LOG_BEFORE));
        CHECK(limit.p != NULL || q.limit == HISTORY_LIMIT_DEFAULT);
    }
    if (!is_plain(before) || !is_plain(after) || !is_plain(limit))
        return;
    snprintf(text, sizeof(text), "{\"before\":%s,\"after\":%s,\"limit\":%s}",
             before.p != NULL ? before.p : "null", after.p != NULL ? after.p : "null",
             limit.p != NULL ? limit.p : "null");
    CHECK(chatd_fields_open((chatd_str){text, strlen(text)}, &fields, &flaw) == CHATD_OK);
    same = history_query_json(&fields, &again);
    CHECK((same == NULL) == (why == NULL));
    CHECK(why != NULL ||
          (q.seq == again.seq && q.limit == again.limit && q.direction == again.direction));
    chatd_fields_close(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = size > 0 ? memchr(data, '?', size) : NULL;
    size_t path_n = mark != NULL ? (size_t)(mark - data) : size;
    char *path = exact(data, path_n), *query = NULL, *out[4];
    chatd_str value[4];
    bool is_good = true;

    if (table.n == 0)
        set_up();
    check_path(path, path_n);
    free(path);
    if (mark == NULL)
        return 0;
    query = exact_text(mark + 1, size - path_n - 1);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"before", "after", "limit", "room"};

        out[i] = malloc(strlen(query) + 1);
        is_good = argument(query, names[i], out[i], &value[i]) && is_good;
    }
    if (is_good)
        check_page(value[0], value[1], value[2]);
    for (int i = 0; i < 4; i++)
        free(out[i]);
    free(query);
    return 0;
}
