/* SPDX-License-Identifier: MIT */
/* Rogue plugin: answers every message with a verdict that does not exist. */
#include <chatd/chatd.h>

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    chatd_log_conn(self, CHATD_LOG_INFO, msg->ev.conn, "bad-verdict: returning 77");
    return (enum chatd_verdict)77;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "bad-verdict", .version = "1.0", .license = "MIT", .init = init);
