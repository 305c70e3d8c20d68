/* SPDX-License-Identifier: MIT */
/*
 * One request is one read of the store and one answer. A member reads by its membership; over HTTP the
 * event `join` says whether the caller may come in, and is not committed.
 */
#include "history.h"

#include "deliver.h"
#include "history_query.h"
#include "member.h"
#include "page.h"
#include "turn.h"
#include "v1.h"
#include "v1_frame.h"
#include "walk.h"

#include <stdlib.h>

/* Records of one answer, in bytes as they are stored: the rest is for the next page. Who has more than that
 * unread waits for a further page until it has read. */
#define ANSWER_BYTES 262144u

#define SHORT_MAX 4096u

/* Somebody who asked: a connection, or a request. */
struct asker {
    struct rooms *rooms;
    chatd_conn conn;
    chatd_req req;
    struct history_query query;
    struct chatd_ev_join ev; /* over HTTP */
    char id[65], room[ROOM_NAME_MAX + 1];
    char user[]; /* over HTTP; NUL-terminated */
};

static const struct refusal no_memory = {"unavailable", "The server is short of memory.", 1000};
static const struct refusal no_log = {"not_found", "This server keeps no messages.", 0};
static const struct refusal store_away = {
    "unavailable", "The room's messages cannot be read now. Please try again.", 1000};

static chatd_str asked_room(const struct asker *asker)
{
    return (chatd_str){asker->room, strlen(asker->room)};
}

/* --- The answer ----------------------------------------------------------------------------------- */

/* Ends the request, with an answer or (NULL) why there is none. */
static void finish(struct asker *asker, const struct out *answer, const struct refusal *why)
{
    struct rooms *rooms = asker->rooms;
    chatd_plugin *self = rooms->self;
    chatd_conn conn = asker->conn;
    chatd_str id = {asker->id, strlen(asker->id)};

    if (conn.v != 0 && answer != NULL)
        chatd_verb_ack(self, conn, id, (chatd_str){answer->p, answer->n});
    else if (conn.v != 0)
        v1_refuse(self, conn, id, why);
    else if (answer != NULL)
        chatd_reply_json(self, asker->req, 200, (chatd_str){answer->p, answer->n});
    else
        chatd_reply_error(self, asker->req, 0, why->code, why->text, why->retry_ms);
    free(asker);
    if (conn.v != 0)
        turn_over(rooms, conn);
}

/* Which rows of a page fit one answer: from the end where reading began, at least one. */
struct window {
    uint32_t from, to;
};

static struct window window_of(const struct chatd_log_page *page, bool is_backward)
{
    struct window w = {0, page->n};
    size_t bytes = 0;
    uint32_t i;

    for (i = 0; i < page->n; i++) {
        bytes += page_row(page, is_backward ? page->n - 1 - i : i)->record.n;
        if (i > 0 && bytes > ANSWER_BYTES)
            break;
    }
    if (is_backward)
        w.from = page->n - i;
    else
        w.to = i;
    return w;
}

/* Appends a row, if it can be read and its reader may see it. False: no memory. */
static bool add_row(struct asker *asker, struct out *out, const struct chatd_log_record *row,
                    bool *is_first)
{
    struct record record;
    bool good = true;

    if (!record_open(row->record, &record))
        return true;
    if (deliver_is_allowed(asker->rooms, asked_room(asker), &record, row->seq, asker->conn,
                           asker->req)) {
        good = out_reserve(out, v1_row_max(&record) + 1) == CHATD_OK;
        if (good && !*is_first)
            out_raw(out, CHATD_STR(","));
        if (good)
            v1_row(out, &record, row->seq, row->ts);
        *is_first = false;
    }
    record_close(&record);
    return good;
}

