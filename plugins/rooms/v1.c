/* SPDX-License-Identifier: MIT */
/* chatd.v1 connections in rooms: each request is answered once, by its id. */
#include "v1.h"

#include "join.h"
#include "publish.h"
#include "turn.h"
#include "v1_args.h"
#include "v1_frame.h"
#include "walk.h"

#include <stdlib.h>

static const struct refusal no_memory = {"unavailable", "The server is short of memory.", 1000};
static const struct refusal not_member = {"not_member", "Join the room first.", 0};

/* Nothing but messages is long. */
#define SHORT_MAX   4096u
#define MESSAGE_MAX ((size_t)1024 * 1024)

void v1_refuse(chatd_plugin *self, chatd_conn conn, chatd_str id, const struct refusal *why)
{
    chatd_verb_error(self, conn, id, why->code, why->text, why->retry_ms);
}

static void refuse_bad(chatd_plugin *self, const struct chatd_verb_call *call, const char *text)
{
    chatd_verb_error(self, call->conn, call->id, "bad_request", text, 0);
}

/* Answers with members that were just written, and frees them. */
static void ack(chatd_plugin *self, chatd_conn conn, chatd_str id, char *members, size_t n)
{
    if (members != NULL)
        chatd_verb_ack(self, conn, id, (chatd_str){members, n});
    else
        v1_refuse(self, conn, id, &no_memory);
    free(members);
}

bool v1_open(chatd_plugin *self, const struct chatd_verb_call *call,
             struct chatd_fields *fields_out, chatd_str *room_out)
{
    const char *flaw = v1_args_open(call->json, fields_out, room_out);

    if (flaw != NULL)
        refuse_bad(self, call, flaw);
    return flaw == NULL;
}

static chatd_str user_of(chatd_plugin *self, chatd_conn conn)
{
    struct chatd_conn_info info = {.size = sizeof(info)};

    return chatd_conn_info(self, conn, &info) < 0 ? CHATD_STR("") : info.user;
}

/* --- room.join ----------------------------------------------------------------------------------- */

static void on_join(struct join *join, const struct refusal *why)
{
    struct room *room = join->room;
    struct rooms *rooms = room->rooms;
    chatd_plugin *self = rooms->self;
    const struct chatd_log_page *missed = join->missed;
    uint64_t start = join->start, top = room->ring.last;
    bool is_recovered = join->is_recovered;
    chatd_conn conn = join->conn;
    char id[JOIN_ID_MAX + 1];
    struct member *member;
    size_t n = 0;
    char *members;

    memcpy(id, join->id, sizeof(id));
    if (why != NULL) {
        v1_refuse(self, conn, (chatd_str){id, strlen(id)}, why);
        join_abandon(join);
        turn_over(rooms, conn);
        return;
    }
    member = join_commit(join, DIALECT_V1);
    if (member == NULL) {
        v1_refuse(self, conn, (chatd_str){id, strlen(id)}, &no_memory);
        turn_over(rooms, conn);
        return;
    }
    if (missed != NULL && missed->top > top)
        top = missed->top;
    members = v1_joined(room_name(room), room_epoch(room), start, top, is_recovered, &n);
    ack(self, conn, (chatd_str){id, strlen(id)}, members, n);
    walk_begin(member, start, missed);
    turn_over(rooms, conn);
}

/* True if a seat may have one room more; else it is answered. */
static bool has_place(struct rooms *rooms, const struct seat *seat, chatd_str room,
                      const struct chatd_verb_call *call)
{
    static const struct refusal full = {
        "rate_limited", "This connection is in as many rooms as it may be. Leave one first.", 0};
    static const struct refusal conflict = {"conflict", "You are in this room already.", 0};

    if (member_find(rooms, call->conn, room) != NULL)
        v1_refuse(rooms->self, call->conn, call->id, &conflict);
    else if (member_count(seat) + work_of(seat)->n_joins >= (uint64_t)config_of(rooms)->joins_max)
        v1_refuse(rooms->self, call->conn, call->id, &full);
    else
        return true;
    return false;
}

static bool join_now(struct rooms *rooms, struct seat *seat, const struct chatd_verb_call *call)
{
    chatd_plugin *self = rooms->self;
    struct refusal why = no_memory;
    struct position since;
    struct join *join;
    bool is_begun = false;
    const char *flaw;
    struct chatd_fields fields;
    chatd_str room;

    if (!v1_open(self, call, &fields, &room))
        return true;
    flaw = v1_args_since(&fields, &since);
    if (flaw != NULL) {
        refuse_bad(self, call, flaw);
    } else if (has_place(rooms, seat, room, call)) {
        join = limits_join(rooms, seat, call->conn, &why)
                   ? join_new(seat, rooms, call->conn, room, user_of(self, call->conn), on_join)
                   : NULL;
        if (join == NULL) {
            v1_refuse(self, call->conn, call->id, &why);
        } else {
            join->since = since;
            memcpy(join->id, call->id.p, call->id.n); /* at most JOIN_ID_MAX: verb.h */
            is_begun = true;
            join_begin(join); /* on_join() ends the turn, perhaps in this call */
        }
    }
    chatd_fields_close(&fields);
    return !is_begun;
}

static void room_join(chatd_plugin *self, const struct chatd_verb_call *call)
{
    turn_take(self->data, call, TURN_JOIN, join_now);
}

/* --- room.leave ---------------------------------------------------------------------------------- */

