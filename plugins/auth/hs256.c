/* SPDX-License-Identifier: MIT */
/* Verifies tokens that are signed with HS256. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "hs256.h"

#include "claims.h"

#include <nettle/memops.h>

/* What a header says, as far as it is of use here. */
struct header {
    const struct ring_key *key; /* NULL: none that is known here */
    bool names_key;
};

static bool is_text(const struct chatd_fields *fields, const char *name, const char *text)
{
    chatd_str value;

    return chatd_fields_str(fields, name, &value) == CHATD_OK && value.n == strlen(text) &&
           memcmp(value.p, text, value.n) == 0;
}

/* False: not for us. libjwt knows more spellings of "HS256" and "JWT", and passes over a typ that is no text. */
static bool read_fields(const struct ring *ring, const struct chatd_fields *fields,
                        struct header *out)
{
    chatd_str any;

    if (!is_text(fields, "alg", "HS256") ||
        (!is_text(fields, "typ", "JWT") &&
         chatd_fields_str(fields, "typ", &any) != CHATD_E_NOTFOUND))
        return false;
    switch (chatd_fields_str(fields, "kid", &any)) {
    case CHATD_OK:
        out->names_key = true;
        out->key = ring_find(ring, any);
        return out->key == NULL || out->key->alg == RING_HS256;
    case CHATD_E_NOTFOUND:
        out->names_key = false;
        out->key = NULL;
        return true;
    default:
        return false;
    }
}

static bool read_header(const struct ring *ring, chatd_str text, struct header *out)
{
    struct chatd_fields fields;
    const char *why;
    bool is_ours;

    if (chatd_fields_open(text, &fields, &why) < 0)
        return false;
    is_ours = read_fields(ring, &fields, out);
    chatd_fields_close(&fields);
    return is_ours;
}

static bool is_signed_with(const struct ring_key *key, const struct token_parts *parts)
{
    struct hmac_sha256_ctx hmac = *key->hmac;
    uint8_t digest[SHA256_DIGEST_SIZE];
    bool is_good;

    hmac_sha256_update(&hmac, parts->text.n, (const uint8_t *)parts->text.p);
    hmac_sha256_digest(&hmac, sizeof(digest), digest);
    is_good = parts->signature.n == sizeof(digest) &&
              memeql_sec(parts->signature.p, digest, sizeof(digest)) != 0;
    explicit_bzero(&hmac, sizeof(hmac));
    explicit_bzero(digest,
                   sizeof(digest)); /* with which anybody could sign what somebody made up */
    return is_good;
}

/* Which key is tried is said in token.h. */
static bool is_signed(const struct ring *ring, const struct header *header,
                      const struct token_parts *parts, const char **why_out)
{
    unsigned i;

    if (header->names_key) {
        *why_out = header->key != NULL ? "its signature is not ours" : "its key is unknown";
        return header->key != NULL && is_signed_with(header->key, parts);
    }
    *why_out = "it names no key";
    for (i = 0; i < ring->n; i++) {
        if (ring->key[i].alg != RING_HS256)
            continue;
        if (is_signed_with(&ring->key[i], parts))
            return true;
        *why_out = "its signature is not ours";
    }
    return false;
}

enum hs256 hs256_verify(const struct ring *ring, const struct token_parts *parts,
                        const struct token_clock *clock, struct token_claims *claims_out,
                        const char **why_out)
{
    struct chatd_fields claims;
    struct header header;

    if (!read_header(ring, parts->header, &header))
        return HS256_UNUSUAL;
    if (!is_signed(ring, &header, parts, why_out))
        return HS256_BAD;
    if (chatd_fields_open(parts->claims, &claims, why_out) <
        0) /* a claim twice: libjwt takes the last */
        return HS256_UNUSUAL;
    *why_out = claims_read(&claims, clock, claims_out);
    chatd_fields_close(&claims);
    return *why_out == NULL ? HS256_GOOD : HS256_BAD;
}
