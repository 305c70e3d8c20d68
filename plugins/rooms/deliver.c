/* SPDX-License-Identifier: MIT */
/* Encoding once, fan-out through the channel, or one by one past the `deliver` hooks. */
#include "deliver.h"

#include "classic_frame.h"

#include <stdlib.h>
#include <utlist.h>

/* A message on its way: what the `deliver` event tells about it. */
struct item {
    struct room *room;
    const struct record *record;
    uint64_t seq;
    chatd_frame frame;
};

static void note_verdict(chatd_plugin *self, int verdict, void *arg)
{
    (void)self;
    *(bool *)arg = verdict != CHATD_DENY;
}

/* Asks the hooks of `deliver` whether `conn` may see it. */
static bool is_allowed(const struct item *item, chatd_conn conn)
{
    chatd_plugin *self = item->room->rooms->self;
    struct chatd_ev_deliver ev = {.ev = {.size = sizeof(ev), .conn = conn},
                                  .room = room_name(item->room),
                                  .user = item->record->user,
                                  .text = item->record->text,
                                  .seq = item->seq};
    bool allowed = false;

    if (chatd_raise_deliver(self, &ev, note_verdict, &allowed) < 0 || !allowed)
        return false;
    chatd_raised_deliver(self, &ev);
    return true;
}

static int send_if_allowed(chatd_plugin *self, chatd_conn conn, void *arg)
{
    const struct item *item = arg;

    if (is_allowed(item, conn))
        chatd_conn_send_frame(self, conn, item->frame, 0);
    return 0;
}

/* One frame to the members of one dialect. */
static void fan_out(struct item *item, enum dialect dialect)
{
    chatd_plugin *self = item->room->rooms->self;
    chatd_channel channel = item->room->channel[dialect];

    if (chatd_hooked(self, CHATD_EV_deliver))
        chatd_channel_each(self, channel, send_if_allowed, item);
    else
        chatd_channel_send(self, channel, item->frame, CHATD_NO_CONN, 0);
}

static bool has_live_members(struct room *room, enum dialect dialect)
{
    return room->channel[dialect].v != 0 &&
           chatd_channel_count(room->rooms->self, room->channel[dialect]) > 0;
}

/* The frame of a message in a dialect; the caller has its reference. */
static int encode(struct room *room, enum dialect dialect, const struct record *record,
                  uint64_t seq, int64_t ts, chatd_frame *frame_out)
{
    char *json = NULL;
    size_t n = 0;
    int rc;

    switch (dialect) {
    case DIALECT_CLASSIC:
        json = classic_message(room_name(room), record, seq, ts, &n);
        break;
    case DIALECT_COUNT:
        break;
    }
    if (json == NULL)
        return CHATD_E_BUSY;
    rc = chatd_frame_new(room->rooms->self, CHATD_TEXT, (chatd_str){json, n}, frame_out);
    free(json);
    return rc;
}

static chatd_str record_of(const struct ring_entry *entry)
{
    return (chatd_str){entry->record, entry->record_n};
}

/* Makes an entry's frame at its first use. Zero afterwards: there is nothing to show. */
static int make_frame(struct room *room, struct ring_entry *entry, enum dialect dialect)
{
    chatd_frame frame = {0};
    struct record record;
    size_t bytes = 0;
    int rc = CHATD_OK;

    if (entry->dialect[dialect].is_made)
        return CHATD_OK;
    if (record_open(record_of(entry), &record)) {
        rc = encode(room, dialect, &record, entry->seq, entry->ts, &frame);
        record_close(&record);
    }
    if (rc < 0)
        return rc;
    if (frame.v != 0)
        chatd_frame_bytes(room->rooms->self, frame, &bytes);
    ring_set_frame(&room->ring, entry, dialect, frame, bytes);
    return CHATD_OK;
}

void deliver_entry(struct room *room, struct ring_entry *entry)
{
    bool is_filtered = chatd_hooked(room->rooms->self, CHATD_EV_deliver);
    struct record record = {.json = NULL};
    int d;

    for (d = 0; d < DIALECT_COUNT; d++) {
        struct item item = {.room = room, .record = &record, .seq = entry->seq};

        if (!has_live_members(room, (enum dialect)d))
            continue;
        if (make_frame(room, entry, (enum dialect)d) < 0) {
            deliver_start_again(room);
            break;
        }
        item.frame = entry->dialect[d].frame;
        if (item.frame.v == 0)
            continue;
        if (is_filtered && record.json == NULL && !record_open(record_of(entry), &record))
            continue; /* cannot be: it has a frame */
        fan_out(&item, (enum dialect)d);
    }
    if (record.json != NULL)
        record_close(&record);
}

void deliver_unstored(struct room *room, const struct record *record, int64_t ts)
{
    int d;

    for (d = 0; d < DIALECT_COUNT; d++) {
        struct item item = {.room = room, .record = record};

        if (!has_live_members(room, (enum dialect)d) ||
            encode(room, (enum dialect)d, record, 0, ts, &item.frame) < 0)
            continue;
        fan_out(&item, (enum dialect)d);
        chatd_frame_unref(room->rooms->self, &item.frame);
    }
}

int deliver_to(struct member *member, struct ring_entry *entry, size_t *bytes_out)
{
    struct room *room = member->room;
    chatd_plugin *self = room->rooms->self;
    int rc = make_frame(room, entry, member->dialect);
    chatd_frame frame = entry->dialect[member->dialect].frame;

    *bytes_out = 0;
    if (rc < 0 || frame.v == 0)
        return rc;
    if (chatd_hooked(self, CHATD_EV_deliver)) {
        struct record record;
        struct item item = {.room = room, .record = &record, .seq = entry->seq};
        bool allowed;

        if (!record_open(record_of(entry), &record))
            return CHATD_OK;
        allowed = is_allowed(&item, member->conn);
        record_close(&record);
        if (!allowed)
            return CHATD_OK;
    }
    chatd_frame_bytes(self, frame, bytes_out);
    return chatd_conn_send_frame(self, member->conn, frame, 0);
}

void deliver_start_again_one(struct member *member)
{
    chatd_plugin *self = member->room->rooms->self;
    chatd_conn conn = member->conn;

    member_void(member);
    chatd_conn_close(self, conn, CHATD_CLOSE_TOO_SLOW, "start again from the latest page");
}

void deliver_start_again(struct room *room)
{
    struct member *member, *next;

    DL_FOREACH_SAFE(room->members, member, next)
    deliver_start_again_one(member);
}
