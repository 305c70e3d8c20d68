/* SPDX-License-Identifier: MIT */
/*
 * The members of one JSON object, read without building a tree: what most messages need. A plain object - up to
 * CHATD_FIELDS_MAX members that are strings, whole numbers, true, false, null or such objects again - is read in one
 * pass over a copy, for less than a tenth of what a tree costs. Any other, and whatever is not JSON, is left to
 * chatd/json.h: the two accept the same texts and say the same, only the time differs. Link with jansson.
 */
#ifndef CHATD_FIELDS_H
#define CHATD_FIELDS_H

#include <chatd/json.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_FIELDS_MAX   16u /* members of an object that is read without a tree */
#define CHATD_FIELDS_DEPTH 3u  /* objects in each other, the outermost included */

enum chatd_field_type {
    CHATD_FIELD_NULL,
    CHATD_FIELD_FALSE,
    CHATD_FIELD_TRUE,
    CHATD_FIELD_INT,
    CHATD_FIELD_STR,
    CHATD_FIELD_OBJECT
};

/* For this header's functions alone, as is struct chatd_fields. */
struct chatd_field {
    chatd_str key;
    chatd_str value; /* of a string, decoded; of an object, as it is written */
    int64_t number;
    enum chatd_field_type type;
};

/* Filled by chatd_fields_open(), ended by chatd_fields_close(). May be moved. */
struct chatd_fields {
    json_t *json; /* the tree, where it took one */
    char *text;   /* else the copy that the fields point into */
    uint32_t n;
    struct chatd_field field[CHATD_FIELDS_MAX];
};

/* -- the pass over a plain object; none of this is to be called from elsewhere ------------------------------------ */

struct chatd_fields_scan {
    unsigned char *p, *end; /* *end is NUL */
    bool is_kept;           /* strings are decoded where they stand; else they are only looked at */
};

