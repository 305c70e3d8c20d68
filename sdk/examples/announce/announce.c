/* SPDX-License-Identifier: MIT */
/*
 * Lets a program speak: POST /announce says something in a room, as whoever the token in it belongs
 * to, and GET /announce shows what was said last, whichever worker is asked. It calls every service
 * that chatd has.
 */
#include <chatd/chatd.h>
#include <chatd/fields.h>
#include <chatd/svc/auth.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <chatd/svc/rooms.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS     INT64_C(86400000)
#define BODY_BYTES 8192u
#define NAME_BYTES 257u /* of a user or a room, with its NUL */

struct announce_config {
    int64_t per_day;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "per_day",
     .type = CHATD_CFG_INT,
     .def = "100",
     .min = 1,
     .max = 1000000,
     .offset = offsetof(struct announce_config, per_day),
     .help = "announcements that one user may make in a day"},
    {.key = NULL},
};

/* The minor is the one whose functions are called here, not the newest one of the headers: so an
 * older provider will do. */
static const struct chatd_need needs[] = {
    {.service = CHATD_AUTH_SERVICE, .major = CHATD_AUTH_MAJOR, .minor = 0},
    {.service = CHATD_BUS_SERVICE, .major = CHATD_BUS_MAJOR, .minor = 0},
    {.service = CHATD_KV_SERVICE, .major = CHATD_KV_MAJOR, .minor = 0},
    {.service = CHATD_LOG_SERVICE, .major = CHATD_LOG_MAJOR, .minor = 0},
    {.service = CHATD_ROOMS_SERVICE, .major = CHATD_ROOMS_MAJOR, .minor = 0},
    {.service = NULL},
};

/* One for each worker, in self->data. */
struct announce {
    const struct chatd_service *auth, *bus, *kv, *log, *rooms;
    uint64_t seq; /* of the last announcement that this worker has heard of; 0: of none */
    char room[NAME_BYTES];
};

/* A POST that is not answered yet. Its callbacks come in any case, and the last one frees it. */
struct call {
    chatd_req req;
    struct chatd_fields body;
    chatd_str room, text; /* in the body */
    chatd_str user;
    char user_bytes[NAME_BYTES];
};

static void call_free(struct call *call)
{
    chatd_fields_close(&call->body);
    free(call);
}

/* Status 0 is the one that belongs to the code. If the client left, nobody is there to be told. */
static void refuse(chatd_plugin *self, struct call *call, const char *code, const char *text,
                   uint32_t retry_ms)
{
    (void)chatd_reply_error(self, call->req, 0, code, text, retry_ms);
    call_free(call);
}

static void fail(chatd_plugin *self, struct call *call)
{
    refuse(self, call, "unavailable", "This cannot be done now. Please try again.", 1000);
}

/* ---------------------------------------------------------------- what was announced last --- */

/* To all workers, this one too: the number and the room of what was said. */
static void tell_all(chatd_plugin *self, chatd_str room, uint64_t seq)
{
    const struct announce *a = self->data;
    char data[NAME_BYTES + 24];
    int n = snprintf(data, sizeof(data), "%" PRIu64 " %s", seq, room.p);
    chatd_str message = {data, (size_t)n};

    /* A hint that is lost is made good by the next one. */
    (void)chatd_bus_publish(self, a->bus, CHATD_STR("announce.last"), message);
}

static void on_told(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct announce *a = self->data;
    char *room;
    uint64_t seq;

    (void)topic;
    (void)arg;
    if (lost)
        return;
    seq = strtoull(data.p, &room, 10);
    if (*room == ' ' && strlen(room + 1) < sizeof(a->room)) {
        a->seq = seq;
        memcpy(a->room, room + 1, strlen(room + 1) + 1);
    }
}

/* A record's text is a JSON object, and goes into another one as it is. */
static void show_record(chatd_plugin *self, chatd_req req, const struct chatd_log_record *record)
{
    static const char form[] = "{\"seq\":%" PRIu64 ",\"record\":%s}";
    size_t bytes = sizeof(form) + 20 + record->record.n;
    char *json = malloc(bytes);
    chatd_str body = {json, 0};

    if (json == NULL) {
        (void)chatd_reply_error(self, req, 0, "unavailable", "Please try again.", 1000);
        return;
    }
    body.n = (size_t)snprintf(json, bytes, form, record->seq, record->record.p);
    (void)chatd_reply_json(self, req, 200, body);
    free(json);
}

/* The bus gave a hint, the log has the truth: what was deleted meanwhile is not there. */
static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    chatd_req req = *(chatd_req *)arg;

    free(arg);
    if (err != CHATD_OK)
        (void)chatd_reply_error(self, req, 0, "unavailable", "Please try again.", 1000);
    else if (page->n == 0)
        (void)chatd_reply_error(self, req, 0, "not_found", "It is not there any more.", 0);
    else
        show_record(self, req, &page->records[0]);
}

static void show(chatd_plugin *self, chatd_req req)
{
    const struct announce *a = self->data;
    chatd_str room = {a->room, strlen(a->room)};
    chatd_req *kept;

    if (a->seq == 0) {
        (void)chatd_reply_error(self, req, 0, "not_found", "Nothing was announced yet.", 0);
        return;
    }
    kept = malloc(sizeof(*kept));
    if (kept != NULL)
        *kept = req;
    /* The one record after the one before it. If the call fails there is no callback. */
    if (kept == NULL ||
        chatd_log_range(self, a->log, room, a->seq - 1, 1, CHATD_LOG_AFTER, on_page, kept) < 0) {
        free(kept);
        (void)chatd_reply_error(self, req, 0, "unavailable", "Please try again.", 1000);
    }
}

