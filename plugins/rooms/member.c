/* SPDX-License-Identifier: MIT */
/* Seats and memberships. */
#include "member.h"

#include "feed.h"
#include "join.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

static void show_count(struct rooms *rooms, int by)
{
    rooms->members = (uint32_t)((int64_t)rooms->members + by);
    chatd_metric_set(rooms->self, rooms->metric[METRIC_MEMBERS], 0, rooms->members);
}

struct seat *seat_of(struct rooms *rooms, chatd_conn conn)
{
    return chatd_slot_of(rooms->self, rooms->seat_slot, conn.v);
}

struct member *member_find(struct rooms *rooms, chatd_conn conn, chatd_str room)
{
    struct seat *seat = seat_of(rooms, conn);
    struct member *member;

    if (seat == NULL)
        return NULL;
    for (member = seat->members; member != NULL; member = member->sibling) {
        if (str_equal(room_name(member->room), room))
            return member;
    }
    return NULL;
}

static int open_channel(struct room *room, enum dialect dialect)
{
    static const char *const prefix[DIALECT_COUNT] = {[DIALECT_CLASSIC] = "classic/"};
    char name[ROOM_NAME_MAX + 16];
    int n, rc;

    if (room->channel[dialect].v != 0)
        return CHATD_OK;
    n = snprintf(name, sizeof(name), "%s%s", prefix[dialect], room->name);
    rc = chatd_channel_open(room->rooms->self, (chatd_str){name, (size_t)n},
                            &room->channel[dialect]);
    return rc == CHATD_E_EXISTS ? CHATD_OK : rc;
}

struct member *member_add(struct seat *seat, struct room *room, chatd_conn conn,
                          enum dialect dialect)
{
    struct member *member;

    if (open_channel(room, dialect) < 0 || (room->members == NULL && feed_open_bus(room) < 0))
        return NULL;
    member = calloc(1, sizeof(*member));
    if (member == NULL)
        return NULL;
    *member = (struct member){.room = room, .conn = conn, .dialect = dialect};
    member->sibling = seat->members;
    seat->members = member;
    DL_APPEND(room->members, member);
    room->n_members++;
    room_hold(room);
    ring_pin(&room->ring);
    show_count(room->rooms, 1);
    return member;
}

int member_go_live(struct member *member)
{
    struct room *room = member->room;
    int rc = chatd_channel_join(room->rooms->self, room->channel[member->dialect], member->conn);

    if (rc < 0 && rc != CHATD_E_EXISTS)
        return rc;
    member->state = MEMBER_LIVE;
    ring_unpin(&room->ring);
    return CHATD_OK;
}

void member_void(struct member *member)
{
    struct room *room = member->room;

    if (member->state == MEMBER_LIVE)
        chatd_channel_leave(room->rooms->self, room->channel[member->dialect], member->conn);
    if (member->state == MEMBER_PAGING)
        ring_unpin(&room->ring);
    member->state = MEMBER_VOID;
}

/* Takes the newest membership off a seat; the caller still has it, and its hold on the room. */
static struct member *take(struct seat *seat)
{
    struct member *member = seat->members;
    struct room *room = member->room;

    member_void(member);
    seat->members = member->sibling;
    DL_DELETE(room->members, member);
    room->n_members--;
    if (room->members == NULL)
        feed_close_bus(room);
    show_count(room->rooms, -1);
    return member;
}

void member_closed(struct rooms *rooms, chatd_conn conn, chatd_str user)
{
    struct seat *seat = seat_of(rooms, conn);

    while (seat != NULL && seat->members != NULL) {
        struct member *member = take(seat);
        struct chatd_ev_leave leave = {.ev = {.size = sizeof(leave), .conn = conn},
                                       .room = room_name(member->room),
                                       .user = user};

        chatd_raised_leave(rooms->self, &leave);
        room_release(&member->room);
        free(member);
    }
}

/* The connection's block ends: of an upgrade that came to nothing too, where no `closed` is raised. */
static void seat_end(chatd_plugin *self, void *block)
{
    struct seat *seat = block;
    struct rooms *rooms = self->data;

    if (rooms == NULL)
        return; /* stopped: the rooms are gone already */
    if (seat->join != NULL)
        join_abandon(&seat->join);
    while (seat->members != NULL) {
        struct member *member = take(seat);

        room_release(&member->room);
        free(member);
    }
}

int member_register(struct rooms *rooms)
{
    return chatd_slot(rooms->self, CHATD_SLOT_CONN, sizeof(struct seat), seat_end,
                      &rooms->seat_slot);
}
