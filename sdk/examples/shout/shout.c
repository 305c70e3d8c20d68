/* SPDX-License-Identifier: MIT */
/* Turns the ASCII letters of every message into capitals before it is stored. */
#include <chatd/chatd.h>

static char upper(char c)
{
    /* Bytes of other scripts are above 0x7f in UTF-8 and stay as they are. */
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static enum chatd_verdict shout(chatd_plugin *self, struct chatd_ev_message *msg)
{
    char *loud = chatd_alloc(self, msg->text.n + 1);
    int rc = CHATD_E_BUSY;
    size_t i;

    if (loud != NULL) {
        for (i = 0; i < msg->text.n; i++)
            loud[i] = upper(msg->text.p[i]);
        rc = chatd_set_text(self, msg, loud, msg->text.n); /* copies */
        chatd_free(self, loud);
    }
    if (rc < 0)
        return chatd_deny_for(self, &msg->ev, "shout.busy", "please say that again", 1000);
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHANGE, shout);
}

CHATD_PLUGIN(.name = "shout", .version = "1.0", .license = "MIT", .init = init);
