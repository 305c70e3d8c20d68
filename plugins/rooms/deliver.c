/* SPDX-License-Identifier: MIT */
/* Encoding once, fan-out through the channel, or one by one past the `deliver` hooks. */
#include "deliver.h"

#include "classic_frame.h"
#include "v1_frame.h"
#include "walk.h"

#include <stdlib.h>
#include <utlist.h>

/* A message on its way: what the `deliver` event tells about it. */
struct item {
    struct room *room;
    const struct record *record;
    uint64_t seq; /* 0: no log keeps it */
    chatd_frame frame;
};

static void note_verdict(chatd_plugin *self, int verdict, void *arg)
{
    (void)self;
    *(bool *)arg = verdict != CHATD_DENY;
}

bool deliver_is_allowed(struct rooms *rooms, chatd_str room, const struct record *record,
                        uint64_t seq, chatd_conn conn, chatd_req req)
{
    struct chatd_ev_deliver ev = {.ev = {.size = sizeof(ev), .conn = conn, .req = req},
                                  .room = room,
                                  .user = record->user,
                                  .text = record->text,
                                  .seq = seq};
    bool allowed = false;

    if (!chatd_hooked(rooms->self, CHATD_EV_deliver))
        return true;
    if (chatd_raise_deliver(rooms->self, &ev, note_verdict, &allowed) < 0 || !allowed)
        return false;
    chatd_raised_deliver(rooms->self, &ev);
    return true;
}

static bool is_allowed(const struct item *item, chatd_conn conn)
{
    return deliver_is_allowed(item->room->rooms, room_name(item->room), item->record, item->seq,
                              conn, (chatd_req){0});
}

/* Classic cannot be told of a gap, so who is too slow for live messages is closed; others keep their place. */
static int send_flags(enum dialect dialect)
{
    return dialect == DIALECT_CLASSIC ? 0 : CHATD_SEND_OR_SKIP;
}

/* One by one past the hooks. The channel's own way for members that are too slow does not apply. */
static void fan_out_filtered(struct item *item, enum dialect dialect)
{
    struct rooms *rooms = item->room->rooms;
    int flags = item->seq > 0 ? send_flags(dialect) : 0;
    struct member *member, *next;

    DL_FOREACH_SAFE(item->room->members, member, next)
    {
        if (member->state != MEMBER_LIVE || member->dialect != dialect ||
            !is_allowed(item, member->conn))
            continue;
        if (chatd_conn_send_frame(rooms->self, member->conn, item->frame, flags) == CHATD_E_BUSY &&
            flags != 0 && member_fall_behind(member, item->seq - 1)) {
            member->owes_gap = true;
            walk_when_drained(rooms, member->conn);
        }
    }
}

/* One frame to the members of one dialect. */
static void fan_out(struct item *item, enum dialect dialect)
{
    chatd_plugin *self = item->room->rooms->self;
    chatd_channel channel = item->room->channel[dialect];

    if (chatd_hooked(self, CHATD_EV_deliver))
        fan_out_filtered(item, dialect);
    else if (item->seq > 0 && dialect != DIALECT_CLASSIC)
        chatd_channel_send_at(self, channel, item->frame, item->seq);
    else
        chatd_channel_send(self, channel, item->frame, CHATD_NO_CONN, 0);
}

static bool has_live_members(struct room *room, enum dialect dialect)
{
    return room->channel[dialect].v != 0 &&
           chatd_channel_count(room->rooms->self, room->channel[dialect]) > 0;
}

static int frame_of(struct room *room, char *json, size_t n, chatd_frame *frame_out)
{
    int rc;

    if (json == NULL)
        return CHATD_E_BUSY;
    rc = chatd_frame_new(room->rooms->self, CHATD_TEXT, (chatd_str){json, n}, frame_out);
    free(json);
    return rc;
}

/* The frame of a record in a dialect; the caller has its reference. CHATD_E_NOTFOUND: the dialect has
 * nothing to show for it. */
static int encode(struct room *room, enum dialect dialect, const struct record *record,
                  uint64_t seq, int64_t ts, chatd_frame *frame_out)
{
    char *json = NULL;
    size_t n = 0;

    switch (dialect) {
    case DIALECT_CLASSIC:
        if (record->kind.n > 0)
            return CHATD_E_NOTFOUND;
        json = classic_message(room_name(room), record, seq, ts, &n);
        break;
    case DIALECT_V1:
        json = v1_message(room_name(room), record, seq, ts, &n);
        break;
    case DIALECT_COUNT:
        break;
    }
    return frame_of(room, json, n, frame_out);
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
    if (rc < 0 && rc != CHATD_E_NOTFOUND)
        return CHATD_E_BUSY;
    if (frame.v != 0)
        chatd_frame_bytes(room->rooms->self, frame, &bytes);
    ring_set_frame(&room->ring, entry, dialect, frame, bytes);
    return CHATD_OK;
}

