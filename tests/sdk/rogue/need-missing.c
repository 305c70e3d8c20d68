/* SPDX-License-Identifier: MIT */
/* Rogue plugin: needs a service that nobody offers. */
#include <chatd/chatd.h>

static const struct chatd_need needs[] = {
    {.service = "vendor.nothing", .major = 1, .minor = 0},
    {.service = NULL},
};

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_ERROR, "need-missing: start was called");
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "need-missing", .version = "1.0", .license = "MIT", .needs = needs,
             .init = init, .start = start);
