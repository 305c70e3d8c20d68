/* SPDX-License-Identifier: MIT */
/* Reading the arguments of verbs. */
#include "v1_args.h"

const char *v1_args_open(chatd_str request, struct chatd_fields *fields_out, chatd_str *room_out)
{
    const char *flaw = NULL;

    if (chatd_fields_open(request, fields_out, &flaw) < 0)
        return flaw;
    if (chatd_fields_str(fields_out, "room", room_out) < 0)
        flaw = "\"room\" is missing or not a string.";
    else
        flaw = rules_room_name(*room_out);
    if (flaw != NULL)
        chatd_fields_close(fields_out);
    return flaw;
}

const char *v1_args_since(const struct chatd_fields *fields, struct position *since_out)
{
    struct chatd_fields since;
    int rc = chatd_fields_object(fields, "since", &since);
    int64_t seq = -1;
    chatd_str epoch;

    *since_out = (struct position){.seq = 0};
    if (rc == CHATD_E_NOTFOUND)
        return NULL;
    if (rc == CHATD_OK) {
        rc = chatd_fields_str(&since, "epoch", &epoch);
        if (rc == CHATD_OK)
            rc = chatd_fields_int(&since, "seq", &seq);
        if (rc == CHATD_OK && seq >= 0 && epoch.n <= CHATD_LOG_EPOCH_MAX) {
            memcpy(since_out->epoch, epoch.p, epoch.n);
            since_out->epoch[epoch.n] = '\0';
            since_out->seq = (uint64_t)seq;
        } /* longer ones are none of ours */
        chatd_fields_close(&since);
    }
    return rc == CHATD_OK && seq >= 0
               ? NULL
               : "\"since\" is not {\"epoch\": a string, \"seq\": a whole number}.";
}

const char *v1_args_message(const struct chatd_fields *fields, chatd_str *text_out,
                            chatd_str *cid_out)
{
    *cid_out = CHATD_STR("");
    if (chatd_fields_str(fields, "text", text_out) < 0)
        return "\"text\" is missing or not a string.";
    if (chatd_fields_str(fields, "cid", cid_out) == CHATD_E_INVAL || cid_out->n > MESSAGE_CID_MAX)
        return "\"cid\" is not a string of at most 64 bytes.";
    return NULL;
}
