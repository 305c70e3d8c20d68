/* SPDX-License-Identifier: MIT */
/* Rogue plugin: does not survive its own init. */
#include <chatd/chatd.h>

#include <stdlib.h>

static int init(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "init-crash: now");
    abort(); /* a signal that no sanitizer takes for itself */
}

CHATD_PLUGIN(.name = "init-crash", .version = "1.0", .license = "MIT", .init = init);
