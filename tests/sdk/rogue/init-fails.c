/* SPDX-License-Identifier: MIT */
/* Rogue plugin: its init registers a route, a verb and a hook, and then fails. */
#include <chatd/chatd.h>

static void route_handler(chatd_plugin *self, chatd_req req)
{
    chatd_log(self, CHATD_LOG_ERROR, "init-fails: its route was called");
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static void verb_handler(chatd_plugin *self, const struct chatd_verb_call *call)
{
    chatd_log(self, CHATD_LOG_ERROR, "init-fails: its verb was called");
    (void)chatd_verb_ack(self, call->conn, call->id, CHATD_STR("\"rogue\":true"));
}

static void connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    chatd_log_conn(self, CHATD_LOG_ERROR, ev->ev.conn, "init-fails: its hook was called");
}

static int init(chatd_plugin *self)
{
    static const struct chatd_route_def route = {
        .size = sizeof(route),
        .method = "GET",
        .pattern = "/rogue/init-fails",
        .handle = route_handler,
    };
    static const struct chatd_verb_def verb = {
        .size = sizeof(verb),
        .name = "rogue.init_fails",
        .max_body = 1024,
        .handle = verb_handler,
    };
    int route_rc = chatd_route(self, &route);
    int verb_rc = chatd_verb(self, &verb);
    int hook_rc = chatd_on_connected(self, connected);

    chatd_log(self, CHATD_LOG_INFO, "init-fails: registered route=%d verb=%d hook=%d, now failing",
              route_rc, verb_rc, hook_rc);
    return CHATD_E_BACKEND;
}

static int start(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_ERROR, "init-fails: start was called");
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "init-fails", .version = "1.0", .license = "MIT", .init = init,
             .start = start);
