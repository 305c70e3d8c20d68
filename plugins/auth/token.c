/* SPDX-License-Identifier: MIT */
/*
 * Tokens over libjwt 1.10, but for those that hs256.h verifies. It leaves four things to its caller
 * (each was tried): it verifies with whatever algorithm the token's own header names (an HMAC over
 * the text of a public key, say), verifies nothing with an empty key, does not look at the times, and
 * reads a claim of the wrong type as 0.
 */
#include "token.h"

#include "claims.h"
#include "hs256.h"
#include "parts.h"

#include <chatd/fields.h>

#include <jwt.h>
#include <stdlib.h>

static int add_claims(jwt_t *jwt, const struct token_claims *claims, int64_t now_s)
{
    if (jwt_add_grant(jwt, "sub", claims->user) != 0 ||
        jwt_add_grant(jwt, "jti", claims->jti) != 0 ||
        jwt_add_grant_int(jwt, "iat", (long)now_s) != 0 ||
        jwt_add_grant_int(jwt, "exp", (long)claims->expires_s) != 0)
        return CHATD_E_INVAL;
    if (claims->is_own && jwt_add_grant_int(jwt, CLAIM_SINCE, (long)claims->since_ms) != 0)
        return CHATD_E_INVAL;
    if (claims->renew_s > 0 && jwt_add_grant_int(jwt, CLAIM_RENEW, (long)claims->renew_s) != 0)
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

    if (!ring->has_signer || !claims_user_ok(user) || !claims_jti_ok(jti) ||
        claims->expires_s > CLAIMS_TIME_MAX_S)
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

/* As claims_read(), from libjwt's copy. Its own getters cannot tell 0 from "not a number". */
static const char *read_jwt(jwt_t *jwt, const struct token_clock *clock, struct token_claims *out)
{
    char *text = jwt_get_grants_json(jwt, NULL);
    const char *why = "no memory";
    struct chatd_fields claims;
    int rc;

    if (text == NULL)
        return why;
    rc = chatd_fields_open((chatd_str){text, strlen(text)}, &claims, &why);
    free(text);
    if (rc < 0)
        return why;
    why = claims_read(&claims, clock, out);
    chatd_fields_close(&claims);
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

static int verify_over_jwt(const struct ring *ring, chatd_str token,
                           const struct token_clock *clock, struct token_claims *claims_out,
                           const char **why_out)
{
    jwt_t *jwt = find_and_decode(ring, token, why_out);

    if (jwt == NULL)
        return CHATD_E_INVAL;
    *why_out = read_jwt(jwt, clock, claims_out);
    jwt_free(jwt);
    return *why_out == NULL ? CHATD_OK : CHATD_E_INVAL;
}

int token_verify(const struct ring *ring, chatd_str token, const struct token_clock *clock,
                 struct token_claims *claims_out, const char **why_out)
{
    struct token_parts parts;

    *why_out = "it does not look like a token";
    if (!parts_read(token, &parts))
        return CHATD_E_INVAL;
    switch (hs256_verify(ring, &parts, clock, claims_out, why_out)) {
    case HS256_GOOD:
        *why_out = NULL;
        return CHATD_OK;
    case HS256_BAD:
        return CHATD_E_INVAL;
    case HS256_UNUSUAL:
        break;
    }
    return verify_over_jwt(ring, token, clock, claims_out, why_out);
}

int token_verify_over_jwt(const struct ring *ring, chatd_str token, const struct token_clock *clock,
                          struct token_claims *claims_out, const char **why_out)
{
    struct token_parts parts;

    *why_out = "it does not look like a token";
    if (!parts_read(token, &parts))
        return CHATD_E_INVAL;
    return verify_over_jwt(ring, token, clock, claims_out, why_out);
}
