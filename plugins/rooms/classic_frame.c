/* SPDX-License-Identifier: MIT */
/* Reading and writing classic frames (docs: protocol, part 2). */
#include "classic_frame.h"

#include "out.h"

bool classic_in_open(chatd_str frame, struct classic_in *in_out, struct refusal *why_out)
{
    struct classic_in *in = in_out;
    const char *flaw = NULL;

    in->text = CHATD_STR("");
    in->is_typing = false;
    if (chatd_fields_open(frame, &in->fields, &flaw) == CHATD_OK) {
        if (chatd_fields_bool(&in->fields, "typing", &in->is_typing) == CHATD_E_INVAL)
            flaw = "\"typing\" is neither true nor false";
        else if (chatd_fields_str(&in->fields, "text", &in->text) == CHATD_E_INVAL)
            flaw = "\"text\" is not a string";
    }
    if (flaw != NULL) {
        classic_in_close(in);
        *why_out = (struct refusal){"bad_request", flaw, 0};
        return false;
    }
    /* A text that comes with "typing":true is a message all the same: it would be lost else. */
    in->is_typing = in->is_typing && in->text.n == 0;
    return true;
}

void classic_in_close(struct classic_in *in)
{
    chatd_fields_close(&in->fields);
    in->text = CHATD_STR("");
}

/* {"user":U,"room":R,"text":T,"typing":B - without the closing brace, with `spare` bytes left. */
static int begin(struct out *out, chatd_str user, chatd_str room, chatd_str text, bool is_typing,
                 size_t spare)
{
    static const char fixed[] = "{\"user\":,\"room\":,\"text\":,\"typing\":false}";

    if (out_init(out, sizeof(fixed) + chatd_json_quote_max(user.n) + chatd_json_quote_max(room.n) +
                          chatd_json_quote_max(text.n) + spare) < 0)
        return CHATD_E_BUSY;
    out_raw(out, CHATD_STR("{\"user\":"));
    out_string(out, user);
    out_raw(out, CHATD_STR(",\"room\":"));
    out_string(out, room);
    out_raw(out, CHATD_STR(",\"text\":"));
    out_string(out, text);
    out_raw(out, is_typing ? CHATD_STR(",\"typing\":true") : CHATD_STR(",\"typing\":false"));
    return CHATD_OK;
}

char *classic_message(chatd_str room, const struct record *record, uint64_t seq, int64_t ts,
                      size_t *n_out)
{
    static const char fixed[] = ",\"seq\":,\"ts\":";
    struct out out;

    if (begin(&out, record->user, room, record->text, false,
              sizeof(fixed) + 2 * (size_t)OUT_NUMBER_MAX) < 0)
        return NULL;
    if (seq > 0) {
        out_raw(&out, CHATD_STR(",\"seq\":"));
        out_number(&out, (int64_t)seq);
    }
    if (ts > 0) {
        out_raw(&out, CHATD_STR(",\"ts\":"));
        out_number(&out, ts);
    }
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

char *classic_typing(chatd_str room, chatd_str user, size_t *n_out)
{
    struct out out;

    if (begin(&out, user, room, CHATD_STR(""), true, 0) < 0)
        return NULL;
    out_raw(&out, CHATD_STR("}"));
    return out_take(&out, n_out);
}

char *classic_error(chatd_str room, const struct refusal *why, size_t *n_out)
{
    static const char fixed[] = ",\"error\":{\"code\":,\"message\":}";
    chatd_str code = {why->code, strlen(why->code)}, text = {why->text, strlen(why->text)};
    struct out out;

    if (begin(&out, CHATD_STR(""), room, CHATD_STR(""), false,
              sizeof(fixed) + chatd_json_quote_max(code.n) + chatd_json_quote_max(text.n)) < 0)
        return NULL;
    out_raw(&out, CHATD_STR(",\"error\":{\"code\":"));
    out_string(&out, code);
    out_raw(&out, CHATD_STR(",\"message\":"));
    out_string(&out, text);
    out_raw(&out, CHATD_STR("}}"));
    return out_take(&out, n_out);
}
