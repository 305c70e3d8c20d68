/* SPDX-License-Identifier: MIT */
/*
 * JSON for plugins: strict parsing over jansson and a small writer. The only header that includes
 * jansson; link with it. No json_t crosses the border to the core or to another plugin.
 */
#ifndef CHATD_JSON_H
#define CHATD_JSON_H

#include <chatd/abi.h>

#include <jansson.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* [any] Parses one JSON object: UTF-8, no duplicate keys, no NUL in strings, nothing after it.
 * NULL on failure, with a sentence in *why_out (a literal). The caller json_decref()s it. */
static inline json_t *chatd_json_object(chatd_str text, const char **why_out)
{
    json_error_t err;
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &err);

    if (root == NULL) {
        switch (json_error_code(&err)) {
        case json_error_duplicate_key:
            *why_out = "a key is there twice";
            break;
        case json_error_invalid_utf8:
            *why_out = "the text is not valid UTF-8";
            break;
        case json_error_null_character:
        case json_error_null_byte_in_key:
            *why_out = "a string has a NUL in it";
            break;
        case json_error_stack_overflow:
            *why_out = "it is nested too deeply";
            break;
        default:
            *why_out = "it is not valid JSON";
            break;
        }
        return NULL;
    }
    if (!json_is_object(root)) {
        *why_out = "it is not a JSON object";
        json_decref(root);
        return NULL;
    }
    return root;
}

/* [any] The string member `key`, borrowed from `object`. CHATD_E_NOTFOUND: absent or null;
 * CHATD_E_INVAL: of another type. */
static inline int chatd_json_str(const json_t *object, const char *key, chatd_str *value_out)
{
    const json_t *v = json_object_get(object, key);

    if (v == NULL || json_is_null(v))
        return CHATD_E_NOTFOUND;
    if (!json_is_string(v))
        return CHATD_E_INVAL;
    value_out->p = json_string_value(v);
    value_out->n = json_string_length(v);
    return CHATD_OK;
}

/* [any] Bytes that chatd_json_quote() needs at most for a text of `n` bytes, quotes and final NUL
 * included. */
static inline size_t chatd_json_quote_max(size_t n)
{
    return n * 6 + 3;
}

/* [any] Writes `text` as a JSON string with its quotes to `out` (of chatd_json_quote_max() bytes)
 * and a NUL after it; returns the bytes before the NUL. Control characters, quotes and backslashes
 * are escaped (RFC 8259 section 7), and U+2028 and U+2029, which old script engines take for line
 * ends. */
static inline size_t chatd_json_quote(chatd_str text, char *out)
{
    static const char hex[] = "0123456789abcdef";
    char *o = out;
    size_t i;

    *o++ = '"';
    for (i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c == '"' || c == '\\') {
            *o++ = '\\';
            *o++ = (char)c;
        } else if (c == '\n') {
            *o++ = '\\';
            *o++ = 'n';
        } else if (c < 0x20 || c == 0x7f) {
            memcpy(o, "\\u00", 4);
            o[4] = hex[c >> 4];
            o[5] = hex[c & 15];
            o += 6;
        } else if (c == 0xe2 && i + 2 < text.n && (unsigned char)text.p[i + 1] == 0x80 &&
                   ((unsigned char)text.p[i + 2] & 0xfe) == 0xa8) {
            memcpy(o, "\\u202", 5);
            o[5] = hex[(unsigned char)text.p[i + 2] & 15];
            o += 6;
            i += 2;
        } else {
            *o++ = (char)c;
        }
    }
    *o++ = '"';
    *o = '\0';
    return (size_t)(o - out);
}

#ifdef __cplusplus
}
#endif
#endif