int deliver_entry(struct room *room, struct ring_entry *entry)
{
    bool is_filtered = chatd_hooked(room->rooms->self, CHATD_EV_deliver);
    bool is_open = false;
    struct record record;
    int d, rc = CHATD_OK;

    /* All are made before one is sent: nobody gets it who will be sent it again. */
    for (d = 0; d < DIALECT_COUNT && rc >= 0; d++) {
        if (has_live_members(room, (enum dialect)d))
            rc = make_frame(room, entry, (enum dialect)d);
    }
    for (d = 0; d < DIALECT_COUNT && rc >= 0; d++) {
        struct item item = {.room = room, .record = &record, .seq = entry->seq};

        item.frame = entry->dialect[d].frame;
        if (item.frame.v == 0 || !has_live_members(room, (enum dialect)d))
            continue;
        is_open = is_open || (is_filtered && record_open(record_of(entry), &record));
        if (is_filtered && !is_open)
            continue; /* cannot be: it has a frame */
        fan_out(&item, (enum dialect)d);
    }
    if (is_open)
        record_close(&record);
    return rc;
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

/* To one that is behind: nobody is too slow for what it missed, it goes on when its queue has drained. */
static int send_frame(struct member *member, chatd_frame frame, size_t *bytes_out)
{
    chatd_plugin *self = member->room->rooms->self;

    chatd_frame_bytes(self, frame, bytes_out);
    return chatd_conn_send_frame(self, member->conn, frame, CHATD_SEND_OR_SKIP);
}

int deliver_to(struct member *member, struct ring_entry *entry, size_t *bytes_out)
{
    struct room *room = member->room;
    int rc = make_frame(room, entry, member->dialect);
    chatd_frame frame = entry->dialect[member->dialect].frame;

    *bytes_out = 0;
    if (rc < 0 || frame.v == 0)
        return rc;
    if (chatd_hooked(room->rooms->self, CHATD_EV_deliver)) {
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
    return send_frame(member, frame, bytes_out);
}

int deliver_record_to(struct member *member, const struct chatd_log_record *stored,
                      size_t *bytes_out)
{
    struct room *room = member->room;
    struct record record;
    struct item item = {.room = room, .record = &record, .seq = stored->seq};
    int rc;

    *bytes_out = 0;
    if (!record_open(stored->record, &record))
        return CHATD_OK;
    rc = is_allowed(&item, member->conn)
             ? encode(room, member->dialect, &record, stored->seq, stored->ts, &item.frame)
             : CHATD_E_NOTFOUND;
    record_close(&record);
    if (rc < 0)
        return rc == CHATD_E_NOTFOUND ? CHATD_OK : rc;
    rc = send_frame(member, item.frame, bytes_out);
    chatd_frame_unref(room->rooms->self, &item.frame);
    return rc;
}

static int send_json(struct member *member, char *json, size_t n)
{
    chatd_frame frame = {0};
    size_t bytes;
    int rc = frame_of(member->room, json, n, &frame);

    if (rc < 0)
        return rc;
    rc = send_frame(member, frame, &bytes);
    chatd_frame_unref(member->room->rooms->self, &frame);
    return rc;
}

int deliver_gap(struct member *member, uint64_t from, uint64_t to)
{
    struct room *room = member->room;
    size_t n = 0;
    char *json;

    if (member->dialect == DIALECT_CLASSIC)
        return CHATD_E_INVAL;
    json = v1_gap(room_name(room), room_epoch(room), from, to, &n);
    return send_json(member, json, n);
}

int deliver_reset(struct member *member)
{
    struct room *room = member->room;
    size_t n = 0;
    char *json = v1_reset(room_name(room), room_epoch(room), member->sent, &n);

    return send_json(member, json, n);
}

void deliver_start_again(struct member *member)
{
    chatd_plugin *self = member->room->rooms->self;
    chatd_conn conn = member->conn;

    member_void(member);
    chatd_conn_close(self, conn, CHATD_CLOSE_TOO_SLOW, "start again from the latest page");
}
