/* SPDX-License-Identifier: MIT */
/* Joins: each is owned by its connection's seat and outlives it only while `join` is raised. */
#include "join.h"

#include "page.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const struct refusal store_away = {
    "unavailable", "The room's messages cannot be read now. Please try again.", 1000};

struct join *join_new(struct rooms *rooms, chatd_conn conn, chatd_str room, chatd_str user,
                      join_cb done)
{
    struct join *join = calloc(1, sizeof(*join) + user.n + 1);

    if (join == NULL)
        return NULL;
    join->room = room_open(rooms, room);
    if (join->room == NULL) {
        free(join);
        return NULL;
    }
    join->conn = conn;
    join->done = done;
    if (user.n > 0)
        memcpy(join->user, user.p, user.n);
    join->ev = (struct chatd_ev_join){.ev = {.size = sizeof(join->ev), .conn = conn},
                                      .room = room_name(join->room),
                                      .user = {join->user, user.n}};
    return join;
}

static void join_free(struct join *join)
{
    struct room *room = join->room;

    if (join->is_waiting)
        DL_DELETE(room->waiters, join);
    if (join->is_allowed)
        chatd_ev_drop(room->rooms->self, &join->ev.ev);
    if (join->is_pinned)
        ring_unpin(&room->ring);
    room_release(&join->room);
    free(join);
}

/* The page is here: it stays until the join is committed. */
static void let_in(struct join *join)
{
    ring_pin(&join->room->ring);
    join->is_pinned = true;
    ring_touch(&join->room->ring);
    join->done(join, NULL);
}

/* Nothing may touch the join after its `done`. */
static void on_verdict(chatd_plugin *self, int verdict, void *arg)
{
    struct join *join = arg;

    (void)self;
    join->is_raising = false;
    join->is_allowed = verdict != CHATD_DENY;
    if (join->is_abandoned) {
        join_free(join);
    } else if (!join->is_allowed) {
        struct refusal why = refusal_of(&join->ev.ev);

        join->done(join, &why);
    } else if (page_is_here(join->room)) {
        let_in(join);
    } else if (page_read(join->room) < 0) {
        join->done(join, &store_away);
    } else {
        join->is_waiting = true;
        DL_APPEND(join->room->waiters, join);
    }
}

void join_begin(struct join *join)
{
    static const struct refusal fault = {"internal", "The room cannot be joined.", 0};

    join->is_raising = true;
    if (chatd_raise_join(join->room->rooms->self, &join->ev, on_verdict, join) < 0) {
        join->is_raising = false;
        join->done(join, &fault);
    }
}

void join_answer_waiters(struct room *room, int err)
{
    struct join *join;

    while ((join = room->waiters) != NULL) {
        DL_DELETE(room->waiters, join);
        join->is_waiting = false;
        if (err == CHATD_OK)
            let_in(join);
        else
            join->done(join, &store_away);
    }
}

struct member *join_commit(struct join **join_ref, struct seat *seat, enum dialect dialect)
{
    struct join *join = *join_ref;
    struct member *member = member_add(seat, join->room, join->conn, dialect);

    *join_ref = NULL;
    if (member != NULL) {
        join->is_allowed = false; /* raised instead of dropped */
        chatd_raised_join(join->room->rooms->self, &join->ev);
    }
    join_free(join);
    return member;
}

void join_abandon(struct join **join_ref)
{
    struct join *join = *join_ref;

    *join_ref = NULL;
    if (join->is_raising)
        join->is_abandoned = true; /* the payload must stay until the verdict */
    else
        join_free(join);
}
