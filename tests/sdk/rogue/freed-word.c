/* SPDX-License-Identifier: MIT */
/* Rogue plugin: reads what it has given back, when a message says `use it`. */
#include <chatd/chatd.h>

#include <string.h>

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    char *copy;

    if (strstr(msg->text.p, "use it") == NULL)
        return CHATD_NEXT;
    copy = chatd_alloc(self, msg->text.n + 1);
    if (copy == NULL)
        return CHATD_NEXT;
    memcpy(copy, msg->text.p, msg->text.n + 1);
    chatd_free(self, copy);
    return copy[0] == '\n' ? CHATD_DENY : CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "freed-word", .version = "1.0", .license = "MIT", .init = init);
