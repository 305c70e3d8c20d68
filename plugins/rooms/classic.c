/* SPDX-License-Identifier: MIT */
/* Classic sockets: the upgrade joins the room, frames are messages or typing signals. */
#include "classic.h"

#include "classic_frame.h"
#include "deliver.h"
#include "join.h"
#include "publish.h"
#include "signals.h"
#include "walk.h"

#include <stdlib.h>

#define CLASSIC_PATH "/ws"

/* As long as the core lets an event wait: other plugins may wait in `join`, and then the store. */
#define UPGRADE_DEADLINE_MS 60000u

static bool is_classic(chatd_str path, chatd_str subprotocol)
{
    return subprotocol.n == 0 && str_equal(path, CHATD_STR(CLASSIC_PATH));
}

/* --- The upgrade ------------------------------------------------------------------------------ */

/* The join is decided: in the upgrade's own handler, or later. */
static void on_join(struct join *join, const struct refusal *why)
{
    chatd_plugin *self = join->room->rooms->self;
    struct chatd_ev_upgrade *ev = join->upgrade;

    join->is_decided = true;
    if (ev != NULL)
        join->verdict = why == NULL
                            ? CHATD_NEXT
                            : chatd_deny_for(self, &ev->ev, why->code, why->text, why->retry_ms);
    else if (why == NULL)
        chatd_resume(self, join->wait, CHATD_NEXT, NULL, NULL);
    else
        chatd_resume_deny_for(self, join->wait, why->code, why->text, why->retry_ms);
    /* CHATD_E_GONE: the upgrade timed out or the client left; the end of the seat ends the join. */
}

/* Sets *room_out to the room that is asked for; else denies. */
static bool wanted_room(chatd_plugin *self, struct chatd_ev_upgrade *ev, chatd_str *room_out)
{
    const struct rooms_config *config = self->config;
    int rc = chatd_req_query(self, ev->ev.req, "room", room_out);
    const char *flaw = NULL;

    if (rc == CHATD_E_NOTFOUND)
        *room_out = (chatd_str){config->default_room, strlen(config->default_room)};
    else if (rc < 0)
        flaw = "The argument \"room\" is there twice or is not valid UTF-8.";
    if (flaw == NULL)
        flaw = rules_room_name(*room_out);
    if (flaw != NULL)
        chatd_deny(self, &ev->ev, "bad_request", flaw);
    return flaw == NULL;
}

static enum chatd_verdict on_upgrade(chatd_plugin *self, struct chatd_ev_upgrade *ev)
{
    struct rooms *rooms = self->data;
    struct chatd_conn_info info = {.size = sizeof(info)};
    struct refusal why;
    struct seat *seat;
    struct join *join;
    chatd_str room;
    int rc;

    if (!is_classic(ev->path, ev->subprotocol))
        return CHATD_NEXT;
    if (!wanted_room(self, ev, &room))
        return CHATD_DENY;
    seat = seat_of(rooms, ev->ev.conn);
    if (seat == NULL || work_of(seat)->joins != NULL ||
        chatd_conn_info(self, ev->ev.conn, &info) < 0)
        return chatd_deny(self, &ev->ev, "internal", "The connection cannot be used.");
    if (!limits_join(rooms, seat, ev->ev.conn, &why))
        return chatd_deny_for(self, &ev->ev, why.code, why.text, why.retry_ms);
    join = join_new(seat, rooms, ev->ev.conn, room, info.user, on_join);
    if (join == NULL)
        return chatd_deny_for(self, &ev->ev, "unavailable", "The server is short of memory.", 1000);

    join->upgrade = ev;
    join_begin(join);
    join->upgrade = NULL;
    if (join->is_decided)
        return join->verdict;
    rc = chatd_ev_wait(self, &ev->ev, UPGRADE_DEADLINE_MS, NULL, NULL, &join->wait);
    if (rc < 0) {
        join_abandon(join);
        return chatd_deny_for(self, &ev->ev, "unavailable", "The server is too busy.", 1000);
    }
    return CHATD_WAIT;
}

