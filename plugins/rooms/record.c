/* SPDX-License-Identifier: MIT */
/* Writing and reading the records of messages. */
#include "record.h"

#include "out.h"

char *record_write(chatd_str user, chatd_str room, chatd_str text, chatd_str cid, size_t *n_out)
{
    static const char frame[] = "{\"user\":,\"room\":,\"text\":,\"cid\":}";
    struct out out;

    if (out_init(&out, sizeof(frame) + chatd_json_quote_max(user.n) + chatd_json_quote_max(room.n) +
                           chatd_json_quote_max(text.n) + chatd_json_quote_max(cid.n)) < 0)
        return NULL;
    out_raw(&out, CHATD_STR("{\"user\":"));
    out_string(&out, user);
    out_raw(&out, CHATD_STR(",\"room\":"));
    out_string(&out, room);
    out_raw(&out, CHATD_STR(",\"text\":"));
    out_string(&out, text);
    if (cid.n > 0) {
        out_raw(&out, CHATD_STR(",\"cid\":"));
        out_string(&out, cid);
    }
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

static chatd_str str_or_none(const json_t *json, const char *key)
{
    chatd_str value;

    return chatd_json_str(json, key, &value) == CHATD_OK ? value : CHATD_STR("");
}

bool record_open_json(json_t *json, struct record *record_out)
{
    struct record r = {.json = json,
                       .cid = str_or_none(json, "cid"),
                       .kind = str_or_none(json, "kind"),
                       .text = str_or_none(json, "text")};
    json_int_t ref = json_integer_value(json_object_get(json, "ref"));
    chatd_str any;

    if (chatd_json_str(json, "user", &r.user) < 0 ||
        chatd_json_str(json, "kind", &any) == CHATD_E_INVAL)
        return false;
    if (r.kind.n == 0 && chatd_json_str(json, "text", &any) < 0)
        return false;
    r.ref = r.kind.n > 0 && ref > 0 ? (uint64_t)ref : 0;
    json_incref(json);
    *record_out = r;
    return true;
}

bool record_open(chatd_str text, struct record *record_out)
{
    const char *why;
    json_t *json = chatd_json_object(text, &why);
    bool is_message = json != NULL && record_open_json(json, record_out);

    json_decref(json);
    return is_message;
}

void record_close(struct record *record)
{
    json_decref(record->json);
    *record = (struct record){.json = NULL};
}
