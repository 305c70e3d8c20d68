/* SPDX-License-Identifier: MIT */
/* Writing the frames of chatd.v1. */
#include "v1_frame.h"

/* Bytes that all names, braces and numbers of one frame need, with room to spare. */
#define FIXED_MAX 256u

/* {"type":TYPE,"room":ROOM, with room for `more` further bytes of strings. */
static int begin(struct out *out, chatd_str type, chatd_str room, size_t more)
{
    if (out_init(out, FIXED_MAX + chatd_json_quote_max(type.n) + chatd_json_quote_max(room.n) +
                          more) < 0)
        return CHATD_E_BUSY;
    out_raw(out, CHATD_STR("{\"type\":"));
    out_string(out, type);
    out_raw(out, CHATD_STR(",\"room\":"));
    out_string(out, room);
    return CHATD_OK;
}

static void number(struct out *out, chatd_str name, uint64_t value)
{
    out_raw(out, name);
    out_number(out, (int64_t)value);
}

static void string(struct out *out, chatd_str name, chatd_str value)
{
    out_raw(out, name);
    out_string(out, value);
}

/* What a record says, in any dialect of its own. */
static void content(struct out *out, const struct record *record)
{
    string(out, CHATD_STR("\"user\":"), record->user);
    string(out, CHATD_STR(",\"text\":"), record->text);
    if (record->cid.n > 0)
        string(out, CHATD_STR(",\"cid\":"), record->cid);
    if (record->kind.n > 0)
        string(out, CHATD_STR(",\"kind\":"), record->kind);
    if (record->ref > 0)
        number(out, CHATD_STR(",\"ref\":"), record->ref);
}

static size_t content_max(const struct record *record)
{
    return chatd_json_quote_max(record->user.n) + chatd_json_quote_max(record->text.n) +
           chatd_json_quote_max(record->cid.n) + chatd_json_quote_max(record->kind.n);
}

char *v1_message(chatd_str room, const struct record *record, uint64_t seq, int64_t ts,
                 size_t *n_out)
{
    struct out out;

    if (begin(&out, CHATD_STR("message"), room, content_max(record)) < 0)
        return NULL;
    if (seq > 0)
        number(&out, CHATD_STR(",\"seq\":"), seq);
    if (ts > 0)
        number(&out, CHATD_STR(",\"ts\":"), (uint64_t)ts);
    out_raw(&out, CHATD_STR(","));
    content(&out, record);
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

size_t v1_row_max(const struct record *record)
{
    return FIXED_MAX + content_max(record);
}

void v1_row(struct out *out, const struct record *record, uint64_t seq, int64_t ts)
{
    number(out, CHATD_STR("{\"seq\":"), seq);
    if (ts > 0)
        number(out, CHATD_STR(",\"ts\":"), (uint64_t)ts);
    out_raw(out, CHATD_STR(","));
    content(out, record);
    out_raw(out, CHATD_STR("}"));
}

char *v1_signal(chatd_str room, chatd_str user, chatd_str kind, bool is_on, size_t *n_out)
{
    struct out out;

    if (begin(&out, kind, room, chatd_json_quote_max(user.n) + chatd_json_quote_max(kind.n)) < 0)
        return NULL;
    string(&out, CHATD_STR(",\"user\":"), user);
    string(&out, CHATD_STR(","), kind);
    out_raw(&out, is_on ? CHATD_STR(":true}") : CHATD_STR(":false}"));
    return out_take(&out, n_out);
}

char *v1_gap(chatd_str room, chatd_str epoch, uint64_t from, uint64_t to, size_t *n_out)
{
    struct out out;

    if (begin(&out, CHATD_STR("gap"), room, chatd_json_quote_max(epoch.n)) < 0)
        return NULL;
    number(&out, CHATD_STR(",\"from\":"), from);
    number(&out, CHATD_STR(",\"to\":"), to);
    string(&out, CHATD_STR(",\"epoch\":"), epoch);
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

char *v1_reset(chatd_str room, chatd_str epoch, uint64_t seq, size_t *n_out)
{
    struct out out;

    if (begin(&out, CHATD_STR("reset"), room, chatd_json_quote_max(epoch.n)) < 0)
        return NULL;
    string(&out, CHATD_STR(",\"epoch\":"), epoch);
    number(&out, CHATD_STR(",\"seq\":"), seq);
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

/* "room":ROOM, with room for `more` further bytes of strings. */
static int begin_ack(struct out *out, chatd_str room, size_t more)
{
    if (out_init(out, FIXED_MAX + chatd_json_quote_max(room.n) + more) < 0)
        return CHATD_E_BUSY;
    string(out, CHATD_STR("\"room\":"), room);
    return CHATD_OK;
}

char *v1_joined(chatd_str room, chatd_str epoch, uint64_t seq, uint64_t top, bool is_recovered,
                size_t *n_out)
{
    struct out out;

    if (begin_ack(&out, room, chatd_json_quote_max(epoch.n)) < 0)
        return NULL;
    if (epoch.n > 0) {
        string(&out, CHATD_STR(",\"epoch\":"), epoch);
        number(&out, CHATD_STR(",\"seq\":"), seq);
        number(&out, CHATD_STR(",\"top\":"), top);
    }
    out_raw(&out,
            is_recovered ? CHATD_STR(",\"recovered\":true") : CHATD_STR(",\"recovered\":false"));
    return out_take(&out, n_out);
}

char *v1_sent(chatd_str room, chatd_str cid, uint64_t seq, int64_t ts, bool is_duplicate,
              size_t *n_out)
{
    struct out out;

    if (begin_ack(&out, room, chatd_json_quote_max(cid.n)) < 0)
        return NULL;
    if (seq > 0)
        number(&out, CHATD_STR(",\"seq\":"), seq);
    if (ts > 0)
        number(&out, CHATD_STR(",\"ts\":"), (uint64_t)ts);
    if (cid.n > 0)
        string(&out, CHATD_STR(",\"cid\":"), cid);
    if (is_duplicate)
        out_raw(&out, CHATD_STR(",\"duplicate\":true"));
    return out_take(&out, n_out);
}

char *v1_room(chatd_str room, size_t *n_out)
{
    struct out out;

    if (begin_ack(&out, room, 0) < 0)
        return NULL;
    return out_take(&out, n_out);
}
