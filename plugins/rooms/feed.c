/* SPDX-License-Identifier: MIT */
/* Takes what the log and the bus bring, keeps it in the ring and has it delivered. */
#include "feed.h"

#include "deliver.h"
#include "member.h"
#include "page.h"
#include "record.h"
#include "signals.h"
#include "walk.h"

#include <stdio.h>
#include <utlist.h>

enum { TOPIC_MAX = ROOM_NAME_MAX + 8 };

static void set_epoch(struct room *room, chatd_str epoch, chatd_str previous, uint64_t common)
{
    snprintf(room->epoch, sizeof(room->epoch), "%.*s", (int)epoch.n, epoch.n > 0 ? epoch.p : "");
    snprintf(room->previous, sizeof(room->previous), "%.*s", (int)previous.n,
             previous.n > 0 ? previous.p : "");
    room->common = common;
}

static void on_record(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                      const struct chatd_log_record *record, void *arg)
{
    struct room *room = arg, *guard;
    struct ring_entry *entry;

    (void)self, (void)sub, (void)epoch;
#ifndef CHATD_WITHOUT_ORDER /* tests/broken */
    if (record->seq <= room->ring.last)
        return; /* seen */
#endif
    guard = room_guard(room);
    entry = ring_push(&room->ring, record->seq, record->ts, record->record);
    if (entry == NULL || deliver_entry(room, entry) < 0)
        walk_again(room, record->seq - 1); /* no memory: they find it in the store */
    if (room->n_ahead > 0)
        walk_ahead(room);
    ring_drop_before(&room->ring, room->ring.floor); /* it may have been deleted on its way here */
    ring_budget_enforce(&room->rooms->budget);
    room_unguard(&guard);
}

/* The log goes on from `to`; the members had everything up to `last`. What each of them has to be told
 * depends on the dialect: classic can only begin anew. */
static void turn(struct room *room, uint64_t to, uint64_t last, bool is_reset)
{
    struct room *guard = room_guard(room);
    struct member *member, *next;

    if (to != last)
        ring_start(&room->ring, to);
    DL_FOREACH_SAFE(room->members, member, next)
    {
        uint64_t has = member->state == MEMBER_LIVE ? last : member->sent;

        if (member->dialect != DIALECT_CLASSIC && is_reset)
            walk_reset(member, room->common, last);
        else if (member->dialect != DIALECT_CLASSIC)
            walk_gap(member, last);
        else if (is_reset ? has > room->common : member->state == MEMBER_LIVE)
            deliver_start_again(member);
        else
            walk_go_on(room->rooms, member->conn); /* it may have waited for this */
    }
    if (room->n_ahead > 0)
        walk_ahead(room);
    room_unguard(&guard);
}

static void on_reset(chatd_plugin *self, chatd_sub sub, chatd_str epoch, uint64_t seq, void *arg)
{
    struct room *room = arg;
    uint64_t last = room->ring.last;
    char was[CHATD_LOG_EPOCH_MAX + 1];

    (void)sub;
    memcpy(was, room->epoch, sizeof(was));
    set_epoch(room, epoch, (chatd_str){was, strlen(was)}, seq);
    room->resets++;
    if (room->ring.floor > seq + 1)
        room->ring.floor = 0; /* from there on the numbers are given out anew */
    if (seq < last)
        chatd_log(self, CHATD_LOG_WARN,
                  "room %s: the store lost the records after %llu; its clients are told",
                  room->name, (unsigned long long)seq);
    turn(room, seq < last ? seq : last, last, true);
    page_epoch_began(room);
}

static void on_trimmed(chatd_plugin *self, chatd_sub sub, uint64_t from, uint64_t to, void *arg)
{
    struct room *room = arg;
    uint64_t last = room->ring.last;

    (void)sub;
    if (to <= last)
        return;
    chatd_log(self, CHATD_LOG_WARN,
              "room %s: the records %llu to %llu were trimmed before they were delivered; its "
              "clients are told",
              room->name, (unsigned long long)from, (unsigned long long)to);
    turn(room, to, last, false);
}

