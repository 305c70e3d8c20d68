/* SPDX-License-Identifier: MIT */
/* Rogue plugin: its route is described by a record larger than the core's, with something in it. */
#include <chatd/chatd.h>

/* What a route of some later SDK would look like. */
struct later_route {
    struct chatd_route_def known;
    uint64_t unknown;
};

static void answer(chatd_plugin *self, chatd_req req)
{
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static int add(chatd_plugin *self, const char *pattern, uint64_t unknown)
{
    const struct later_route route = {
        .known =
            {
                .size = sizeof(route),
                .method = "GET",
                .pattern = pattern,
                .handle = answer,
            },
        .unknown = unknown,
    };

    return chatd_route(self, &route.known);
}

static int init(chatd_plugin *self)
{
    int zero_rc = add(self, "/rogue/zero-tail", 0);
    int tail_rc = add(self, "/rogue/tail", 1);

    chatd_log(self, CHATD_LOG_INFO, "larger-record: zero tail rc=%d tail rc=%d", zero_rc, tail_rc);
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "larger-record", .version = "1.0", .license = "MIT", .init = init);
