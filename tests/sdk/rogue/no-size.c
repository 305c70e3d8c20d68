/* SPDX-License-Identifier: MIT */
/* Rogue plugin: forgets the size of its records, and asks for what cannot be; return codes ignored. */
#include <chatd/chatd.h>

static void answer(chatd_plugin *self, chatd_req req)
{
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static int init(chatd_plugin *self)
{
    static const struct chatd_route_def route = {
        .method = "GET",
        .pattern = "/rogue/no-size",
        .handle = answer,
    };
    static const struct chatd_ws_def ws = {.size = sizeof(ws), .path = "rogue"};
    static const struct chatd_service_def service = {.size = sizeof(service), .name = "nothing"};
    static const struct chatd_metric_def metric = {.size = sizeof(metric), .name = "nothing"};
    int route_rc = chatd_route(self, &route);
    int ws_rc = chatd_ws(self, &ws);
    int service_rc = chatd_service_offer(self, &service);
    int slot, slot_rc = chatd_slot(self, CHATD_SLOT_CONN, 5000, NULL, &slot);
    int metric_rc = chatd_metric(self, &metric, &slot);
    int hook_rc = self->core->on(self, 9999, CHATD_CHECK, chatd_thunk_named, (chatd_fn)answer);

    chatd_log(self, CHATD_LOG_INFO,
              "no-size: route rc=%d ws rc=%d service rc=%d slot rc=%d metric rc=%d hook rc=%d",
              route_rc, ws_rc, service_rc, slot_rc, metric_rc, hook_rc);
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "no-size", .version = "1.0", .license = "MIT", .init = init);
