/* SPDX-License-Identifier: MIT */
/* The plugin `rooms`: its options, what it registers, and its life. */
#include "rooms.h"

#include "census.h"
#include "classic.h"
#include "history.h"
#include "list.h"
#include "member.h"
#include "service.h"
#include "turn.h"
#include "v1.h"

#include <stdlib.h>

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

static const struct chatd_cfg_field fields[] = {
    {.key = "default_room",
     .type = CHATD_CFG_STR,
     .def = "general",
     .min = 1,
     .max = ROOM_NAME_MAX,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, default_room),
     .help = "room of a classic client that names none"},
    {.key = "history_on_join",
     .type = CHATD_CFG_INT,
     .def = "50",
     .min = 0,
     .max = 200,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, history_on_join),
     .help = "latest messages sent to whoever joins a room"},
    {.key = "text_max",
     .type = CHATD_CFG_SIZE,
     .def = "4k",
     .min = 1,
     .max = 64 * KIB,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, text_max),
     .help = "largest text of a message, in bytes of UTF-8"},
    {.key = "ring_bytes",
     .type = CHATD_CFG_SIZE,
     .def = "64m",
     .min = MIB,
     .max = 64 * KIB * MIB,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, ring_bytes),
     .help = "memory of each worker for the latest messages of all rooms"},
    {.key = "rooms_max",
     .type = CHATD_CFG_INT,
     .def = "10000",
     .min = 1,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rooms_max),
     .help = "rooms that may have messages; further ones are refused (rate_limited)"},
    {.key = "inflight_max",
     .type = CHATD_CFG_INT,
     .def = "32",
     .min = 1,
     .max = 256,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, inflight_max),
     .help = "messages of one connection that may wait for the store"},
    {.key = "joins_max",
     .type = CHATD_CFG_INT,
     .def = "100",
     .min = 1,
     .max = 10000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, joins_max),
     .help = "rooms that one chatd.v1 connection may be in"},
    {.key = "resume_max",
     .type = CHATD_CFG_INT,
     .def = "1000",
     .min = 0,
     .max = 100000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, resume_max),
     .help = "messages sent to who comes back; who missed more starts with the latest page"},
    {.key = "dedup_window",
     .type = CHATD_CFG_DURATION,
     .def = "10m",
     .min = 1000,
     .max = 86400000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, dedup_window_ms),
     .help = "how long a repeated message is recognised by its cid"},
    {.key = "message_rate",
     .type = CHATD_CFG_INT,
     .def = "10",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_MESSAGE]),
     .help = "messages a second of one connection, five times that at once"},
    {.key = "message_rate_user",
     .type = CHATD_CFG_INT,
     .def = "20",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_MESSAGE_USER]),
     .help = "messages a second of one user, on whatever connections"},
    {.key = "message_rate_address",
     .type = CHATD_CFG_INT,
     .def = "100",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_MESSAGE_ADDRESS]),
     .help = "messages a second from one client address (IPv6: from one /64)"},
    {.key = "message_rate_room",
     .type = CHATD_CFG_INT,
     .def = "100",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_MESSAGE_ROOM]),
     .help = "messages a second in one room, of all its members"},
    {.key = "byte_rate_user",
     .type = CHATD_CFG_SIZE,
     .def = "32k",
     .min = 0,
     .max = 512 * MIB,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_BYTE_USER]),
     .help = "bytes of text a second of one user"},
    {.key = "join_rate_user",
     .type = CHATD_CFG_INT,
     .def = "40",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_JOIN_USER]),
     .help = "joins of rooms a second of one user"},
    {.key = "join_rate_address",
     .type = CHATD_CFG_INT,
     .def = "100",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_JOIN_ADDRESS]),
     .help = "joins of rooms a second from one client address"},
    {.key = "signal_rate_user",
     .type = CHATD_CFG_INT,
     .def = "5",
     .min = 0,
     .max = 1000000,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct rooms_config, rate[LIMIT_SIGNAL_USER]),
     .help = "signals, such as typing, a second of one user; more are dropped"},
    {.key = NULL},
};

static const struct chatd_need needs[] = {
    {CHATD_LOG_SERVICE, CHATD_LOG_MAJOR, 0, CHATD_NEED_OPTIONAL},
    {CHATD_KV_SERVICE, CHATD_KV_MAJOR, CHATD_KV_MINOR, CHATD_NEED_OPTIONAL},
    {CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, CHATD_BUS_MINOR, 0},
    {NULL, 0, 0, 0},
};