/* --------------------------------------------------------------------------- announcing --- */

static void on_published(chatd_plugin *self, int err, const struct chatd_rooms_published *result,
                         void *arg)
{
    struct call *call = arg;
    char json[48];
    int n;

    if (err == CHATD_E_INVAL) { /* refused by a rule of the rooms or by a plugin, which say why */
        refuse(self, call, result->code.p, result->text.p, 0);
        return;
    }
    if (err != CHATD_OK) {
        fail(self, call);
        return;
    }
    tell_all(self, call->room, result->seq);
    n = snprintf(json, sizeof(json), "{\"seq\":%" PRIu64 "}", result->seq);
    (void)chatd_reply_json(self, call->req, 201, (chatd_str){json, (size_t)n});
    call_free(call);
}

static void publish(chatd_plugin *self, struct call *call)
{
    const struct announce *a = self->data;
    const struct chatd_rooms_message message = {
        .size = sizeof(message),
        .room = call->room,
        .user = call->user,
        .text = call->text,
    };
    int rc = chatd_rooms_publish(self, a->rooms, &message, on_published, call);

    if (rc == CHATD_E_INVAL)
        refuse(self, call, "bad_request", "There can be no room of this name.", 0);
    else if (rc < 0)
        fail(self, call);
}

static void on_counted(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    const struct announce_config *cfg = self->config;

    if (err != CHATD_OK)
        fail(self, arg);
    else if (reply->number > cfg->per_day)
        refuse(self, arg, "rate_limited", "This was enough for a day.", 3600000);
    else
        publish(self, arg);
}

/* Counts for all workers, and hosts that share a store, from the first one on for a day. */
static void count(chatd_plugin *self, struct call *call)
{
    const struct announce *a = self->data;
    int rc = chatd_kv_add(self, a->kv, CHATD_STR("announce.count"), call->user, 1, DAY_MS,
                          on_counted, call);

    if (rc < 0)
        fail(self, call);
}

static void on_checked(chatd_plugin *self, int err, const struct chatd_auth_identity *identity,
                       void *arg)
{
    struct call *call = arg;

    if (err == CHATD_E_NOTFOUND) {
        refuse(self, call, "unauthorized", "The token is not good.", 0);
    } else if (err != CHATD_OK || identity->user.n >= sizeof(call->user_bytes)) {
        fail(self, call);
    } else {
        /* The name is borrowed for this callback. */
        memcpy(call->user_bytes, identity->user.p, identity->user.n + 1);
        call->user.p = call->user_bytes;
        call->user.n = identity->user.n;
        count(self, call);
    }
}

/* {"token","room","text"}: of a program that cannot set headers. */
static void announce(chatd_plugin *self, chatd_req req)
{
    const struct announce *a = self->data;
    struct chatd_request info = {.size = sizeof(info)};
    struct call *call = calloc(1, sizeof(*call));
    const char *why = "token, room and text are wanted, all of them strings";
    chatd_str token;

    if (call == NULL || chatd_request(self, req, &info) < 0) {
        free(call);
        return;
    }
    call->req = req;
    if (chatd_fields_open(info.body, &call->body, &why) < 0 ||
        chatd_fields_str(&call->body, "token", &token) < 0 ||
        chatd_fields_str(&call->body, "room", &call->room) < 0 ||
        chatd_fields_str(&call->body, "text", &call->text) < 0)
        refuse(self, call, "bad_request", why, 0);
    else if (chatd_auth_check_token(self, a->auth, token, on_checked, call) < 0)
        fail(self, call);
}

/* ------------------------------------------------------------------------------ the life --- */

static int init(chatd_plugin *self)
{
    static const struct chatd_route_def routes[] = {
        {.size = sizeof(routes[0]),
         .flags = CHATD_ROUTE_JSON,
         .method = "POST",
         .pattern = "/announce",
         .max_body = BODY_BYTES,
         .handle = announce},
        {.size = sizeof(routes[0]),
         .flags = CHATD_ROUTE_LOGIN,
         .method = "GET",
         .pattern = "/announce",
         .handle = show},
    };
    int rc = chatd_route(self, &routes[0]);

    return rc < 0 ? rc : chatd_route(self, &routes[1]);
}

static int start(chatd_plugin *self)
{
    struct announce *a = calloc(1, sizeof(*a));
    chatd_sub sub;

    if (a == NULL)
        return CHATD_E_BUSY;
    a->auth = chatd_service(self, CHATD_AUTH_SERVICE);
    a->bus = chatd_service(self, CHATD_BUS_SERVICE);
    a->kv = chatd_service(self, CHATD_KV_SERVICE);
    a->log = chatd_service(self, CHATD_LOG_SERVICE);
    a->rooms = chatd_service(self, CHATD_ROOMS_SERVICE);
    self->data = a;
    return chatd_bus_subscribe(self, a->bus, CHATD_STR("announce.last"), on_told, NULL, &sub);
}

/* Also after a check, which has called init() alone. */
static void stop(chatd_plugin *self)
{
    free(self->data);
    self->data = NULL;
}

CHATD_PLUGIN(.name = "announce", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct announce_config), .needs = needs, .init = init,
             .start = start, .stop = stop);