/* Live members have seen them, and are not told. */
static void on_forgotten(chatd_plugin *self, chatd_sub sub, uint64_t first, void *arg)
{
    struct room *room = arg;

    (void)self, (void)sub;
    ring_drop_before(&room->ring, first);
}

int feed_open(struct room *room, const struct chatd_log_page *page)
{
    static const struct chatd_log_listener listener = {.size = sizeof(listener),
                                                       .record = on_record,
                                                       .reset = on_reset,
                                                       .trimmed = on_trimmed,
                                                       .forgotten = on_forgotten};
    struct rooms *rooms = room->rooms;
    struct chatd_log_position after = {.epoch = page->epoch, .seq = room->ring.last};
    bool has_previous = CHATD_HAS(page, common) && page->previous.n <= CHATD_LOG_EPOCH_MAX;
    int rc;

    if (page->epoch.n > CHATD_LOG_EPOCH_MAX)
        return CHATD_E_INVAL;
    set_epoch(room, page->epoch, has_previous ? page->previous : CHATD_STR(""),
              has_previous ? page->common : 0);
    rc = chatd_log_subscribe(rooms->self, rooms->log, room_name(room), &after, &listener, room,
                             &room->log_sub);
    room->is_live = rc >= 0;
    return rc;
}

void feed_close(struct room *room)
{
    if (!room->is_live)
        return;
    chatd_log_unsubscribe(room->rooms->self, room->rooms->log, room->log_sub);
    room->is_live = false;
}

/* A message of a server without chatd.log, or a signal: that has no "ts". */
static void on_bus(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct room *room = arg;
    struct record record;
    const char *why;
    int64_t ts;

    (void)topic;
    if (lost)
        return; /* signals are repeated, and the log tells what became of messages */
    if (chatd_fields_open(data, &record.fields, &why) < 0) {
        chatd_log(self, CHATD_LOG_DEBUG, "room %s: what came over the bus: %s", room->name, why);
        return;
    }
    room_hold(room);
    if (chatd_fields_int(&record.fields, "ts", &ts) < 0) {
        signals_receive(room, &record.fields);
        record_close(&record);
    } else if (record_read(&record)) {
        if (room->rooms->log == NULL)
            deliver_unstored(room, &record, ts);
        record_close(&record);
    } else {
        chatd_log(self, CHATD_LOG_DEBUG, "room %s: what came over the bus is no message",
                  room->name);
    }
    room_release(&room);
}

static chatd_str topic_of(chatd_str room, char buf[TOPIC_MAX])
{
    static const char before[] = "room/";
    size_t n = sizeof(before) - 1;

    memcpy(buf, before, n);
    memcpy(buf + n, room.p, room.n);
    return (chatd_str){buf, n + room.n};
}

int feed_open_bus(struct room *room)
{
    struct rooms *rooms = room->rooms;
    char buf[TOPIC_MAX];
    int rc;

    if (room->bus_sub.v != 0)
        return CHATD_OK;
    rc = chatd_bus_subscribe(rooms->self, rooms->bus, topic_of(room_name(room), buf), on_bus, room,
                             &room->bus_sub);
    if (rc < 0)
        chatd_log(rooms->self, CHATD_LOG_WARN, "room %s: the bus takes no subscription (error %d)",
                  room->name, rc);
    return rc;
}

void feed_close_bus(struct room *room)
{
    if (room->bus_sub.v == 0)
        return;
    chatd_bus_unsubscribe(room->rooms->self, room->rooms->bus, room->bus_sub);
    room->bus_sub.v = 0;
}

int feed_publish(struct rooms *rooms, chatd_str room, chatd_str data)
{
    char buf[TOPIC_MAX];

    return chatd_bus_publish(rooms->self, rooms->bus, topic_of(room, buf), data);
}