static void on_connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    struct rooms *rooms = self->data;
    struct member *member;
    struct seat *seat;
    struct join *join;
    uint64_t start;
    bool is_stale;

    if (!is_classic(ev->path, ev->subprotocol))
        return;
    seat = seat_of(rooms, ev->ev.conn);
    join = seat != NULL ? work_of(seat)->joins : NULL;
    if (join == NULL)
        return;
    start = join->start;
    is_stale = join->resets != join->room->resets; /* since the upgrade let it in */
    member = join_commit(join, DIALECT_CLASSIC);
    if (member == NULL)
        chatd_conn_close(self, ev->ev.conn, CHATD_CLOSE_TRY_LATER, "the room cannot be joined now");
    else if (is_stale)
        deliver_start_again(member);
    else
        walk_begin(member, start, NULL);
}

/* --- Frames ----------------------------------------------------------------------------------- */

static void send_error(struct rooms *rooms, chatd_conn conn, const struct refusal *why)
{
    struct seat *seat = seat_of(rooms, conn);
    size_t n = 0;
    char *json;

    if (seat == NULL || seat->members == NULL)
        return; /* it left meanwhile */
    json = classic_error(room_name(seat->members->room), why, &n);
    if (json != NULL)
        chatd_conn_send(rooms->self, conn, CHATD_TEXT, (chatd_str){json, n}, 0);
    free(json);
}

static void on_published(struct rooms *rooms, chatd_conn conn, const struct publish_result *result,
                         void *arg)
{
    (void)arg;
    if (result->err == CHATD_E_INVAL)
        send_error(rooms, conn, result->refused);
    else if (result->err != CHATD_OK && result->err != CHATD_E_CANCELLED)
        /* Whether it was stored is unknown, and classic has no acknowledgement to say so with. */
        chatd_conn_close(rooms->self, conn, CHATD_CLOSE_TRY_LATER, "store away");
}

static void take_frame(struct rooms *rooms, struct member *member, chatd_str user, chatd_str data)
{
    struct classic_in in;
    struct refusal why;

    if (!classic_in_open(data, &in, &why)) {
        publish_refuse(rooms, member->conn, &why, on_published, NULL);
        return;
    }
    if (in.is_typing) {
        signals_send(rooms, member->conn, room_name(member->room), user, CHATD_STR("typing"), 1);
    } else {
        struct publish_call call = {.conn = member->conn,
                                    .room = room_name(member->room),
                                    .user = user,
                                    .text = in.text,
                                    .cid = CHATD_STR("")};

        publish(rooms, &call, on_published, NULL);
    }
    classic_in_close(&in);
}

static void handle(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode, chatd_str data)
{
    struct rooms *rooms = self->data;
    struct seat *seat = seat_of(rooms, conn);
    struct chatd_conn_info info = {.size = sizeof(info)};

    if (opcode != CHATD_TEXT) {
        chatd_conn_close(self, conn, CHATD_CLOSE_UNSUPPORTED, "this dialect is JSON text");
        return;
    }
    if (seat == NULL || seat->members == NULL || seat->members->state == MEMBER_VOID ||
        chatd_conn_info(self, conn, &info) < 0)
        return; /* it is being closed */
    take_frame(rooms, seat->members, info.user, data);
}

int classic_register(struct rooms *rooms)
{
    static const struct chatd_ws_def claim = {
        .size = sizeof(claim), .path = CLASSIC_PATH, .subprotocol = NULL, .handle = handle};
    chatd_plugin *self = rooms->self;
    int rc = chatd_ws(self, &claim);

    if (rc >= 0)
        rc = chatd_on_upgrade(self, CHATD_CHANGE, on_upgrade);
    if (rc >= 0)
        rc = chatd_on_connected(self, on_connected);
    return rc;
}
