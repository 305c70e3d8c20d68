/* SPDX-License-Identifier: MIT */
/*
 * The plugin `typing`: claims signals of the kind "typing", throttles them, and ends them when their
 * author falls silent, sends the message or leaves.
 */
#include "typing.h"

#include <stdlib.h>
#include <string.h>

/* What a signal may take on its way, on top of the time between two of them. */
#define REMOTE_SLACK_MS 1000

static const struct chatd_cfg_field fields[] = {
    {.key = "expire",
     .type = CHATD_CFG_DURATION,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct typing_config, expire_ms),
     .def = "6s",
     .min = 1000,
     .max = 60000,
     .help = "silence after which somebody is no longer typing"},
    {.key = "throttle",
     .type = CHATD_CFG_DURATION,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct typing_config, throttle_ms),
     .def = "2s",
     .min = 0,
     .max = 60000,
     .help = "others are told at most this often that somebody still types"},
    {.key = NULL},
};

static const struct chatd_need needs[] = {
    {CHATD_ROOMS_SERVICE, CHATD_ROOMS_MAJOR, 0, CHATD_NEED_OPTIONAL},
    {NULL, 0, 0, 0},
};

static const struct chatd_metric_def metrics[METRIC_COUNT] = {
    [METRIC_SIGNALS] = {.kind = CHATD_COUNTER,
                        .name = "signals_total",
                        .help = "typing signals passed on"},
    [METRIC_THROTTLED] = {.kind = CHATD_COUNTER,
                          .name = "throttled_total",
                          .help = "typing signals that told the others nothing new"},
    [METRIC_EXPIRED] = {.kind = CHATD_COUNTER,
                        .name = "expired_total",
                        .help = "typing that ended by silence"},
};

static void count(struct typing *typing, enum typing_metric metric)
{
    chatd_metric_add(typing->self, typing->metric[metric], 0, 1);
}

static struct typist_list *list_of(struct typing *typing, chatd_conn conn)
{
    return conn.v == 0 ? NULL : chatd_slot_of(typing->self, typing->slot, conn.v);
}

/* A verdict for what the others know already; nobody sees its text. */
static enum chatd_verdict nothing_new(struct typing *typing, struct chatd_ev_signal *signal)
{
    count(typing, METRIC_THROTTLED);
    return chatd_deny(typing->self, &signal->ev, "typing.nothing_new",
                      "The others know that already.");
}

static bool is_typing(chatd_str kind)
{
    return kind.n == TYPING_KIND.n && memcmp(kind.p, TYPING_KIND.p, kind.n) == 0;
}

static enum chatd_verdict check_signal(chatd_plugin *self, struct chatd_ev_signal *signal)
{
    const struct typing_config *config = self->config;
    struct typing *typing = self->data;
    struct typist_list *list = list_of(typing, signal->ev.conn);
    bool is_news = true;

    if (!is_typing(signal->kind))
        return CHATD_NEXT;
    signal->claimed = 1;
    /* Without a connection there is nothing to remember it by: a plugin knows what it does. */
    if (list != NULL && signal->on)
        is_news = typist_heard(&typing->table, list, signal->ev.conn, signal->room,
                               chatd_mono_ms(self), config->throttle_ms);
    else if (list != NULL)
        is_news = typist_stopped(list, signal->room);
    if (!is_news)
        return nothing_new(typing, signal);
    count(typing, METRIC_SIGNALS);
    return CHATD_NEXT;
}

/* The message itself ends its author's typing for every reader; no signal is needed. */
static enum chatd_verdict watch_message(chatd_plugin *self, struct chatd_ev_message *msg)
{
    struct typing *typing = self->data;
    struct typist_list *list = list_of(typing, msg->ev.conn);
    struct typist *typist = list == NULL ? NULL : typist_find(list, msg->room);

    if (typist != NULL)
        typist_remove(&typing->table, list, typist);
    return CHATD_NEXT;
}

/* It is no member any more, so the others are told without it. */
static void on_leave(chatd_plugin *self, const struct chatd_ev_leave *leave)
{
    struct typing *typing = self->data;
    struct typist_list *list = list_of(typing, leave->ev.conn);
    struct typist *typist = list == NULL ? NULL : typist_find(list, leave->room);
    bool was_on = typist != NULL && typist->is_on;

    if (typist != NULL)
        typist_remove(&typing->table, list, typist);
    if (was_on && typing->rooms != NULL)
        chatd_rooms_signal(self, typing->rooms, CHATD_NO_CONN, leave->room, leave->user,
                           TYPING_KIND, 0);
}

/* What was sent in this worker is ended by its connection. */
static void on_signaled(chatd_plugin *self, const struct chatd_ev_signaled *signal)
{
    struct typing *typing = self->data;

    if (signal->is_local || !is_typing(signal->kind))
        return;
    if (signal->on)
        remote_heard(&typing->remote, signal->room, signal->user, chatd_mono_ms(self));
    else
        remote_stopped(&typing->remote, signal->room, signal->user);
}

