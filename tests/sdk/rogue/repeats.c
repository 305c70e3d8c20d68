/* SPDX-License-Identifier: MIT */
/* Rogue plugin: says the same thing again and again. */
#include <chatd/chatd.h>

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    int i;

    for (i = 0; i < 1000; i++)
        chatd_log(self, CHATD_LOG_WARN, "repeats: again");
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "repeats", .version = "1.0", .license = "MIT", .init = init, .start = start);
