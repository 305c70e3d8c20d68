/* SPDX-License-Identifier: MIT */
/* Puts rooms into kv `rooms` beside the message's way, which never waits for it. */
#include "directory.h"

#include "list.h"

/* How old the count may be when a room is added. */
#define RECOUNT_MS 60000

bool directory_admits(const struct room *room, struct refusal *why_out)
{
    static const struct refusal full = {"rate_limited",
                                        "This server has as many rooms as it may have.", 60000};
    struct rooms *rooms = room->rooms;

    /* One that has records is in the directory, or ought to be. */
    if (rooms->kv == NULL || rooms->log == NULL || room->listed == ROOM_LISTED ||
        room->ring.last > 0 || rooms->listed < (uint64_t)config_of(rooms)->rooms_max)
        return true;
    *why_out = full;
    return false;
}

static void on_put(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct room *room = arg;
    struct rooms *rooms = room->rooms;

    (void)reply;
    room->listed = err == CHATD_OK || err == CHATD_E_EXISTS ? ROOM_LISTED : ROOM_UNLISTED;
    if (err == CHATD_OK) {
        rooms->listed++;
        if (chatd_mono_ms(self) - rooms->listed_at_ms > RECOUNT_MS)
            list_count(rooms);
    } else if (err != CHATD_E_EXISTS && err != CHATD_E_CANCELLED) {
        chatd_log(self, CHATD_LOG_DEBUG, "room %s: not put into the list of rooms (error %d)",
                  room->name, err);
    }
    room_release(&room);
}

void directory_add(struct room *room)
{
    struct rooms *rooms = room->rooms;

    if (rooms->kv == NULL || room->listed != ROOM_UNLISTED)
        return;
    room->listed = ROOM_ASKING;
    room_hold(room);
    if (chatd_kv_put_absent(rooms->self, rooms->kv, DIRECTORY_NS, room_name(room), CHATD_STR("1"),
                            0, on_put, room) < 0) {
        room->listed = ROOM_UNLISTED; /* the next message tries again */
        room_release(&room);
    }
}