static bool write_answer(struct asker *asker, const struct chatd_log_page *page, struct out *out)
{
    static const char fixed[] =
        "{\"room\":,\"messages\":[],\"epoch\":,\"top\":,\"more\":false,\"next\":}";
    bool is_backward = asker->query.direction == CHATD_LOG_BEFORE, is_first = true;
    struct window w = window_of(page, is_backward);
    bool is_more = page->more || w.to - w.from < page->n;
    uint32_t i;

    if (out_init(out, sizeof(fixed) + chatd_json_quote_max(ROOM_NAME_MAX)) < 0)
        return false;
    if (asker->conn.v == 0)
        out_raw(out, CHATD_STR("{"));
    out_raw(out, CHATD_STR("\"room\":"));
    out_string(out, asked_room(asker));
    out_raw(out, CHATD_STR(",\"messages\":["));
    for (i = w.from; i < w.to; i++) {
        if (!add_row(asker, out, page_row(page, i), &is_first))
            return false;
    }
    if (out_reserve(out, sizeof(fixed) + chatd_json_quote_max(page->epoch.n) +
                             2 * (size_t)OUT_NUMBER_MAX) < 0)
        return false;
    out_raw(out, CHATD_STR("],\"epoch\":"));
    out_string(out, page->epoch);
    out_raw(out, CHATD_STR(",\"top\":"));
    out_number(out, (int64_t)page->top);
    out_raw(out, is_more ? CHATD_STR(",\"more\":true") : CHATD_STR(",\"more\":false"));
    if (is_more && w.to > w.from) {
        /* Where to go on: rows that the reader may not see say nothing. */
        out_raw(out, CHATD_STR(",\"next\":"));
        out_number(out, (int64_t)page_row(page, is_backward ? w.from : w.to - 1)->seq);
    }
    if (asker->conn.v == 0)
        out_raw(out, CHATD_STR("}"));
    return true;
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct asker *asker = arg;
    struct out out = {.p = NULL};

    (void)self;
    if (err != CHATD_OK)
        finish(asker, NULL, &store_away);
    else if (write_answer(asker, page, &out))
        finish(asker, &out, NULL);
    else
        finish(asker, NULL, &no_memory);
    out_free(&out);
}

static void read_page(struct asker *asker)
{
    struct rooms *rooms = asker->rooms;

    if (chatd_log_range(rooms->self, rooms->log, asked_room(asker), asker->query.seq,
                        asker->query.limit, asker->query.direction, on_page, asker) < 0)
        finish(asker, NULL, &store_away);
    else
        count(rooms, METRIC_STORE_READS);
}

static struct asker *asker_new(struct rooms *rooms, chatd_str room,
                               const struct history_query *query, chatd_str user)
{
    struct asker *asker = calloc(1, sizeof(*asker) + user.n + 1);

    if (asker == NULL)
        return NULL;
    asker->rooms = rooms;
    asker->query = *query;
    memcpy(asker->room, room.p, room.n); /* a good name: it fits */
    if (user.n > 0)
        memcpy(asker->user, user.p, user.n);
    return asker;
}

/* --- history.get ---------------------------------------------------------------------------------- */

void history_go_on(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat = seat_of(rooms, conn);
    struct asker *asker = seat != NULL ? work_of(seat)->page : NULL;

    if (asker == NULL)
        return;
    seat->work->page = NULL;
    read_page(asker);
}

void history_end(struct seat *seat)
{
    free(seat->work->page);
    seat->work->page = NULL;
}

static bool get_now(struct rooms *rooms, struct seat *seat, const struct chatd_verb_call *call)
{
    static const struct refusal not_member = {"not_member", "Join the room first.", 0};
    chatd_plugin *self = rooms->self;
    struct refusal bad = {"bad_request", NULL, 0};
    const struct refusal *why = NULL;
    struct history_query query;
    struct asker *asker = NULL;
    size_t unread = 0;
    struct chatd_fields fields;
    chatd_str room;

    if (!v1_open(self, call, &fields, &room))
        return true;
    bad.text = history_query_json(&fields, &query);
    if (bad.text != NULL)
        why = &bad;
    else if (rooms->log == NULL)
        why = &no_log;
    else if (member_find(rooms, call->conn, room) == NULL)
        why = &not_member;
    else if ((asker = asker_new(rooms, room, &query, CHATD_STR(""))) == NULL)
        why = &no_memory;
    chatd_fields_close(&fields);
    if (why != NULL) {
        v1_refuse(self, call->conn, call->id, why);
        return true;
    }
    asker->conn = call->conn;
    memcpy(asker->id, call->id.p, call->id.n); /* at most 64 bytes: verb.h */
    seat->work->page = asker;                  /* its turn is under way */
    /* Its reader takes what it has first. */
    chatd_conn_backlog(self, call->conn, &unread);
    if (unread > ANSWER_BYTES)
        walk_when_drained(rooms, call->conn);
    else
        history_go_on(rooms, call->conn);
    return false; /* finish() ends the turn, perhaps in this call */
}

