/* SPDX-License-Identifier: MIT */
/* Rogue plugin: never comes back from init. */
#include <chatd/chatd.h>

static int init(chatd_plugin *self)
{
    volatile int forever = 1;

    (void)self;
    while (forever)
        continue;
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "init-hangs", .version = "1.0", .license = "MIT", .init = init);
