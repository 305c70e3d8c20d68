/* SPDX-License-Identifier: MIT */
/* Claims WebSockets on /echo and sends every message back as it came, text or binary. */
#include <chatd/chatd.h>

static void answer(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode, chatd_str data)
{
    /* A reader that is too slow is closed by the core, one that left needs no answer. */
    (void)chatd_conn_send(self, conn, opcode, data, 0);
}

static int init(chatd_plugin *self)
{
    static const struct chatd_ws_def ws = {
        .size = sizeof(ws),
        .flags = CHATD_WS_ANONYMOUS,
        .path = "/echo",
        .handle = answer,
    };

    return chatd_ws(self, &ws);
}

CHATD_PLUGIN(.name = "echo", .version = "1.0", .license = "MIT", .init = init);
