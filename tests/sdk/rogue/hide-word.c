/* SPDX-License-Identifier: MIT */
/* Rogue plugin: hides messages that begin with "hidden" from everybody, one reader at a time. */
#include <chatd/chatd.h>

#include <string.h>

static enum chatd_verdict on_deliver(chatd_plugin *self, struct chatd_ev_deliver *ev)
{
    if (strncmp(ev->text.p, "hidden", 6) == 0)
        return chatd_deny(self, &ev->ev, "hide-word.hidden", "Hidden.");
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_deliver(self, CHATD_CHECK, on_deliver);
}

CHATD_PLUGIN(.name = "hide-word", .version = "1.0", .license = "MIT", .init = init);
