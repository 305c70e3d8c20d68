/* SPDX-License-Identifier: MIT */
/* Seats and memberships. */
#include "member.h"

#include "census.h"
#include "feed.h"
#include "history.h"
#include "join.h"
#include "publish.h"
#include "turn.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

static void show_count(const struct room *room, int by)
{
    struct rooms *rooms = room->rooms;

    census_changed(rooms, room_name(room));
    rooms->members = (uint32_t)((int64_t)rooms->members + by);
    chatd_metric_set(rooms->self, rooms->metric[METRIC_MEMBERS], 0, rooms->members);
}

struct seat *seat_of(struct rooms *rooms, chatd_conn conn)
{
    return chatd_slot_of(rooms->self, rooms->seat_slot, conn.v);
}

const struct work *work_of(const struct seat *seat)
{
    static const struct work none;

    return seat->work != NULL ? seat->work : &none;
}

struct work *work_begin(struct seat *seat)
{
    if (seat->work == NULL && (seat->work = malloc(sizeof(*seat->work))) != NULL)
        *seat->work = (struct work){0}; /* calloc() takes none of those that were just freed */
    return seat->work;
}

void work_rest(struct seat *seat)
{
    const struct work *work = seat->work;

    if (work == NULL || work->joins != NULL || work->publications != NULL || work->page != NULL ||
        work->put_off != NULL || work->n_deciding > 0 || work->is_alone || work->is_going_on ||
        work->hold != NULL)
        return;
    free(seat->work);
    seat->work = NULL;
}

uint32_t member_count(const struct seat *seat)
{
    const struct member *member;
    uint32_t n = 0;

    for (member = seat->members; member != NULL; member = member->sibling)
        n++;
    return n;
}

static struct member *find_in(const struct seat *seat, const struct room *room)
{
    struct member *member;

    for (member = seat->members; member != NULL; member = member->sibling) {
        if (member->room == room)
            return member;
    }
    return NULL;
}

struct member *member_find(struct rooms *rooms, chatd_conn conn, chatd_str name)
{
    struct seat *seat = seat_of(rooms, conn);
    struct room *room = seat == NULL ? NULL : room_find(rooms, name);

    return room == NULL ? NULL : find_in(seat, room);
}

/* A member of the channel could not take the record `seq`. */
static void on_behind(chatd_plugin *self, chatd_channel channel, chatd_conn conn, uint64_t seq,
                      void *arg)
{
    struct room *room = arg;
    struct seat *seat = seat_of(room->rooms, conn);
    struct member *member = seat == NULL ? NULL : find_in(seat, room);

    (void)self, (void)channel;
    if (member == NULL || member->state != MEMBER_LIVE)
        return;
    member->state = MEMBER_BEHIND;
    if (!member->owes_reset || seq - 1 < member->sent)
        member->sent = seq - 1;
    member->owes_gap = true; /* told once, when it has room for more than that */
    walk_when_drained(room->rooms, conn);
}

static int open_channel(struct room *room, enum dialect dialect)
{
    static const char *const prefix[DIALECT_COUNT] = {
        [DIALECT_CLASSIC] = "classic/", [DIALECT_V1] = "v1/"};
    chatd_plugin *self = room->rooms->self;
    char name[ROOM_NAME_MAX + 16];
    int n, rc;

    if (room->channel[dialect].v != 0)
        return CHATD_OK;
    n = snprintf(name, sizeof(name), "%s%s", prefix[dialect], room->name);
    rc = chatd_channel_open(self, (chatd_str){name, (size_t)n}, &room->channel[dialect]);
    if (rc < 0 && rc != CHATD_E_EXISTS)
        return rc;
    /* Classic has no way to tell of a gap: its members are closed when they are too slow. */
    if (dialect != DIALECT_CLASSIC)
        chatd_channel_on_behind(self, room->channel[dialect], on_behind, room);
    return CHATD_OK;
}

