/* SPDX-License-Identifier: MIT */
/* Opening the envelope of chatd.v1. */
#include "host/envelope.h"

const char *envelope_open(chatd_str text, struct envelope *out)
{
    const char *why = NULL;

    out->id = out->type = CHATD_STR("");
    if (chatd_fields_open(text, &out->fields, &why) < 0)
        return why;
    if (chatd_fields_str(&out->fields, "id", &out->id) == CHATD_E_INVAL ||
        out->id.n > ENVELOPE_ID_MAX) {
        out->id = CHATD_STR("");
        return "id must be a string of at most 64 bytes";
    }
    return chatd_fields_str(&out->fields, "type", &out->type) == CHATD_OK ? NULL
                                                                          : "type must be a string";
}

void envelope_close(struct envelope *envelope)
{
    chatd_fields_close(&envelope->fields);
    envelope->id = envelope->type = CHATD_STR("");
}
