/* SPDX-License-Identifier: MIT */
/* Reading the arguments of verbs. */
#include "v1_args.h"

const char *v1_args_open(chatd_str request, json_t **json_out, chatd_str *room_out)
{
    const char *flaw = NULL;
    json_t *json = chatd_json_object(request, &flaw);

    *json_out = NULL;
    if (json != NULL && chatd_json_str(json, "room", room_out) < 0)
        flaw = "\"room\" is missing or not a string.";
    else if (json != NULL)
        flaw = rules_room_name(*room_out);
    if (flaw == NULL)
        *json_out = json;
    else
        json_decref(json);
    return flaw;
}

const char *v1_args_since(const json_t *json, struct position *since_out)
{
    const json_t *since = json_object_get(json, "since");
    const json_t *seq = json_object_get(since, "seq");
    chatd_str epoch;

    *since_out = (struct position){.seq = 0};
    if (since == NULL || json_is_null(since))
        return NULL;
    if (!json_is_object(since) || chatd_json_str(since, "epoch", &epoch) < 0 ||
        !json_is_integer(seq) || json_integer_value(seq) < 0)
        return "\"since\" is not {\"epoch\": a string, \"seq\": a whole number}.";
    if (epoch.n <= CHATD_LOG_EPOCH_MAX) { /* longer ones are none of ours */
        memcpy(since_out->epoch, epoch.p, epoch.n);
        since_out->epoch[epoch.n] = '\0';
        since_out->seq = (uint64_t)json_integer_value(seq);
    }
    return NULL;
}

const char *v1_args_message(const json_t *json, chatd_str *text_out, chatd_str *cid_out)
{
    *cid_out = CHATD_STR("");
    if (chatd_json_str(json, "text", text_out) < 0)
        return "\"text\" is missing or not a string.";
    if (chatd_json_str(json, "cid", cid_out) == CHATD_E_INVAL || cid_out->n > MESSAGE_CID_MAX)
        return "\"cid\" is not a string of at most 64 bytes.";
    return NULL;
}
