/* SPDX-License-Identifier: MIT */
/* The table of rooms: made by the first holder, ended after the last one. */
#include "room.h"

#include "feed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void show_count(struct rooms *rooms)
{
    chatd_metric_set(rooms->self, rooms->metric[METRIC_ROOMS], 0,
                     (int64_t)HASH_COUNT(rooms->table));
}

struct room *room_find(struct rooms *rooms, chatd_str name)
{
    struct room *room;

    HASH_FIND(hh, rooms->table, name.p, name.n, room);
    return room;
}

static struct room *room_new(struct rooms *rooms, chatd_str name)
{
    struct room *room = calloc(1, sizeof(*room) + name.n + 1);

    if (room == NULL)
        return NULL;
    room->rooms = rooms;
    room->name_n = name.n;
    memcpy(room->name, name.p, name.n);
    ring_init(&room->ring, &rooms->budget);
    HASH_ADD_KEYPTR(hh, rooms->table, room->name, room->name_n, room);
    show_count(rooms);
    return room;
}

/* Of a room that is in no list of idle rooms. */
static void room_free(struct room *room)
{
    struct rooms *rooms = room->rooms;
    int d;

    feed_close_bus(room);
    feed_close(room);
    for (d = 0; d < DIALECT_COUNT; d++) {
        if (room->channel[d].v != 0)
            chatd_channel_close(rooms->self, room->channel[d]);
    }
    ring_deinit(&room->ring);
    HASH_DELETE(hh, rooms->table, room);
    free(room);
    show_count(rooms);
}

void room_hold(struct room *room)
{
    /* One that was just made has no hold yet and is not in the list. */
    if (room->holds++ == 0 && room->idle_since_ms != 0) {
        DL_DELETE(room->rooms->idle, room);
        room->idle_since_ms = 0;
    }
}

struct room *room_open(struct rooms *rooms, chatd_str name)
{
    struct room *room = room_find(rooms, name);

    if (room == NULL)
        room = room_new(rooms, name);
    if (room != NULL)
        room_hold(room);
    return room;
}

void room_release(struct room **room_ref)
{
    struct room *room = *room_ref;

    *room_ref = NULL;
    assert(room->holds > 0);
    if (--room->holds > 0)
        return;
    if (room->ring.n == 0) {
        room_free(room);
        return;
    }
    room->idle_since_ms = chatd_mono_ms(room->rooms->self);
    if (room->idle_since_ms == 0)
        room->idle_since_ms = 1; /* 0 says "not idle" */
    DL_APPEND(room->rooms->idle, room);
}

struct room *room_guard(struct room *room)
{
    if (room->holds == 0)
        return NULL;
    room_hold(room);
    return room;
}

void room_unguard(struct room **guard)
{
    if (*guard != NULL)
        room_release(guard);
}

void room_sweep(struct rooms *rooms)
{
    int64_t before = chatd_mono_ms(rooms->self) - ROOM_IDLE_MS;
    struct room *room;

    while ((room = rooms->idle) != NULL && room->idle_since_ms <= before) {
        DL_DELETE(rooms->idle, room);
        room_free(room);
    }
}

bool room_free_all(struct rooms *rooms)
{
    struct room *room, *next;

    HASH_ITER(hh, rooms->table, room, next)
    {
        if (room->reread.v != 0) /* its timer, and so its hold, ended with the plugin's */
            room->holds--;
        room->reread.v = 0;
        if (room->holds > 0)
            return false;
    }
    rooms->idle = NULL;
    HASH_ITER(hh, rooms->table, room, next)
    {
        room_free(room);
    }
    return true;
}
