/* SPDX-License-Identifier: MIT */
/*
 * Signals travel on the room's bus topic as {"signal":KIND,"user":U,"on":0|1,"from":"INSTANCE/CONN"};
 * the origin is named so that its own worker can leave it out.
 */
#include "signals.h"

#include "classic_frame.h"
#include "feed.h"
#include "out.h"
#include "v1_frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* INSTANCE/CONN, 16 hex digits each; empty without a connection. */
static chatd_str origin_write(chatd_plugin *self, chatd_conn conn, char *buf, size_t size)
{
    chatd_str instance = chatd_instance(self);
    int n;

    if (conn.v == 0)
        return CHATD_STR("");
    n = snprintf(buf, size, "%.*s/%016" PRIx64, (int)instance.n, instance.p, conn.v);
    return (chatd_str){buf, n < 0 || (size_t)n >= size ? 0 : (size_t)n};
}

/* The value of 16 hex digits; false: they are something else. */
static bool hex_read(const char *p, uint64_t *value_out)
{
    uint64_t v = 0;
    int i;

    for (i = 0; i < 16; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *value_out = v;
    return true;
}

/* The connection of this worker a signal came from; zero: it came from elsewhere. */
static chatd_conn origin_read(struct rooms *rooms, chatd_str from)
{
    chatd_str instance = chatd_instance(rooms->self);
    chatd_conn conn = CHATD_NO_CONN;

    if (from.n != instance.n + 1 + 16 || memcmp(from.p, instance.p, instance.n) != 0 ||
        from.p[instance.n] != '/' || !hex_read(from.p + instance.n + 1, &conn.v))
        return CHATD_NO_CONN;
    return seat_of(rooms, conn) == NULL ? CHATD_NO_CONN : conn;
}

static int broadcast(struct rooms *rooms, const struct chatd_ev_signal *ev)
{
    static const char fixed[] = "{\"signal\":,\"user\":,\"on\":1,\"from\":}";
    char buf[64];
    chatd_str from = origin_write(rooms->self, ev->ev.conn, buf, sizeof(buf));
    struct out out;
    int rc;

    rc = out_init(&out, sizeof(fixed) + chatd_json_quote_max(ev->kind.n) +
                            chatd_json_quote_max(ev->user.n) + chatd_json_quote_max(from.n));
    if (rc < 0)
        return rc;
    out_raw(&out, CHATD_STR("{\"signal\":"));
    out_string(&out, ev->kind);
    out_raw(&out, CHATD_STR(",\"user\":"));
    out_string(&out, ev->user);
    out_raw(&out, ev->on ? CHATD_STR(",\"on\":1,\"from\":") : CHATD_STR(",\"on\":0,\"from\":"));
    out_string(&out, from);
    out_raw(&out, CHATD_STR("}"));
    rc = feed_publish(rooms, ev->room, (chatd_str){out.p, out.n});
    out_free(&out);
    return rc;
}

static void note_verdict(chatd_plugin *self, int verdict, void *arg)
{
    (void)self;
    *(bool *)arg = verdict != CHATD_DENY;
}

int signals_send(struct rooms *rooms, chatd_conn conn, chatd_str room, chatd_str user,
                 chatd_str kind, uint32_t on)
{
    struct chatd_ev_signal ev = {.ev = {.size = sizeof(ev), .conn = conn},
                                 .room = room,
                                 .user = user,
                                 .kind = kind,
                                 .on = on != 0};
    bool allowed = false;
    int rc;

    if (rules_room_name(room) != NULL || !rules_user(user) || kind.n == 0 ||
        kind.n > SIGNAL_KIND_MAX)
        return CHATD_E_INVAL;
    if (conn.v != 0 && member_find(rooms, conn, room) == NULL)
        return CHATD_E_NOTFOUND;
    /* That something is over passes: the others would go on showing it. There are no more of these to be
     * seen than of those that began. */
    if (conn.v != 0 && on != 0 && !limits_signal(rooms, seat_of(rooms, conn), conn))
        return CHATD_OK; /* as a denial: silent */
    rc = chatd_raise_signal(rooms->self, &ev, note_verdict, &allowed);
    if (rc < 0 || !allowed)
        return rc;
    rc = ev.claimed ? broadcast(rooms, &ev) : CHATD_OK;
    if (ev.claimed && rc >= 0)
        chatd_raised_signal(rooms->self, &ev);
    else
        chatd_ev_drop(rooms->self, &ev.ev);
    return rc;
}

/* Classic shows that somebody types; that somebody stopped would look like an empty message. */
static char *encode(struct room *room, enum dialect dialect, const struct chatd_ev_signaled *ev,
                    size_t *n_out)
{
    if (dialect == DIALECT_V1)
        return v1_signal(ev->room, ev->user, ev->kind, ev->on != 0, n_out);
    if (dialect != DIALECT_CLASSIC || ev->on == 0 || !str_equal(ev->kind, CHATD_STR("typing")))
        return NULL;
    return classic_typing(room_name(room), ev->user, n_out);
}

static void show(struct room *room, enum dialect dialect, const struct chatd_ev_signaled *ev)
{
    chatd_plugin *self = room->rooms->self;
    chatd_channel channel = room->channel[dialect];
    chatd_frame frame;
    size_t n = 0;
    char *json;

    if (channel.v == 0 || chatd_channel_count(self, channel) <= 0)
        return;
    json = encode(room, dialect, ev, &n);
    if (json == NULL)
        return;
    if (chatd_frame_new(self, CHATD_TEXT, (chatd_str){json, n}, &frame) >= 0) {
        chatd_channel_send(self, channel, frame, ev->ev.conn, CHATD_SEND_EPHEMERAL);
        chatd_frame_unref(self, &frame);
    }
    free(json);
}

static void show_all(struct room *room, const struct chatd_ev_signaled *ev)
{
    int d;

    for (d = 0; d < DIALECT_COUNT; d++)
        show(room, (enum dialect)d, ev);
}

void signals_show(struct rooms *rooms, chatd_str name, chatd_str user, chatd_str kind, uint32_t on)
{
    struct room *room = room_find(rooms, name);
    struct chatd_ev_signaled ev = {.room = name, .user = user, .kind = kind, .on = on};

    if (room != NULL)
        show_all(room, &ev);
}

void signals_receive(struct room *room, const struct chatd_fields *fields)
{
    chatd_plugin *self = room->rooms->self;
    struct chatd_ev_signaled ev = {.ev = {.size = sizeof(ev)}, .room = room_name(room)};
    chatd_str from = CHATD_STR("");
    int64_t on = 0;

    if (chatd_fields_str(fields, "signal", &ev.kind) < 0 ||
        chatd_fields_str(fields, "user", &ev.user) < 0 ||
        chatd_fields_str(fields, "from", &from) < 0 || chatd_fields_int(fields, "on", &on) < 0)
        return;
    ev.ev.conn = origin_read(room->rooms, from);
    ev.on = on != 0;
    ev.is_local = ev.ev.conn.v != 0;
    chatd_raised_signaled(self, &ev);
    show_all(room, &ev);
}
