/* SPDX-License-Identifier: MIT */
/* Rogue plugin: two routes for the same paths, and no care for what the second call returns. */
#include <chatd/chatd.h>

struct dup_config {
    const char *pattern;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "pattern",
     .type = CHATD_CFG_STR,
     .def = "/rogue/dup/{b}",
     .offset = offsetof(struct dup_config, pattern),
     .help = "the second route; /hello clashes with the example hello"},
    {.key = NULL},
};

static void answer(chatd_plugin *self, chatd_req req)
{
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static int init(chatd_plugin *self)
{
    const struct dup_config *cfg = self->config;
    struct chatd_route_def route = {
        .size = sizeof(route),
        .method = "GET",
        .pattern = "/rogue/dup/{a}",
        .handle = answer,
    };
    int first_rc = chatd_route(self, &route);
    int second_rc;

    route.pattern = cfg->pattern; /* lives as long as the plugin */
    second_rc = chatd_route(self, &route);
    chatd_log(self, CHATD_LOG_INFO, "dup-route: first rc=%d second rc=%d", first_rc, second_rc);
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "dup-route", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct dup_config), .init = init);
