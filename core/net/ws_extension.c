/* SPDX-License-Identifier: MIT */
/* The offers of permessage-deflate: grammar, parameters, answer. */
#include "net/ws_extension.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_CHARS_MAX = 8 }; /* a longer one is none that we know */

/* One offer, up to the comma behind it, as it is read. */
struct text {
    const char *p, *end;
};

struct word {
    const char *p;
    size_t n;
};

struct value {
    bool is_there;
    size_t n;
    char text[VALUE_CHARS_MAX];
};

enum value_rule { VALUE_NEVER, VALUE_MAY, VALUE_MUST };

enum { SERVER_NO_TAKEOVER, CLIENT_NO_TAKEOVER, SERVER_BITS, CLIENT_BITS, PARAMETERS };

static const struct {
    const char *name;
    enum value_rule rule;
} parameter[PARAMETERS] = {
    [SERVER_NO_TAKEOVER] = {"server_no_context_takeover", VALUE_NEVER},
    [CLIENT_NO_TAKEOVER] = {"client_no_context_takeover", VALUE_NEVER},
    [SERVER_BITS] = {"server_max_window_bits", VALUE_MUST},
    [CLIENT_BITS] = {"client_max_window_bits", VALUE_MAY},
};

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_word(struct word w, const char *name)
{
    return strlen(name) == w.n && memcmp(w.p, name, w.n) == 0;
}

static void skip_blanks(struct text *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
        t->p++;
}

/* Takes this character, with blanks around it, if it is next. */
static bool take_char(struct text *t, char c)
{
    skip_blanks(t);
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    skip_blanks(t);
    return true;
}

static bool take_token(struct text *t, struct word *out)
{
    out->p = t->p;
    while (t->p < t->end && is_token_char(*t->p))
        t->p++;
    out->n = (size_t)(t->p - out->p);
    return out->n > 0;
}

static bool add_char(struct value *v, char c)
{
    if (!is_token_char(c) || v->n == sizeof(v->text))
        return false;
    v->text[v->n++] = c;
    return true;
}

/* RFC 6455, 9.1: what a quoted string says, once its escapes are undone, is a token. */
static bool take_quoted(struct text *t, struct value *v)
{
    for (t->p++; t->p < t->end && *t->p != '"'; t->p++) {
        if (*t->p == '\\' && ++t->p == t->end)
            return false;
        if (!add_char(v, *t->p))
            return false;
    }
    return t->p < t->end && *t->p++ == '"' && v->n > 0;
}

static bool take_value(struct text *t, struct value *v)
{
    v->n = 0;
    v->is_there = take_char(t, '=');
    if (!v->is_there)
        return true;
    if (t->p < t->end && *t->p == '"')
        return take_quoted(t, v);
    while (t->p < t->end && is_token_char(*t->p)) {
        if (!add_char(v, *t->p++))
            return false;
    }
    return v->n > 0;
}

/* 8 to 15 in decimal without leading zeros (RFC 7692, 7.1.2); 0: it is none. */
static unsigned window_bits(const struct value *v)
{
    if (v->n == 1 && (v->text[0] == '8' || v->text[0] == '9'))
        return (unsigned)(v->text[0] - '0');
    if (v->n == 2 && v->text[0] == '1' && v->text[1] >= '0' && v->text[1] <= '5')
        return 10 + (unsigned)(v->text[1] - '0');
    return 0;
}

static bool take_parameter(struct text *t, unsigned *seen, struct ws_deflate_terms *terms)
{
    struct word name;
    struct value v;
    unsigned i = 0, bits;

    if (!take_token(t, &name) || !take_value(t, &v))
        return false;
    while (i < PARAMETERS && !is_word(name, parameter[i].name))
        i++;
    if (i == PARAMETERS || (*seen & 1u << i) != 0)
        return false;
    *seen |= 1u << i;
    if (v.is_there ? parameter[i].rule == VALUE_NEVER : parameter[i].rule == VALUE_MUST)
        return false;
    bits = window_bits(&v);
    if (v.is_there && bits == 0)
        return false;
    /* A smaller window of the client fits ours: nothing is to be done about it. */
    if (i == SERVER_BITS) {
        terms->window_bits = (uint8_t)bits;
        terms->is_demanded = true;
    }
    return true;
}

static bool take_offer(struct text t, struct ws_deflate_terms *terms)
{
    struct word name;
    unsigned seen = 0;

    *terms = (struct ws_deflate_terms){.window_bits = WS_WINDOW_BITS_MAX};
    skip_blanks(&t);
    if (!take_token(&t, &name) || !is_word(name, "permessage-deflate"))
        return false;
    while (take_char(&t, ';')) {
        if (!take_parameter(&t, &seen, terms))
            return false;
    }
    return t.p == t.end && terms->window_bits >= WS_WINDOW_BITS_MIN;
}

/* The comma behind the offer, or the end of the list. One in quotes separates nothing. */
static const char *offer_end(const char *p)
{
    bool is_quoted = false;

    for (; *p != '\0' && (is_quoted || *p != ','); p++) {
        if (*p == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && *p == '\\' && p[1] != '\0')
            p++;
    }
    return p;
}

bool ws_extension_take(const char *offers, struct ws_deflate_terms *terms_out)
{
    while (offers != NULL) {
        struct text t = {offers, offer_end(offers)};

        if (take_offer(t, terms_out))
            return true;
        offers = *t.end == ',' ? t.end + 1 : NULL;
    }
    return false;
}

void ws_extension_answer(const struct ws_deflate_terms *terms, char out[WS_EXTENSION_ANSWER_BYTES])
{
    int n = snprintf(out, WS_EXTENSION_ANSWER_BYTES,
                     "permessage-deflate; server_no_context_takeover; client_no_context_takeover");

    if (terms->is_demanded)
        snprintf(out + n, WS_EXTENSION_ANSWER_BYTES - (size_t)n, "; server_max_window_bits=%u",
                 (unsigned)terms->window_bits);
}
