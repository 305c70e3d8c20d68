/* SPDX-License-Identifier: MIT */
/*
 * What a client sends, in both dialects: the envelope of chatd.v1, the arguments of the verbs about rooms, a
 * classic frame. What is understood is within its limits and is understood again when it is written anew; what
 * may be said comes out of record and frames as it went in.
 */
#include "check.h"

#include "classic_frame.h"
#include "history_query.h"
#include "host/envelope.h"
#include "net/utf8.h"
#include "record.h"
#include "v1_args.h"
#include "v1_frame.h"

enum { DEPTH_MAX = 2048, TEXT_MAX = 8192 };

static bool same(chatd_str a, chatd_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* What came out of JSON is text. */
static void check_text(chatd_str s)
{
    CHECK(utf8_valid((const uint8_t *)s.p, s.n) && s.p[s.n] == '\0' && strlen(s.p) == s.n);
}

/* Brackets that are open at one time, outside of strings; of text that is valid JSON. */
static size_t depth_of(chatd_str text)
{
    size_t depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    CHECK(depth == 0 && !in_string);
    return deepest;
}

static json_t *parsed(const char *text, size_t n)
{
    const char *why = NULL;
    json_t *json = chatd_json_object((chatd_str){text, n}, &why);

    CHECK(json != NULL && text[n] == '\0' && strlen(text) == n);
    return json;
}

static void has(const json_t *json, const char *key, chatd_str value)
{
    chatd_str there = CHATD_STR("");

    CHECK(chatd_json_str(json, key, &there) == CHATD_OK ? same(there, value) : value.n == 0);
}

/* --- chatd.v1 ------------------------------------------------------------------------------------ */

static void check_envelope(chatd_str text)
{
    struct envelope e, again;
    struct out out;
    const char *why = envelope_open(text, &e);

    CHECK(e.id.n <= ENVELOPE_ID_MAX);
    if (why != NULL) {
        CHECK(why[0] != '\0' && why[strlen(why) - 1] != '.');
        envelope_close(&e);
        return;
    }
    check_text(e.type);
    check_text(e.id);
    CHECK(depth_of(text) <= DEPTH_MAX);
    CHECK(out_init(&out, 64 + chatd_json_quote_max(e.type.n) + chatd_json_quote_max(e.id.n)) ==
          CHATD_OK);
    out_raw(&out, CHATD_STR("{\"id\":"));
    out_string(&out, e.id);
    out_raw(&out, CHATD_STR(",\"type\":"));
    out_string(&out, e.type);
    out_raw(&out, CHATD_STR("}"));
    CHECK(envelope_open((chatd_str){out.p, out.n}, &again) == NULL);
    CHECK(same(e.type, again.type) && same(e.id, again.id));
    out_free(&out);
    envelope_close(&again);
    envelope_close(&e);
}

static void check_said(chatd_str room, chatd_str text, chatd_str cid);

static void check_args(chatd_str request)
{
    struct history_query query;
    struct position since;
    chatd_str room, text, cid;
    struct chatd_fields fields;
    int64_t any;

    if (v1_args_open(request, &fields, &room) != NULL) {
        CHECK(fields.text == NULL && fields.json == NULL);
        return;
    }
    check_text(room);
    CHECK(room.n > 0 && room.n <= ROOM_NAME_MAX && memchr(room.p, '/', room.n) == NULL);
    if (v1_args_since(&fields, &since) == NULL) {
        CHECK(strlen(since.epoch) <= CHATD_LOG_EPOCH_MAX && since.seq <= INT64_MAX);
        CHECK(since.epoch[0] != '\0' || since.seq == 0 ||
              chatd_fields_int(&fields, "since", &any) == CHATD_E_INVAL);
    }
    if (history_query_json(&fields, &query) == NULL) {
        CHECK(query.limit >= 1 && query.limit <= HISTORY_LIMIT_MAX && query.seq <= INT64_MAX);
        CHECK(query.direction == CHATD_LOG_AFTER || query.direction == CHATD_LOG_BEFORE);
    }
    if (v1_args_message(&fields, &text, &cid) == NULL) {
        check_text(text);
        CHECK(cid.n <= MESSAGE_CID_MAX);
        check_said(room, text, cid);
    }
    chatd_fields_close(&fields);
}

/* --- records and frames -------------------------------------------------------------------------- */

static void check_frame(char *frame, size_t n, const char *type, chatd_str room,
                        const struct record *record)
{
    json_t *json = parsed(frame, n);

    if (type != NULL) {
        has(json, "type", (chatd_str){type, strlen(type)});
        has(json, "cid", record->cid);
    }
    has(json, "room", room);
    has(json, "user", record->user);
    has(json, "text", record->text);
    CHECK(json_integer_value(json_object_get(json, "seq")) == 7);
    CHECK(json_integer_value(json_object_get(json, "ts")) == 1790000000000);
    json_decref(json);
    free(frame);
}

static void check_row(const struct record *record)
{
    struct out out;
    json_t *json;

    CHECK(out_init(&out, v1_row_max(record)) == CHATD_OK);
    v1_row(&out, record, 7, 1790000000000);
    json = parsed(out.p, out.n);
    has(json, "text", record->text);
    json_decref(json);
    out_free(&out);
}

/* A text that may be said, from the store to those who read it. */
static void check_said(chatd_str room, chatd_str text, chatd_str cid)
{
    const chatd_str user = CHATD_STR("ali\"ce\\");
    struct refusal why;
    struct record record;
    size_t n = 0, m = 0;
    char *stored, *frame;

    if (!rules_message_text(text, TEXT_MAX, &why)) {
        CHECK(why.code != NULL && why.text != NULL);
        return;
    }
    CHECK(text.n > 0 && text.n <= TEXT_MAX);
    stored = record_write(user, room, text, cid, 0, &n);
    CHECK(stored != NULL && record_open((chatd_str){stored, n}, &record));
    CHECK(same(record.user, user) && same(record.text, text) && same(record.cid, cid));
    CHECK(record.kind.n == 0 && record.ref == 0);
    frame = v1_message(room, &record, 7, 1790000000000, &m);
    check_frame(frame, m, "message", room, &record);
    frame = classic_message(room, &record, 7, 1790000000000, &m);
    check_frame(frame, m, NULL, room, &record);
    check_row(&record);
    record_close(&record);
    free(stored);
}

/* What is in the store may be anybody's: other kinds, too. */
static void check_record(chatd_str text)
{
    struct record record;
    size_t n = 0;
    char *frame;

    if (!record_open(text, &record))
        return;
    check_text(record.user);
    check_text(record.text);
    CHECK(record.kind.n > 0 || record.ref == 0);
    frame = v1_message(CHATD_STR("a"), &record, 7, 1790000000000, &n);
    check_frame(frame, n, "message", CHATD_STR("a"), &record);
    check_row(&record);
    record_close(&record);
}

/* --- classic ------------------------------------------------------------------------------------- */

static void check_classic(chatd_str text)
{
    struct classic_in in;
    struct refusal why;
    size_t n = 0;
    char *frame;

    if (!classic_in_open(text, &in, &why)) {
        CHECK(strcmp(why.code, "bad_request") == 0 && why.text != NULL);
        frame = classic_error(CHATD_STR("a"), &why, &n);
        json_decref(parsed(frame, n));
        free(frame);
        return;
    }
    check_text(in.text);
    CHECK(!in.is_typing || in.text.n == 0);
    check_said(CHATD_STR("a"), in.text, CHATD_STR(""));
    classic_in_close(&in);
    CHECK(in.fields.text == NULL && in.fields.json == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* As the core hands it out: with a NUL behind it. */
    char *copy = exact_text(data, size);
    chatd_str text = {copy, size};

    check_envelope(text);
    check_args(text);
    check_classic(text);
    check_record(text);
    free(copy);
    return 0;
}
