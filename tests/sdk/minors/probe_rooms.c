/* SPDX-License-Identifier: MIT */
/* Calls chatd.rooms and chatd.auth as its minor declares them; and all it needs. */
#include "probe.h"

#include <chatd/svc/auth.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <chatd/svc/rooms.h>

#include <inttypes.h>
#include <stdlib.h>

/* A provider of an older minor is enough where the plugin asks what it has. */
#if CHATD_ABI_MINOR >= 3
#define ROOMS_FLAGS (CHATD_NEED_OPTIONAL | CHATD_NEED_LATER)
#else
#define ROOMS_FLAGS CHATD_NEED_OPTIONAL
#endif
#if CHATD_ABI_MIN_MINOR < CHATD_ABI_MINOR
#define LEAST(minor) 0
#else
#define LEAST(minor) (minor)
#endif

const struct chatd_need probe_needs[] = {
    {CHATD_KV_SERVICE, CHATD_KV_MAJOR, LEAST(CHATD_KV_MINOR), CHATD_NEED_OPTIONAL},
    {CHATD_LOG_SERVICE, CHATD_LOG_MAJOR, LEAST(CHATD_LOG_MINOR), CHATD_NEED_OPTIONAL},
    {CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, LEAST(CHATD_BUS_MINOR), 0},
    {CHATD_ROOMS_SERVICE, CHATD_ROOMS_MAJOR, LEAST(CHATD_ROOMS_MINOR), ROOMS_FLAGS},
    {CHATD_AUTH_SERVICE, CHATD_AUTH_MAJOR, LEAST(CHATD_AUTH_MINOR), CHATD_NEED_OPTIONAL},
    {PREVIOUS ".thing", 1, 0, CHATD_NEED_OPTIONAL},
    {NULL, 0, 0, 0},
};

/* The connection a message came from last: for calls that want one. */
static chatd_conn speaker;

static enum chatd_verdict note_speaker(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self;
    speaker = msg->ev.conn;
    return CHATD_NEXT;
}

/* --- rooms ------------------------------------------------------------------------------------------------------- */

static void on_published(chatd_plugin *self, int err, const struct chatd_rooms_published *result,
                         void *arg)
{
    chatd_req *req = arg;
    struct text text = {0};

    text_add(&text, "{\"err\":%d,\"seq\":%" PRIu64 ",\"duplicate\":%u,\"has_ts\":%d", err,
             result->seq, result->duplicate, result->ts > 0);
    text_add(&text, ",\"code\":\"%s\",\"text\":\"%s\"}", text_plain(result->code),
             text_plain(result->text));
    text_reply(self, *req, &text);
    free(req);
}

/* GET /NAME/publish?text=T, in the room "general" */
static void publish(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *rooms = chatd_service(self, CHATD_ROOMS_SERVICE);
    struct chatd_rooms_message message = {
        .size = sizeof(message),
        .room = CHATD_STR("general"),
        .user = CHATD_STR("probe"),
        .cid = CHATD_STR(""),
    };
    chatd_req *kept = malloc(sizeof(*kept));
    int rc;

    if (kept == NULL)
        abort();
    *kept = req;
    (void)chatd_req_query(self, req, "text", &message.text);
    rc = chatd_rooms_publish(self, rooms, &message, on_published, kept);
    if (rc < 0) {
        free(kept);
        (void)chatd_reply_error(self, req, 500, "internal", "publish() failed.", 0);
    }
}

static int count_member(chatd_plugin *self, chatd_conn conn, void *arg)
{
    (void)self, (void)conn;
    ++*(int *)arg;
    return 0;
}

/* GET /NAME/members: of "general", after its last speaker; sends it signals. */
static void tell_members(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *rooms = chatd_service(self, CHATD_ROOMS_SERVICE);
    const chatd_str general = CHATD_STR("general"), user = CHATD_STR("probe");
    const chatd_str kind = CHATD_STR(NAME);
    struct text text = {0};
    int n = 0, rc = chatd_rooms_each_member(self, rooms, general, count_member, &n);

    text_add(&text, "{\"each\":%d,\"n\":%d,\"in\":%d,\"out\":%d", rc, n,
             chatd_rooms_is_member(self, rooms, speaker, general),
             chatd_rooms_is_member(self, rooms, speaker, CHATD_STR("elsewhere")));
    text_add(&text, ",\"signal\":%d",
             chatd_rooms_signal(self, rooms, CHATD_NO_CONN, general, user, kind, 1));
    text_add(&text, ",\"denied\":%d",
             chatd_rooms_signal(self, rooms, CHATD_NO_CONN, general, user, kind, 0));
    text_add(&text, ",\"no_member\":%d",
             chatd_rooms_signal(self, rooms, speaker, CHATD_STR("elsewhere"), user, kind, 1));
#if CHATD_ABI_MINOR >= 2
    text_add(&text, ",\"here\":%d",
             chatd_rooms_signal_here(self, rooms, general, CHATD_STR("here"), kind, 1));
#endif
    text_add(&text, "}");
    text_reply(self, req, &text);
}

/* --- auth -------------------------------------------------------------------------------------------------------- */

static void on_checked(chatd_plugin *self, int err, const struct chatd_auth_identity *identity,
                       void *arg)
{
    chatd_req *req = arg;
    struct text text = {0};

    text_add(&text, "{\"err\":%d,\"user\":\"%s\",\"expires\":%d}", err,
             err == CHATD_OK ? text_plain(identity->user) : "",
             err == CHATD_OK && identity->expires_ms > 0);
    text_reply(self, *req, &text);
    free(req);
}

/* GET /NAME/token?token=T */
static void check_token(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *auth = chatd_service(self, CHATD_AUTH_SERVICE);
    chatd_str token = CHATD_STR("");
    chatd_req *kept = malloc(sizeof(*kept));
    int rc;

    if (kept == NULL)
        abort();
    *kept = req;
    (void)chatd_req_query(self, req, "token", &token);
    rc = auth != NULL ? chatd_auth_check_token(self, auth, token, on_checked, kept)
                      : CHATD_E_NOTFOUND;
    if (rc < 0) {
        free(kept);
        (void)chatd_reply_error(self, req, 500, "internal", "check_token() failed.", 0);
    }
}

int rooms_init(chatd_plugin *self)
{
    const int rcs[] = {
        chatd_on_message(self, CHATD_WATCH, note_speaker),
        probe_get(self, "/" NAME "/publish", 0, publish),
        probe_get(self, "/" NAME "/members", 0, tell_members),
        probe_get(self, "/" NAME "/token", 0, check_token),
    };
    size_t i;

    for (i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        if (rcs[i] < 0)
            return rcs[i];
    }
    return CHATD_OK;
}