static void handle_verb(chatd_plugin *self, const struct chatd_verb_call *call)
{
    turn_take(self->data, call, TURN_OTHER, get_now);
}

/* --- GET /api/v1/rooms/{room}/messages ------------------------------------------------------------ */

static void on_verdict(chatd_plugin *self, int verdict, void *arg)
{
    struct asker *asker = arg;

    if (verdict == CHATD_DENY) {
        struct refusal why = refusal_of(&asker->ev.ev);

        finish(asker, NULL, &why);
        return;
    }
    chatd_ev_drop(self, &asker->ev.ev);
    read_page(asker);
}

/* A query argument; p NULL: it is not there. False: it is there twice, or is no text. */
static bool argument(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    int rc = chatd_req_query(self, req, name, value_out);

    if (rc == CHATD_E_NOTFOUND)
        *value_out = (chatd_str){NULL, 0};
    return rc == CHATD_OK || rc == CHATD_E_NOTFOUND;
}

static const char *read_request(chatd_plugin *self, chatd_req req, chatd_str *room_out,
                                struct history_query *query_out)
{
    chatd_str before, after, limit;
    const char *flaw;

    if (chatd_req_param(self, req, "room", room_out) < 0)
        return "The room's name is not valid UTF-8.";
    flaw = rules_room_name(*room_out);
    if (flaw != NULL)
        return flaw;
    if (!argument(self, req, "before", &before) || !argument(self, req, "after", &after) ||
        !argument(self, req, "limit", &limit))
        return "An argument is there twice.";
    return history_query_text(before, after, limit, query_out);
}

static void handle_request(chatd_plugin *self, chatd_req req)
{
    struct rooms *rooms = self->data;
    struct chatd_request info = {.size = sizeof(info)};
    struct refusal bad = {"bad_request", NULL, 0};
    const struct refusal *why = NULL;
    struct history_query query;
    struct asker *asker = NULL;
    chatd_str room;

    bad.text = read_request(self, req, &room, &query);
    if (bad.text != NULL)
        why = &bad;
    else if (rooms->log == NULL)
        why = &no_log;
    else if (chatd_request(self, req, &info) < 0)
        return; /* it left */
    else if ((asker = asker_new(rooms, room, &query, info.user)) == NULL)
        why = &no_memory;
    if (why != NULL) {
        chatd_reply_error(self, req, 0, why->code, why->text, why->retry_ms);
        return;
    }
    asker->req = req;
    asker->ev = (struct chatd_ev_join){.ev = {.size = sizeof(asker->ev), .req = req},
                                       .room = asked_room(asker),
                                       .user = {asker->user, strlen(asker->user)}};
    if (chatd_raise_join(self, &asker->ev, on_verdict, asker) < 0)
        finish(asker, NULL, &store_away);
}

int history_register(struct rooms *rooms)
{
    static const struct chatd_verb_def verb = {.size = sizeof(verb),
                                               .flags = CHATD_VERB_LOGIN | CHATD_VERB_RATE,
                                               .name = "history.get",
                                               .max_body = SHORT_MAX,
                                               .handle = handle_verb};
    static const struct chatd_route_def route = {.size = sizeof(route),
                                                 .flags = CHATD_ROUTE_LOGIN,
                                                 .method = "GET",
                                                 .pattern = "/api/v1/rooms/{room}/messages",
                                                 .handle = handle_request};
    int rc = chatd_verb(rooms->self, &verb);

    return rc < 0 ? rc : chatd_route(rooms->self, &route);
}
