/* SPDX-License-Identifier: MIT */
/*
 * Tokens over libjwt 1.10, which leaves four things to its caller (each was tried): it verifies
 * with whatever algorithm the token's own header names (an HMAC over the text of a public key, say),
 * verifies nothing with an empty key, does not look at the times, and reads a claim of the wrong
 * type as 0.
 */
#include "token.h"

#include <chatd/json.h>

#include <jwt.h>
#include <stdlib.h>

/* The end of the year 9999: later times are nonsense and would overflow as milliseconds. */
#define TIME_MAX_S INT64_C(253402300799)

#define SINCE_CLAIM "chatd_since"
#define RENEW_CLAIM "chatd_renew"

/* jti becomes a key of chatd.kv and a message on the bus: visible ASCII, nothing else. */
static bool jti_ok(chatd_str jti)
{
    size_t i;

    if (jti.n < 1 || jti.n > TOKEN_JTI_MAX)
        return false;
    for (i = 0; i < jti.n; i++)
        if (jti.p[i] < 0x21 || jti.p[i] > 0x7e)
            return false;
    return true;
}

static bool user_ok(chatd_str user)
{
    return user.n >= 1 && user.n <= NAME_FIELD_MAX && memchr(user.p, '\0', user.n) == NULL;
}

static int add_claims(jwt_t *jwt, const struct token_claims *claims, int64_t now_s)
{
    if (jwt_add_grant(jwt, "sub", claims->user) != 0 ||
        jwt_add_grant(jwt, "jti", claims->jti) != 0 ||
        jwt_add_grant_int(jwt, "iat", (long)now_s) != 0 ||
        jwt_add_grant_int(jwt, "exp", (long)claims->expires_s) != 0)
        return CHATD_E_INVAL;
    if (claims->is_own && jwt_add_grant_int(jwt, SINCE_CLAIM, (long)claims->since_ms) != 0)
        return CHATD_E_INVAL;
    if (claims->renew_s > 0 && jwt_add_grant_int(jwt, RENEW_CLAIM, (long)claims->renew_s) != 0)
        return CHATD_E_INVAL;
    return CHATD_OK;
}

static jwt_alg_t jwt_alg_of(enum ring_alg alg)
{
    static const jwt_alg_t algs[] = {
        [RING_HS256] = JWT_ALG_HS256, [RING_RS256] = JWT_ALG_RS256, [RING_ES256] = JWT_ALG_ES256};

    return algs[alg];
}

int token_make(const struct ring *ring, const struct token_claims *claims, int64_t now_s,
               char **token_out)
{
    const struct ring_key *key = &ring->key[0];
    chatd_str user = {claims->user, strlen(claims->user)};
    chatd_str jti = {claims->jti, strlen(claims->jti)};
    jwt_t *jwt = NULL;
    char *token = NULL;

    if (!ring->has_signer || !user_ok(user) || !jti_ok(jti) || claims->expires_s > TIME_MAX_S)
        return CHATD_E_INVAL;
    if (jwt_new(&jwt) != 0)
        return CHATD_E_INVAL;
    if (add_claims(jwt, claims, now_s) == CHATD_OK && jwt_add_header(jwt, "kid", key->kid) == 0 &&
        jwt_set_alg(jwt, jwt_alg_of(key->alg), (const unsigned char *)key->signs,
                    (int)strlen(key->signs)) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    if (token == NULL)
        return CHATD_E_INVAL;
    *token_out = token;
    return CHATD_OK;
}

/* The six bits that a letter of base64url stands for; -1: it is none. */
static int bits_of(char c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c != '\0' ? strchr(letters, c) : NULL;

    return at != NULL ? (int)(at - letters) : -1;
}

/* Base64url without padding, whose bits left over at the end are 0. Of a text libjwt reads what stands
 * before the first NUL: it has none. */
static bool part_ok(const char *p, size_t n, bool is_text)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        int value = bits_of(p[i]);

        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (is_text && (bits >> have & 0xff) == 0)
            return false;
    }
    return n > 0 && have < 6 && (bits & ((1u << have) - 1)) == 0;
}

/* Three non-empty parts. libjwt also takes less tidy spellings of the same bytes; one token has one
 * spelling here. */
static bool shape_ok(chatd_str token)
{
    const char *first, *second, *end = token.p + token.n;

    if (token.n == 0 || token.n > TOKEN_BYTES_MAX)
        return false;
    first = memchr(token.p, '.', token.n);
    second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    return second != NULL && part_ok(token.p, (size_t)(first - token.p), true) &&
           part_ok(first + 1, (size_t)(second - first - 1), true) &&
           part_ok(second + 1, (size_t)(end - second - 1), false);
}

/* The integer claim `name`, or -1: not there, of another type, or out of reason. */
static int64_t time_claim(const json_t *claims, const char *name)
{
    const json_t *v = json_object_get(claims, name);

    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > TIME_MAX_S)
        return -1;
    return (int64_t)json_integer_value(v);
}

static bool time_ok_if_there(const json_t *claims, const char *name)
{
    return json_object_get(claims, name) == NULL || time_claim(claims, name) >= 0;
}

/* See token.h. -1: it is there, and no time. */
static int64_t since_claim(const json_t *claims, int64_t leeway_s)
{
    const json_t *v = json_object_get(claims, SINCE_CLAIM);
    int64_t issued_s = time_claim(claims, "iat");

    if (v == NULL)
        return issued_s > leeway_s ? (issued_s - leeway_s) * 1000 : 0;
    if (!json_is_integer(v) || json_integer_value(v) > TIME_MAX_S * 1000)
        return -1;
    return (int64_t)json_integer_value(v);
}