/* Ends the typing of those whose worker did not: it died, or its signal was lost. It tells of a repeat
 * every `throttle` at most, and of silence after `expire`. */
static void expire_remote(struct typing *typing, int64_t now_ms)
{
    const struct typing_config *config = typing->self->config;
    int64_t before = now_ms - config->expire_ms - config->throttle_ms - REMOTE_SLACK_MS;
    chatd_str room, user;

    while (remote_expired(&typing->remote, before, &room, &user)) {
        count(typing, METRIC_EXPIRED);
        if (typing->rooms != NULL)
            chatd_rooms_signal_here(typing->self, typing->rooms, room, user, TYPING_KIND, 0);
        remote_remove_oldest(&typing->remote);
    }
}

/* Tells the others that somebody fell silent. The signal comes back through check_signal(). */
static void expire(struct typing *typing, const struct typist *typist)
{
    chatd_str room = {typist->room, typist->room_n};
    struct chatd_conn_info info = {.size = sizeof(info)};

    count(typing, METRIC_EXPIRED);
    if (typing->rooms != NULL && chatd_conn_info(typing->self, typist->conn, &info) >= 0)
        chatd_rooms_signal(typing->self, typing->rooms, typist->conn, room, info.user, TYPING_KIND,
                           0);
}

static void on_tick(chatd_plugin *self, const struct chatd_ev_tick *tick)
{
    const struct typing_config *config = self->config;
    struct typing *typing = self->data;
    struct typist *typist;

    while ((typist = typist_expired(&typing->table, tick->mono_ms - config->expire_ms)) != NULL) {
        struct typist_list *list = list_of(typing, typist->conn);

        if (list == NULL)
            break; /* cannot be: a slot's end removes its entries */
        if (typist->is_on)
            expire(typing, typist);
        typist_remove(&typing->table, list, typist);
    }
    expire_remote(typing, tick->mono_ms);
}

static void slot_end(chatd_plugin *self, void *block)
{
    struct typing *typing = self->data;

    if (typing != NULL)
        typist_remove_all(&typing->table, block);
}

static int register_metrics(struct typing *typing)
{
    int i, rc;

    for (i = 0; i < METRIC_COUNT; i++) {
        struct chatd_metric_def def = metrics[i];

        def.size = sizeof(def);
        rc = chatd_metric(typing->self, &def, &typing->metric[i]);
        if (rc < 0)
            return rc;
    }
    return CHATD_OK;
}

static int register_all(struct typing *typing)
{
    chatd_plugin *self = typing->self;
    int rc = register_metrics(typing);

    if (rc >= 0)
        rc = chatd_slot(self, CHATD_SLOT_CONN, sizeof(struct typist_list), slot_end, &typing->slot);
    if (rc >= 0)
        rc = chatd_on_signal(self, CHATD_CHECK, check_signal);
    if (rc >= 0)
        rc = chatd_on_signaled(self, on_signaled);
    if (rc >= 0)
        rc = typing_verb_register(self);
    if (rc >= 0)
        rc = chatd_on_message(self, CHATD_WATCH, watch_message);
    if (rc >= 0)
        rc = chatd_on_leave(self, on_leave);
    if (rc >= 0)
        rc = chatd_on_tick(self, on_tick);
    if (rc >= 0)
        rc = chatd_feature(self, "typing");
    return rc;
}

static int init(chatd_plugin *self)
{
    struct typing *typing = calloc(1, sizeof(*typing));
    int rc;

    if (typing == NULL)
        return CHATD_E_BUSY;
    typing->self = self;
    self->data = typing;
    rc = register_all(typing);
    if (rc < 0) {
        chatd_log(self, CHATD_LOG_ERROR, "cannot register (error %d): see the line above", rc);
        self->data = NULL;
        free(typing);
    }
    return rc;
}

static int start(chatd_plugin *self)
{
    struct typing *typing = self->data;

    typing->rooms = chatd_service(self, CHATD_ROOMS_SERVICE);
    if (typing->rooms == NULL)
        chatd_log(self, CHATD_LOG_WARN,
                  "no plugin offers chatd.rooms, so nobody can type: write `rooms = on` in "
                  "[plugins]");
    return CHATD_OK;
}

/* Everything is read from the options when it is needed. */
static int reload(chatd_plugin *self, const void *fresh)
{
    (void)self, (void)fresh;
    return CHATD_OK;
}

static void stop(chatd_plugin *self)
{
    struct typing *typing = self->data;
    struct typist *typist;

    if (typing == NULL)
        return;
    self->data = NULL; /* slot_end() has nothing left to do */
    while ((typist = typing->table.oldest) != NULL) {
        typing->table.oldest = typist->next;
        free(typist);
    }
    remote_deinit(&typing->remote);
    free(typing);
}

CHATD_PLUGIN(.name = "typing", .version = "0.2.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct typing_config), .needs = needs, .init = init,
             .start = start, .stop = stop, .reload = reload);