static inline void chatd_fields_blanks(struct chatd_fields_scan *s)
{
    while (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')
        s->p++;
}

/* Four hexadecimal digits; -1: something else. */
static inline int chatd_fields_hex4(const unsigned char *p)
{
    int i, value = 0;

    for (i = 0; i < 4; i++) {
        unsigned char c = p[i], lower = c | 0x20;

        if (c >= '0' && c <= '9')
            value = value << 4 | (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value << 4 | (lower - 'a' + 10);
        else
            return -1; /* the NUL at the end, too */
    }
    return value;
}

static inline unsigned char *chatd_fields_put_utf8(unsigned char *out, int cp)
{
    if (cp < 0x80) {
        *out++ = (unsigned char)cp;
    } else if (cp < 0x800) {
        *out++ = (unsigned char)(0xc0 | cp >> 6);
        *out++ = (unsigned char)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        *out++ = (unsigned char)(0xe0 | cp >> 12);
        *out++ = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        *out++ = (unsigned char)(0x80 | (cp & 0x3f));
    } else {
        *out++ = (unsigned char)(0xf0 | cp >> 18);
        *out++ = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
        *out++ = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        *out++ = (unsigned char)(0x80 | (cp & 0x3f));
    }
    return out;
}

/* What stands behind a backslash (RFC 8259 section 7); -1: nothing that may, or a NUL or half a pair (RFC 2781). */
static inline int chatd_fields_escaped(struct chatd_fields_scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;
    int high, low;

    if (*s->p != 'u') {
        at = *s->p == '\0' ? NULL : strchr(from, *s->p);
        s->p++;
        return at == NULL ? -1 : to[at - from];
    }
    high = chatd_fields_hex4(s->p + 1);
    if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff))
        return -1;
    s->p += 5;
    if (high < 0xd800 || high > 0xdbff)
        return high;
    if (s->p[0] != '\\' || s->p[1] != 'u')
        return -1;
    low = chatd_fields_hex4(s->p + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    s->p += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Bytes of the UTF-8 sequence at `p` that is not ASCII (RFC 3629 section 4); 0: it is none. Reads no further than the
 * first byte that does not fit, and the text ends with a NUL. */
static inline unsigned chatd_fields_utf8(const unsigned char *p)
{
    unsigned char low = 0x80, high = 0xbf;
    unsigned n, i;

    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

/* A string, from its opening quote on; decoded where it stands, with a NUL in place of its closing quote. */
static inline bool chatd_fields_string(struct chatd_fields_scan *s, chatd_str *out)
{
    unsigned char *begin = ++s->p, *to = begin;

    for (;;) {
        size_t plain = chatd_json_plain((const char *)s->p, (size_t)(s->end - s->p));
        unsigned n;

        if (to != s->p && s->is_kept)
            memmove(to, s->p, plain);
        to += plain;
        s->p += plain;
        if (*s->p == '"')
            break;
        if (*s->p == '\\') {
            int cp;

            s->p++;
            cp = chatd_fields_escaped(s);
            if (cp < 0)
                return false;
            if (s->is_kept)
                to = chatd_fields_put_utf8(to, cp);
            continue;
        }
        if (*s->p < 0x20)
            return false; /* its end, too */
        n = *s->p < 0x80 ? 1 : chatd_fields_utf8(s->p);
        if (n == 0)
            return false;
        if (s->is_kept)
            memmove(to, s->p, n);
        to += n;
        s->p += n;
    }
    if (s->is_kept)
        *to = '\0';
    s->p++;
    out->p = (const char *)begin;
    out->n = (size_t)(to - begin);
    return true;
}

/* A whole number of at most 18 digits: those that fit 64 bits whatever they are. */
static inline bool chatd_fields_number(struct chatd_fields_scan *s, int64_t *out)
{
    bool is_negative = *s->p == '-';
    int64_t value = 0;
    unsigned n = 0;

    s->p += is_negative;
    if (*s->p == '0' && s->p[1] >= '0' && s->p[1] <= '9')
        return false;
    for (; *s->p >= '0' && *s->p <= '9' && n < 18; n++)
        value = value * 10 + (*s->p++ - '0');
    *out = is_negative ? -value : value;
    return n > 0 && strchr(".eE0123456789", *s->p) == NULL;
}

static inline bool chatd_fields_word(struct chatd_fields_scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static inline bool chatd_fields_scan_object(struct chatd_fields_scan *s, struct chatd_field *field,
                                            uint32_t *n_out, unsigned depth);

static inline bool chatd_fields_value(struct chatd_fields_scan *s, struct chatd_field *f,
                                      unsigned depth)
{
    switch (*s->p) {
    case '"':
        f->type = CHATD_FIELD_STR;
        return chatd_fields_string(s, &f->value);
    case 't':
        f->type = CHATD_FIELD_TRUE;
        return chatd_fields_word(s, "true");
    case 'f':
        f->type = CHATD_FIELD_FALSE;
        return chatd_fields_word(s, "false");
    case 'n':
        f->type = CHATD_FIELD_NULL;
        return chatd_fields_word(s, "null");
    case '{': {
        struct chatd_field inner[CHATD_FIELDS_MAX];
        bool was_kept = s->is_kept, is_good;
        uint32_t n;

        f->type = CHATD_FIELD_OBJECT;
        f->value.p = (const char *)s->p;
        s->is_kept = false; /* its keys are compared, and it stays as it is written */
        is_good = depth < CHATD_FIELDS_DEPTH && chatd_fields_scan_object(s, inner, &n, depth + 1);
        s->is_kept = was_kept;
        f->value.n = (size_t)((const char *)s->p - f->value.p);
        return is_good;
    }
    default:
        f->type = CHATD_FIELD_INT;
        return chatd_fields_number(s, &f->number);
    }
}

/* A key is plain: one with an escape could be another's twin in disguise. */
static inline bool chatd_fields_key(struct chatd_fields_scan *s, const struct chatd_field *field,
                                    uint32_t n, chatd_str *out)
{
    const unsigned char *begin = s->p;
    uint32_t i;

    if (*s->p != '"' || !chatd_fields_string(s, out) || s->p != begin + out->n + 2)
        return false;
    for (i = 0; i < n; i++) {
        if (field[i].key.n == out->n && memcmp(field[i].key.p, out->p, out->n) == 0)
            return false;
    }
    return true;
}

static inline bool chatd_fields_scan_object(struct chatd_fields_scan *s, struct chatd_field *field,
                                            uint32_t *n_out, unsigned depth)
{
    uint32_t n = 0;

    if (*s->p++ != '{')
        return false;
    chatd_fields_blanks(s);
    while (*s->p != '}') {
        if (n > 0) {
            if (*s->p++ != ',')
                return false;
            chatd_fields_blanks(s);
        }
        if (n == CHATD_FIELDS_MAX || !chatd_fields_key(s, field, n, &field[n].key))
            return false;
        chatd_fields_blanks(s);
        if (*s->p++ != ':')
            return false;
        chatd_fields_blanks(s);
        if (!chatd_fields_value(s, &field[n], depth))
            return false;
        n++;
        chatd_fields_blanks(s);
    }
    s->p++;
    *n_out = n;
    return true;
}

static inline bool chatd_fields_scan_text(struct chatd_fields *f, size_t n)
{
    unsigned char *text = (unsigned char *)f->text;
    struct chatd_fields_scan s = {text, text + n, true};

    chatd_fields_blanks(&s);
    if (!chatd_fields_scan_object(&s, f->field, &f->n, 1))
        return false;
    chatd_fields_blanks(&s);
    return s.p == s.end;
}

/* -- for plugins -------------------------------------------------------------------------------------------------- */

/* [any] Opens the text of one JSON object, with the rules of chatd_json_object(). CHATD_OK, and the caller ends it with
 * chatd_fields_close(); or CHATD_E_INVAL with a sentence in *why_out (a literal), and there is nothing to end. The text
 * may go afterwards: what the functions below give belongs to `*out`. */
static inline int chatd_fields_open(chatd_str text, struct chatd_fields *out, const char **why_out)
{
    out->json = NULL;
    out->n = 0;
    out->text = (char *)malloc(text.n + 1);
    if (out->text != NULL) {
        if (text.n > 0)
            memcpy(out->text, text.p, text.n);
        out->text[text.n] = '\0';
        if (chatd_fields_scan_text(out, text.n))
            return CHATD_OK;
        free(out->text);
        out->text = NULL;
    }
    out->json = chatd_json_object(text, why_out);
    return out->json == NULL ? CHATD_E_INVAL : CHATD_OK;
}

/* [any] Ends what chatd_fields_open() or chatd_fields_object() gave, and may be called again. */
static inline void chatd_fields_close(struct chatd_fields *fields)
{
    json_decref(fields->json);
    free(fields->text);
    fields->json = NULL;
    fields->text = NULL;
    fields->n = 0;
}

static inline const struct chatd_field *chatd_fields_find(const struct chatd_fields *fields,
                                                          const char *key)
{
    size_t n = strlen(key);
    uint32_t i;

    for (i = 0; i < fields->n; i++) {
        if (fields->field[i].key.n == n && memcmp(fields->field[i].key.p, key, n) == 0)
            return fields->field[i].type == CHATD_FIELD_NULL ? NULL : &fields->field[i];
    }
    return NULL;
}

/* [any] Whether there is a member `key`, be it null. */
static inline bool chatd_fields_has(const struct chatd_fields *fields, const char *key)
{
    size_t n = strlen(key);
    uint32_t i;

    if (fields->json != NULL)
        return json_object_get(fields->json, key) != NULL;
    for (i = 0; i < fields->n; i++) {
        if (fields->field[i].key.n == n && memcmp(fields->field[i].key.p, key, n) == 0)
            return true;
    }
    return false;
}

/* [any] The string member `key`; good until chatd_fields_close(). CHATD_E_NOTFOUND: absent or null, CHATD_E_INVAL: of
 * another type; *out is as it was then. So do the functions for other types below. */
static inline int chatd_fields_str(const struct chatd_fields *fields, const char *key,
                                   chatd_str *out)
{
    const struct chatd_field *f;

    if (fields->json != NULL)
        return chatd_json_str(fields->json, key, out);
    f = chatd_fields_find(fields, key);
    if (f == NULL)
        return CHATD_E_NOTFOUND;
    if (f->type != CHATD_FIELD_STR)
        return CHATD_E_INVAL;
    *out = f->value;
    return CHATD_OK;
}

/* [any] A whole number of 64 bits. */
static inline int chatd_fields_int(const struct chatd_fields *fields, const char *key, int64_t *out)
{
    const struct chatd_field *f;

    if (fields->json != NULL) {
        const json_t *v = json_object_get(fields->json, key);

        if (v == NULL || json_is_null(v))
            return CHATD_E_NOTFOUND;
        if (!json_is_integer(v))
            return CHATD_E_INVAL;
        *out = json_integer_value(v);
        return CHATD_OK;
    }
    f = chatd_fields_find(fields, key);
    if (f == NULL)
        return CHATD_E_NOTFOUND;
    if (f->type != CHATD_FIELD_INT)
        return CHATD_E_INVAL;
    *out = f->number;
    return CHATD_OK;
}

/* [any] True or false. */
static inline int chatd_fields_bool(const struct chatd_fields *fields, const char *key, bool *out)
{
    const struct chatd_field *f;

    if (fields->json != NULL) {
        const json_t *v = json_object_get(fields->json, key);

        if (v == NULL || json_is_null(v))
            return CHATD_E_NOTFOUND;
        if (!json_is_boolean(v))
            return CHATD_E_INVAL;
        *out = json_is_true(v);
        return CHATD_OK;
    }
    f = chatd_fields_find(fields, key);
    if (f == NULL)
        return CHATD_E_NOTFOUND;
    if (f->type != CHATD_FIELD_TRUE && f->type != CHATD_FIELD_FALSE)
        return CHATD_E_INVAL;
    *out = f->type == CHATD_FIELD_TRUE;
    return CHATD_OK;
}

/* [any] An object, opened: on CHATD_OK it is ended apart, and does not need the outer one any more. CHATD_E_BUSY: no
 * memory. */
static inline int chatd_fields_object(const struct chatd_fields *fields, const char *key,
                                      struct chatd_fields *out)
{
    const struct chatd_field *f;
    const char *why;

    if (fields->json != NULL) {
        json_t *v = json_object_get(fields->json, key);

        if (v == NULL || json_is_null(v))
            return CHATD_E_NOTFOUND;
        if (!json_is_object(v))
            return CHATD_E_INVAL;
        out->json = json_incref(v);
        out->text = NULL;
        out->n = 0;
        return CHATD_OK;
    }
    f = chatd_fields_find(fields, key);
    if (f == NULL)
        return CHATD_E_NOTFOUND;
    if (f->type != CHATD_FIELD_OBJECT)
        return CHATD_E_INVAL;
    return chatd_fields_open(f->value, out, &why) == CHATD_OK ? CHATD_OK : CHATD_E_BUSY;
}

#ifdef __cplusplus
}
#endif
#endif
