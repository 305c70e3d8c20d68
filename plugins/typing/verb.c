/* SPDX-License-Identifier: MIT */
/* The verb `typing` of chatd.v1, {"room","typing"}: a signal like any other, without an answer. */
#include "typing.h"

#include <chatd/fields.h>

#define BODY_MAX 4096u

static void refuse(chatd_plugin *self, const struct chatd_verb_call *call, const char *code,
                   const char *text)
{
    chatd_verb_error(self, call->conn, call->id, code, text, 0);
}

static void handle(chatd_plugin *self, const struct chatd_verb_call *call)
{
    const struct typing *typing = self->data;
    struct chatd_conn_info info = {.size = sizeof(info)};
    struct chatd_fields fields;
    const char *why = NULL;
    bool on = false, is_open = chatd_fields_open(call->json, &fields, &why) == CHATD_OK;
    chatd_str room;
    int rc;

    if (!is_open || chatd_fields_str(&fields, "room", &room) < 0 ||
        chatd_fields_bool(&fields, "typing", &on) < 0) {
        refuse(self, call, "bad_request",
               "Write {\"room\": a room you are in, \"typing\": true or false}.");
    } else if (typing->rooms == NULL) {
        refuse(self, call, "not_found", "There are no rooms on this server.");
    } else if (chatd_conn_info(self, call->conn, &info) >= 0) {
        rc = chatd_rooms_signal(self, typing->rooms, call->conn, room, info.user, TYPING_KIND, on);
        if (rc == CHATD_E_NOTFOUND)
            refuse(self, call, "not_member", "Join the room first.");
        else if (rc == CHATD_E_INVAL)
            refuse(self, call, "bad_request", "A room has no such name.");
        /* Anything else is for the server's log: nobody waits for a signal. */
    }
    if (is_open)
        chatd_fields_close(&fields);
}

int typing_verb_register(chatd_plugin *self)
{
    static const struct chatd_verb_def verb = {.size = sizeof(verb),
                                               .flags = CHATD_VERB_LOGIN | CHATD_VERB_RATE,
                                               .name = "typing",
                                               .max_body = BODY_MAX,
                                               .handle = handle};

    return chatd_verb(self, &verb);
}
