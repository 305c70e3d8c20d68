/* SPDX-License-Identifier: MIT */
/*
 * JSON for plugins: strict parsing over jansson and a small writer. The only header that includes
 * jansson; link with it. No json_t crosses the border to the core or to another plugin.
 */
#ifndef CHATD_JSON_H
#define CHATD_JSON_H

#include <chatd/abi.h>

#include <jansson.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* The least set bit is the top one of the first of eight bytes that does not stand for itself in a JSON string, by their
 * place in the word; 0: they all do, being printable ASCII, neither quote nor backslash. The usual way to ask a word about
 * all of its bytes at once; a borrow or a carry only comes out of a byte that has its bit set already. */
static inline uint64_t chatd_json_odd8(const char *p)
{
    const uint64_t each = 0x0101010101010101u, top = each << 7;
    uint64_t w, quote, backslash;

    memcpy(&w, p, sizeof(w));
    quote = w ^ each * '"';
    backslash = w ^ each * '\\';
    return (w | (w + each) | ((w - each * 0x20) & ~w) | ((quote - each) & ~quote) |
            ((backslash - each) & ~backslash)) &
           top;
}

#ifdef __SSE2__
/* A bit for each of sixteen bytes that does not stand for itself. As signed, all beyond ASCII are below 0x20. */
static inline unsigned chatd_json_odd16(const char *p)
{
    const __m128i w = _mm_loadu_si128((const __m128i *)(const void *)p);

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(w, _mm_set1_epi8(0x20)),
                                  _mm_cmpeq_epi8(w, _mm_set1_epi8(0x7f))),
                     _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')),
                                  _mm_cmpeq_epi8(w, _mm_set1_epi8('\\')))));
}
#endif

/* [any] How many of the first bytes of `p` (of `n`) stand for themselves in a JSON string. */
static inline size_t chatd_json_plain(const char *p, size_t n)
{
    size_t i = 0;

#ifdef __SSE2__
    for (; n - i >= 16; i += 16) {
        unsigned odd = chatd_json_odd16(p + i);

        if (odd != 0)
            return i + (unsigned)__builtin_ctz(odd);
    }
#endif
    for (; n - i >= 8; i += 8) {
        uint64_t odd = chatd_json_odd8(p + i);

        if (odd == 0)
            continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return i + (unsigned)__builtin_ctzll(odd) / 8;
#else
        break;
#endif
    }
    while (i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

/* [any] Writes `text` as a JSON string with its quotes to `out` (of chatd_json_quote_max() bytes)
 * and a NUL after it; returns the bytes before the NUL. Control characters, quotes and backslashes
 * are escaped (RFC 8259 section 7), and U+2028 and U+2029, which old script engines take for line
 * ends. */
static inline size_t chatd_json_quote(chatd_str text, char *out)
{
    static const char hex[] = "0123456789abcdef";
    char *o = out;
    size_t i = 0;

    *o++ = '"';
    while (i < text.n) {
        size_t plain = chatd_json_plain(text.p + i, text.n - i);
        unsigned char c;

        memcpy(o, text.p + i, plain);
        o += plain;
        i += plain;
        if (i == text.n)
            break;
        c = (unsigned char)text.p[i++];
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
        } else if (c == 0xe2 && i + 1 < text.n && (unsigned char)text.p[i] == 0x80 &&
                   ((unsigned char)text.p[i + 1] & 0xfe) == 0xa8) {
            memcpy(o, "\\u202", 5);
            o[5] = hex[(unsigned char)text.p[i + 1] & 15];
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
