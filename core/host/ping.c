/* SPDX-License-Identifier: MIT */
/* The verb `ping`: scripts in browsers do not see the pings of WebSocket, so they have one of their own. */
#include "host/host.h"

enum { PING_BYTES_MAX = 1024 }; /* an id, and what a later client may add */

static void on_ping(chatd_plugin *self, const struct chatd_verb_call *call)
{
    verb_ack(self, call->conn, call->id, CHATD_STR(""));
}

void ping_init(struct host *h)
{
    static const struct chatd_verb_def ping = {.size = sizeof(ping),
                                               .flags = CHATD_VERB_RATE,
                                               .name = "ping",
                                               .max_body = PING_BYTES_MAX,
                                               .handle = on_ping};

    verb_add(&h->core.pub, &ping);
}
