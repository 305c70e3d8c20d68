/* SPDX-License-Identifier: MIT */
/* Opening the envelope of chatd.v1. */
#include "host/envelope.h"

const char *envelope_open(chatd_str text, struct envelope *out)
{
    const char *why = NULL;

    *out = (struct envelope){.id = CHATD_STR("")};
    out->json = chatd_json_object(text, &why);
    if (out->json == NULL)
        return why;
    if (chatd_json_str(out->json, "id", &out->id) == CHATD_E_INVAL || out->id.n > ENVELOPE_ID_MAX) {
        out->id = CHATD_STR("");
        return "id must be a string of at most 64 bytes";
    }
    return chatd_json_str(out->json, "type", &out->type) == CHATD_OK ? NULL
                                                                     : "type must be a string";
}

void envelope_close(struct envelope *envelope)
{
    json_decref(envelope->json);
    *envelope = (struct envelope){.json = NULL};
}