static const struct chatd_metric_def metrics[METRIC_COUNT] = {
    [METRIC_MESSAGES] = {.kind = CHATD_COUNTER,
                         .name = "messages_total",
                         .help = "messages taken from members and plugins"},
    [METRIC_REFUSED] = {.kind = CHATD_COUNTER,
                        .name = "refused_total",
                        .help = "messages refused: malformed, too large, denied by a plugin"},
    [METRIC_ROOMS] = {.kind = CHATD_GAUGE,
                      .name = "rooms",
                      .help = "rooms in memory, idle ones included"},
    [METRIC_MEMBERS] = {.kind = CHATD_GAUGE,
                        .name = "members",
                        .help = "memberships of connections"},
    [METRIC_RING_BYTES] = {.kind = CHATD_GAUGE,
                           .name = "ring_bytes",
                           .help = "memory taken by the latest messages of all rooms"},
    [METRIC_STORE_READS] = {.kind = CHATD_COUNTER,
                            .name = "store_reads_total",
                            .help = "pages read from chatd.log for joiners and readers"},
    [METRIC_GAPS] = {.kind = CHATD_COUNTER,
                     .name = "gaps_total",
                     .help = "times that a reader was told of messages it does not get"},
};

static void release_frame(void *arg, chatd_frame *frame)
{
    chatd_frame_unref(arg, frame);
}

static void on_tick(chatd_plugin *self, const struct chatd_ev_tick *ev)
{
    struct rooms *rooms = self->data;

    (void)ev;
    room_sweep(rooms);
    chatd_metric_set(self, rooms->metric[METRIC_RING_BYTES], 0, (int64_t)rooms->budget.bytes);
}

static int register_metrics(struct rooms *rooms)
{
    int i, rc;

    for (i = 0; i < METRIC_COUNT; i++) {
        struct chatd_metric_def def = metrics[i];

        def.size = sizeof(def);
        rc = chatd_metric(rooms->self, &def, &rooms->metric[i]);
        if (rc < 0)
            return rc;
    }
    return CHATD_OK;
}

static int register_all(struct rooms *rooms)
{
    int rc = member_register(rooms);

    if (rc >= 0)
        rc = turn_register(rooms);
    if (rc >= 0)
        rc = register_metrics(rooms);
    if (rc >= 0)
        rc = limits_register(rooms);
    if (rc >= 0)
        rc = service_register(rooms);
    if (rc >= 0)
        rc = classic_register(rooms);
    if (rc >= 0)
        rc = v1_register(rooms);
    if (rc >= 0)
        rc = history_register(rooms);
    if (rc >= 0)
        rc = list_register(rooms);
    if (rc >= 0)
        rc = chatd_on_tick(rooms->self, on_tick);
    if (rc >= 0)
        rc = chatd_feature(rooms->self, "rooms");
    return rc;
}

/* What the bounds of a row cannot say. */
static int check_config(chatd_plugin *self, const struct rooms_config *config)
{
    const char *flaw =
        rules_room_name((chatd_str){config->default_room, strlen(config->default_room)});

    if (flaw == NULL)
        return CHATD_OK;
    chatd_log(self, CHATD_LOG_ERROR,
              "[rooms] default_room = %s: %s Write a name such as \"general\".",
              config->default_room, flaw);
    return CHATD_E_INVAL;
}

static int init(chatd_plugin *self)
{
    const struct rooms_config *config = self->config;
    struct rooms *rooms;
    int rc = check_config(self, config);

    if (rc < 0)
        return rc;
    rooms = calloc(1, sizeof(*rooms));
    if (rooms == NULL)
        return CHATD_E_BUSY;
    rooms->self = self;
    rooms->budget = (struct ring_budget){
        .max = (size_t)config->ring_bytes, .release = release_frame, .arg = self};
    self->data = rooms;
    rc = register_all(rooms);
    if (rc < 0) {
        chatd_log(self, CHATD_LOG_ERROR, "cannot register (error %d): see the line above", rc);
        self->data = NULL;
        free(rooms);
    }
    return rc;
}

static int start(chatd_plugin *self)
{
    struct rooms *rooms = self->data;

    rooms->log = chatd_service(self, CHATD_LOG_SERVICE);
    rooms->kv = chatd_service(self, CHATD_KV_SERVICE);
    rooms->bus = chatd_service(self, CHATD_BUS_SERVICE);
    if (rooms->log == NULL)
        chatd_log(self, CHATD_LOG_INFO,
                  "no plugin offers chatd.log: messages are passed on, and kept nowhere");
    list_count(rooms);
    return census_start(rooms);
}

static int reload(chatd_plugin *self, const void *fresh)
{
    const struct rooms_config *config = fresh;
    struct rooms *rooms = self->data;
    int rc = check_config(self, config);

    if (rc < 0)
        return rc;
    rooms->budget.max = (size_t)config->ring_bytes;
    ring_budget_enforce(&rooms->budget);
    return v1_limits(rooms, config);
}

static void stop(chatd_plugin *self)
{
    struct rooms *rooms = self->data;

    if (rooms == NULL)
        return;
    census_stop(rooms);
    /* A store that has yet to answer calls back with CANCELLED: what it will touch stays. */
    if (rooms->listing != NULL || !room_free_all(rooms))
        return;
    self->data = NULL;
    limits_deinit(rooms);
    free(rooms);
}

CHATD_PLUGIN(.name = "rooms", .version = "0.2.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct rooms_config), .needs = needs, .init = init,
             .start = start, .stop = stop, .reload = reload);
