/* SPDX-License-Identifier: MIT */
/* Rogue plugin: settles messages in CHECK, which would wave them past the checks of others. */
#include <chatd/chatd.h>

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    chatd_log_conn(self, CHATD_LOG_INFO, msg->ev.conn, "done-in-check: returning CHATD_DONE");
    return CHATD_DONE;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "done-in-check", .version = "1.0", .license = "MIT", .init = init);
