/* SPDX-License-Identifier: MIT */
/* Rogue plugin: registers after init, when dispatch is fixed. */
#include <chatd/chatd.h>

static void route_handler(chatd_plugin *self, chatd_req req)
{
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static void verb_handler(chatd_plugin *self, const struct chatd_verb_call *call)
{
    (void)chatd_verb_ack(self, call->conn, call->id, CHATD_STR("\"rogue\":true"));
}

static void ws_handler(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode,
                       chatd_str data)
{
    (void)chatd_conn_send(self, conn, opcode, data, 0);
}

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self;
    (void)msg;
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    static const struct chatd_route_def route = {
        .size = sizeof(route), .method = "GET", .pattern = "/rogue/late", .handle = route_handler};
    static const struct chatd_verb_def verb = {
        .size = sizeof(verb), .name = "rogue.late", .max_body = 1024, .handle = verb_handler};
    static const struct chatd_ws_def ws = {
        .size = sizeof(ws), .path = "/rogue-late", .handle = ws_handler};
    static const struct chatd_metric_def metric = {
        .size = sizeof(metric), .kind = CHATD_COUNTER, .name = "late_total", .help = "never shown"};
    int number;

    chatd_log(self, CHATD_LOG_INFO, "late-register: route rc=%d", chatd_route(self, &route));
    chatd_log(self, CHATD_LOG_INFO, "late-register: verb rc=%d", chatd_verb(self, &verb));
    chatd_log(self, CHATD_LOG_INFO, "late-register: ws rc=%d", chatd_ws(self, &ws));
    chatd_log(self, CHATD_LOG_INFO, "late-register: hook rc=%d",
              chatd_on_message(self, CHATD_CHECK, check));
    chatd_log(self, CHATD_LOG_INFO, "late-register: slot rc=%d",
              chatd_slot(self, CHATD_SLOT_CONN, 8, NULL, &number));
    chatd_log(self, CHATD_LOG_INFO, "late-register: metric rc=%d",
              chatd_metric(self, &metric, &number));
    chatd_log(self, CHATD_LOG_INFO, "late-register: feature rc=%d",
              chatd_feature(self, "rogue-late"));
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "late-register", .version = "1.0", .license = "MIT", .init = init,
             .start = start);