static bool leave_now(struct rooms *rooms, struct seat *seat, const struct chatd_verb_call *call)
{
    chatd_plugin *self = rooms->self;
    struct chatd_fields fields;
    struct member *member;
    chatd_str room;
    size_t n = 0;
    char *members;

    if (!v1_open(self, call, &fields, &room))
        return true;
    member = member_find(rooms, call->conn, room);
    if (member == NULL) {
        v1_refuse(self, call->conn, call->id, &not_member);
    } else {
        members = v1_room(room, &n);
        member_leave(seat, member, user_of(self, call->conn));
        ack(self, call->conn, call->id, members, n);
    }
    chatd_fields_close(&fields);
    return true;
}

static void room_leave(chatd_plugin *self, const struct chatd_verb_call *call)
{
    turn_take(self->data, call, TURN_OTHER, leave_now);
}

/* --- message.send -------------------------------------------------------------------------------- */

/* What the answer of a message under way needs. */
struct sending {
    char id[JOIN_ID_MAX + 1], room[ROOM_NAME_MAX + 1], cid[MESSAGE_CID_MAX + 1];
};

static void copy(char *to, chatd_str from)
{
    memcpy(to, from.p, from.n); /* zeroed before, and checked to fit */
}

/* Whether somebody whose join was allowed but waits for its first page may speak: it pipelines. */
static bool may_send(struct rooms *rooms, const struct seat *seat, chatd_conn conn, chatd_str room)
{
    const struct join *join;

    if (member_find(rooms, conn, room) != NULL)
        return true;
    join = join_find(seat, room);
    return join != NULL && join->is_allowed;
}

static void on_published(struct rooms *rooms, chatd_conn conn, const struct publish_result *result,
                         void *arg)
{
    static const struct refusal late = {
        "timeout",
        "The store did not answer in time; whether it has the message is not known. Send it again "
        "with the same cid.",
        1000};
    static const struct refusal away = {
        "unavailable", "The store cannot take messages now. Please try again.", 1000};
    struct sending *sending = arg;
    chatd_str id = {sending->id, strlen(sending->id)};
    size_t n = 0;

    if (result->err == CHATD_OK) {
        char *members = v1_sent((chatd_str){sending->room, strlen(sending->room)},
                                (chatd_str){sending->cid, strlen(sending->cid)}, result->seq,
                                result->ts, result->duplicate, &n);

        ack(rooms->self, conn, id, members, n);
    } else {
        v1_refuse(rooms->self, conn, id,
                  result->err == CHATD_E_INVAL     ? result->refused
                  : result->err == CHATD_E_TIMEOUT ? &late
                                                   : &away);
    }
    free(sending);
}

/* `why` NULL: nothing is wrong so far. */
static void send_text(struct rooms *rooms, const struct chatd_verb_call *call,
                      const struct publish_call *message, const struct refusal *why)
{
    struct sending *sending = calloc(1, sizeof(*sending));

    if (sending == NULL) {
        v1_refuse(rooms->self, call->conn, call->id, &no_memory);
        return;
    }
    copy(sending->id, call->id);
    if (why != NULL) {
        publish_refuse(rooms, call->conn, why, on_published, sending);
        return;
    }
    copy(sending->room, message->room);
    copy(sending->cid, message->cid);
    publish(rooms, message, on_published, sending);
}

static bool send_now(struct rooms *rooms, struct seat *seat, const struct chatd_verb_call *call)
{
    struct publish_call message = {.conn = call->conn, .cid = CHATD_STR("")};
    struct refusal bad = {"bad_request", NULL, 0};
    const struct refusal *why = &bad;
    struct chatd_fields fields;
    bool is_open;

    bad.text = v1_args_open(call->json, &fields, &message.room);
    is_open = bad.text == NULL;
    message.user = user_of(rooms->self, call->conn);
    if (is_open && !may_send(rooms, seat, call->conn, message.room))
        why = &not_member;
    else if (is_open)
        bad.text = v1_args_message(&fields, &message.text, &message.cid);
    if (bad.text == NULL && why == &bad)
        why = NULL;
    send_text(rooms, call, &message, why);
    if (is_open)
        chatd_fields_close(&fields);
    return true;
}

static void message_send(chatd_plugin *self, const struct chatd_verb_call *call)
{
    turn_take(self->data, call, TURN_MESSAGE, send_now);
}

/* ------------------------------------------------------------------------------------------------- */

int v1_limits(struct rooms *rooms, const struct rooms_config *config)
{
    chatd_plugin *self = rooms->self;
    int rc = chatd_limit(self, "text_bytes", config->text_max);

    if (rc >= 0)
        rc = chatd_limit(self, "rooms", config->joins_max);
    if (rc >= 0)
        rc = chatd_limit(self, "resume", config->resume_max);
    return rc;
}

int v1_register(struct rooms *rooms)
{
    static const struct chatd_verb_def verbs[] = {
        {.name = "room.join", .max_body = SHORT_MAX, .handle = room_join},
        {.name = "room.leave", .max_body = SHORT_MAX, .handle = room_leave},
        {.name = "message.send", .max_body = MESSAGE_MAX, .handle = message_send},
    };
    size_t i;
    int rc = v1_limits(rooms, config_of(rooms));

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && rc >= 0; i++) {
        struct chatd_verb_def def = verbs[i];

        def.size = sizeof(def);
        def.flags = CHATD_VERB_LOGIN | CHATD_VERB_RATE;
        rc = chatd_verb(rooms->self, &def);
    }
    return rc;
}
