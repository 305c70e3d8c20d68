/* SPDX-License-Identifier: MIT */
/* Writing and reading the records of messages. */
#include "record.h"

#include "out.h"

char *record_write(chatd_str user, chatd_str room, chatd_str text, chatd_str cid, int64_t ts,
                   size_t *n_out)
{
    static const char frame[] = "{\"user\":,\"room\":,\"text\":,\"cid\":,\"ts\":}";
    struct out out;

    if (out_init(&out, sizeof(frame) + OUT_NUMBER_MAX + chatd_json_quote_max(user.n) +
                           chatd_json_quote_max(room.n) + chatd_json_quote_max(text.n) +
                           chatd_json_quote_max(cid.n)) < 0)
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
    if (ts > 0) {
        out_raw(&out, CHATD_STR(",\"ts\":"));
        out_number(&out, ts);
    }
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

static chatd_str str_or_none(const struct chatd_fields *fields, const char *key)
{
    chatd_str value = CHATD_STR("");

    chatd_fields_str(fields, key, &value);
    return value;
}

bool record_read(struct record *r)
{
    chatd_str any;
    int64_t ref = 0;

    r->cid = str_or_none(&r->fields, "cid");
    r->kind = str_or_none(&r->fields, "kind");
    r->text = str_or_none(&r->fields, "text");
    chatd_fields_int(&r->fields, "ref", &ref);
    r->ref = r->kind.n > 0 && ref > 0 ? (uint64_t)ref : 0;
    if (chatd_fields_str(&r->fields, "user", &r->user) == CHATD_OK &&
        chatd_fields_str(&r->fields, "kind", &any) != CHATD_E_INVAL &&
        (r->kind.n > 0 || chatd_fields_str(&r->fields, "text", &any) == CHATD_OK))
        return true;
    record_close(r);
    return false;
}

bool record_open(chatd_str text, struct record *record_out)
{
    const char *why;

    return chatd_fields_open(text, &record_out->fields, &why) == CHATD_OK &&
           record_read(record_out);
}

void record_close(struct record *record)
{
    chatd_fields_close(&record->fields);
}