struct member *member_add(struct seat *seat, struct room *room, chatd_conn conn,
                          enum dialect dialect)
{
    struct member *member;

    if (open_channel(room, dialect) < 0 || (room->members == NULL && feed_open_bus(room) < 0))
        return NULL;
    member = seat->first.room == NULL ? &seat->first : malloc(sizeof(*member));
    if (member == NULL) {
        if (room->members == NULL)
            feed_close_bus(room);
        return NULL;
    }
    *member = (struct member){.room = room, .conn = conn, .dialect = (uint8_t)dialect};
    LL_PREPEND2(seat->members, member, sibling);
    DL_APPEND(room->members, member);
    room->n_members++;
    room_hold(room);
    show_count(room, 1);
    return member;
}

int member_go_live(struct member *member)
{
    struct room *room = member->room;
    int rc = chatd_channel_join(room->rooms->self, room->channel[member->dialect], member->conn);

    if (rc < 0 && rc != CHATD_E_EXISTS)
        return rc;
    member->state = MEMBER_LIVE;
    return CHATD_OK;
}

static int leave_channel(struct member *member)
{
    struct room *room = member->room;

    if (member->state != MEMBER_LIVE)
        return CHATD_OK;
    return chatd_channel_leave(room->rooms->self, room->channel[member->dialect], member->conn);
}

bool member_fall_behind(struct member *member, uint64_t sent)
{
    if (leave_channel(member) == CHATD_E_NOTFOUND)
        return false;
    member->state = MEMBER_BEHIND;
    member->sent = sent;
    return true;
}

void member_void(struct member *member)
{
    leave_channel(member);
    walk_stop(member);
    member->state = MEMBER_VOID;
}

/* Takes a membership off its seat; the caller still has it, and its hold on the room. */
static void take(struct seat *seat, struct member *member)
{
    struct room *room = member->room;

    member_void(member);
    LL_DELETE2(seat->members, member, sibling);
    DL_DELETE(room->members, member);
    room->n_members--;
    if (room->members == NULL)
        feed_close_bus(room);
    show_count(room, -1);
}

/* After take(): its place on the seat is free, too. */
static void release(struct seat *seat, struct member *member)
{
    room_release(&member->room);
    if (member != &seat->first)
        free(member);
}

void member_leave(struct seat *seat, struct member *member, chatd_str user)
{
    struct rooms *rooms = member->room->rooms;
    struct chatd_ev_leave leave = {.ev = {.size = sizeof(leave), .conn = member->conn},
                                   .room = room_name(member->room),
                                   .user = user};

    take(seat, member);
    chatd_raised_leave(rooms->self, &leave);
    release(seat, member);
}

static void on_closed(chatd_plugin *self, const struct chatd_ev_closed *ev)
{
    struct seat *seat = seat_of(self->data, ev->ev.conn);

    while (seat != NULL && seat->members != NULL)
        member_leave(seat, seat->members, ev->user);
}

/* The connection's block ends: of an upgrade that came to nothing too, where no `closed` is raised. */
static void seat_end(chatd_plugin *self, void *block)
{
    struct seat *seat = block;

    if (seat->work != NULL) {
        turn_end(seat);
        history_end(seat);
        publish_forget(seat);
    }
    free(seat->pace);
    if (self->data == NULL) { /* stopped: the rooms are gone already */
        free(seat->work);
        return;
    }
    while (work_of(seat)->joins != NULL)
        join_abandon(work_of(seat)->joins);
    while (seat->members != NULL) {
        struct member *member = seat->members;

        take(seat, member);
        release(seat, member);
    }
    free(seat->work);
}

int member_register(struct rooms *rooms)
{
    int rc =
        chatd_slot(rooms->self, CHATD_SLOT_CONN, sizeof(struct seat), seat_end, &rooms->seat_slot);

    return rc < 0 ? rc : chatd_on_closed(rooms->self, on_closed);
}