static int text_claim(const json_t *claims, const char *name, bool (*ok)(chatd_str), char *out)
{
    chatd_str text;

    if (chatd_json_str(claims, name, &text) != CHATD_OK || !ok(text))
        return CHATD_E_INVAL;
    memcpy(out, text.p, text.n + 1);
    return CHATD_OK;
}

/* Reads the claims of a token whose signature is good. NULL, or what is wrong. */
static const char *read_claims(const json_t *claims, const struct token_clock *clock,
                               struct token_claims *out)
{
    if (text_claim(claims, "sub", user_ok, out->user) != CHATD_OK)
        return "sub is missing or not a name";
    if (text_claim(claims, "jti", jti_ok, out->jti) != CHATD_OK)
        return "jti is missing or not visible ASCII";
    out->expires_s = time_claim(claims, "exp");
    if (out->expires_s < 0)
        return "exp is missing or not a time";
    if (!time_ok_if_there(claims, "iat") || !time_ok_if_there(claims, "nbf") ||
        !time_ok_if_there(claims, RENEW_CLAIM))
        return "iat, nbf or " RENEW_CLAIM " is not a time";
    out->issued_s = json_object_get(claims, "iat") != NULL ? time_claim(claims, "iat") : 0;
    out->renew_s =
        json_object_get(claims, RENEW_CLAIM) != NULL ? time_claim(claims, RENEW_CLAIM) : 0;
    out->is_own = json_object_get(claims, SINCE_CLAIM) != NULL;
    out->since_ms = since_claim(claims, clock->leeway_s);
    if (out->since_ms < 0)
        return SINCE_CLAIM " is not a time";
    /* RFC 7519, 4.1.4 and 4.1.5. One made in the future has been made up, or by a wrong clock. */
    out->expires_s += clock->leeway_s;
    if (out->expires_s <= clock->now_s)
        return "it has expired";
    if (time_claim(claims, "nbf") > clock->now_s + clock->leeway_s)
        return "it is not valid yet";
    if (time_claim(claims, "iat") > clock->now_s + clock->leeway_s)
        return "it was made in the future";
    return NULL;
}

/* As read_claims(), from libjwt's copy. Its own getters cannot tell 0 from "not a number". */
static const char *read_jwt(jwt_t *jwt, const struct token_clock *clock, struct token_claims *out)
{
    char *text = jwt_get_grants_json(jwt, NULL);
    const char *why = "no memory";
    json_t *claims;

    if (text == NULL)
        return why;
    claims = chatd_json_object((chatd_str){text, strlen(text)}, &why);
    free(text);
    if (claims == NULL)
        return why;
    why = read_claims(claims, clock, out);
    json_decref(claims);
    return why;
}

/* The header of a token whose signature nobody has looked at. NULL: it has none. */
static json_t *read_header(chatd_str token)
{
    jwt_t *jwt = NULL;
    json_t *header = NULL;
    const char *why;
    char *text;

    if (jwt_decode(&jwt, token.p, NULL, 0) != 0)
        return NULL;
    text = jwt_get_headers_json(jwt, NULL);
    if (text != NULL)
        header = chatd_json_object((chatd_str){text, strlen(text)}, &why);
    free(text);
    jwt_free(jwt);
    return header;
}

/* Decodes with one key, and by no algorithm but that key's. */
static jwt_t *decode(const struct ring_key *key, chatd_str token, const char **why_out)
{
    jwt_t *jwt = NULL;

    *why_out = "its signature is not ours";
    if (jwt_decode(&jwt, token.p, (const unsigned char *)key->verifies,
                   (int)strlen(key->verifies)) != 0)
        return NULL;
    if (jwt_get_alg(jwt) == jwt_alg_of(key->alg))
        return jwt;
    *why_out = "its algorithm is not that of the key";
    jwt_free(jwt);
    return NULL;
}

/* Tokens that name no key are those of earlier versions and of other servers with the same secret. */
static jwt_t *decode_nameless(const struct ring *ring, chatd_str token, const char **why_out)
{
    jwt_t *jwt = NULL;
    unsigned i;

    *why_out = "it names no key";
    for (i = 0; i < ring->n && jwt == NULL; i++)
        if (ring->key[i].alg == RING_HS256)
            jwt = decode(&ring->key[i], token, why_out);
    return jwt;
}

static jwt_t *find_and_decode(const struct ring *ring, chatd_str token, const char **why_out)
{
    json_t *header = read_header(token);
    const struct ring_key *key;
    chatd_str kid;
    jwt_t *jwt = NULL;

    *why_out = "its header cannot be read";
    if (header == NULL)
        return NULL;
    switch (chatd_json_str(header, "kid", &kid)) {
    case CHATD_OK:
        key = ring_find(ring, kid);
        *why_out = "its key is unknown";
        if (key != NULL)
            jwt = decode(key, token, why_out);
        break;
    case CHATD_E_NOTFOUND:
        jwt = decode_nameless(ring, token, why_out);
        break;
    default:
        *why_out = "its kid is not a text";
        break;
    }
    json_decref(header);
    return jwt;
}

int token_verify(const struct ring *ring, chatd_str token, const struct token_clock *clock,
                 struct token_claims *claims_out, const char **why_out)
{
    jwt_t *jwt;

    *why_out = "it does not look like a token";
    if (!shape_ok(token))
        return CHATD_E_INVAL;
    jwt = find_and_decode(ring, token, why_out);
    if (jwt == NULL)
        return CHATD_E_INVAL;
    *why_out = read_jwt(jwt, clock, claims_out);
    jwt_free(jwt);
    return *why_out == NULL ? CHATD_OK : CHATD_E_INVAL;
}
