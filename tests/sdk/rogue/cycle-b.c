/* SPDX-License-Identifier: MIT */
/* Rogue plugin: offers rogue.b and needs rogue.a, whose provider needs this one. */
#include <chatd/chatd.h>

struct cycle_api {
    uint32_t size;
    uint32_t reserved;
};

static const struct chatd_need needs[] = {
    {.service = "rogue.a", .major = 1, .minor = 0},
    {.service = NULL},
};

static int init(chatd_plugin *self)
{
    static const struct cycle_api api = {.size = sizeof(api)};
    static const struct chatd_service_def def = {
        .size = sizeof(def),
        .major = 1,
        .name = "rogue.b",
        .api = &api,
    };

    return chatd_service_offer(self, &def);
}

static int start(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_ERROR, "cycle-b: start was called");
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "cycle-b", .version = "1.0", .license = "MIT", .needs = needs, .init = init,
             .start = start);
