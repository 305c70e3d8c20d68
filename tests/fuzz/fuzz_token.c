/* SPDX-License-Identifier: MIT */
/*
 * Tokens from where they come in to what they say: the Cookie and Authorization headers, and tokens that
 * somebody made. The first byte of the input chooses:
 *
 *   0  the rest is a Cookie header;
 *   1  the rest is a token, as it is;
 *   2  the rest is a header and claims, a line each, which are signed. The second byte says with what:
 *      a good one passes only if all that it says may be believed, a forged one never;
 *   3  the rest is a user and a jti, a line each: what is made from them is taken and says the same.
 *
 * Each token is verified in both ways, hs256.h and libjwt, which must agree.
 */
#include "check.h"

#include "cookie.h"
#include "net/pct.h"
#include "net/utf8.h"
#include "pem.h"
#include "token.h"

#include <chatd/json.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#define NOW INT64_C(1790000000)

enum { KEYS = 4, OTHERS = 3, PART_MAX = 8192 };

static const struct token_clock now = {.now_s = NOW, .leeway_s = 30};

/* Two secrets and a pair of each kind that are ours, and strangers'. */
static struct ring ring;
static EVP_PKEY *pair[2], *stranger[2];
static char *pem[2]; /* our public halves */

static const char secret[] = "0123456789abcdef0123456789abcdef",
                  old[] = "an old secret of our own, 32 long";
static const char strange_secret[] = "a secret of somebody else, 32 long";

static chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static char *pem_of(EVP_PKEY *key, bool with_private)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *text;
    long n;

    if (with_private)
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PUBKEY(bio, key);
    n = BIO_get_mem_data(bio, &data);
    text = exact_text(data, (size_t)n);
    BIO_free(bio);
    return text;
}

static void set_up(void)
{
    char why[PEM_WHY_BYTES];

    CHECK(ring_add_secret(&ring, str(secret), true) == CHATD_OK);
    CHECK(ring_add_secret(&ring, str(old), false) == CHATD_OK);
    for (int i = 0; i < 2; i++) {
        pair[i] = i == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                         : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        stranger[i] = i == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                             : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        pem[i] = pem_of(pair[i], false);
        CHECK(pem_read(&ring, str(pem[i]), false, why) == CHATD_OK);
    }
    CHECK(ring.n == KEYS && ring.has_signer);
}

/* --- what may be believed ------------------------------------------------------------------------ */

/* hs256.h and libjwt say the same of every token. */
static bool verify(const char *token, size_t n, struct token_claims *claims)
{
    /* libjwt reads up to a NUL, which all that bring a token put behind it. */
    char *text = exact_text(token, n);
    const char *why = NULL, *other_why = NULL;
    struct token_claims other;
    int rc = token_verify(&ring, (chatd_str){text, n}, &now, claims, &why);

    CHECK((rc == CHATD_OK) == (why == NULL));
    CHECK(token_verify_over_jwt(&ring, (chatd_str){text, n}, &now, &other, &other_why) == rc);
    if (rc == CHATD_OK) {
        CHECK(strcmp(claims->user, other.user) == 0 && strcmp(claims->jti, other.jti) == 0);
        CHECK(claims->expires_s == other.expires_s && claims->since_ms == other.since_ms);
        CHECK(claims->is_own == other.is_own && claims->issued_s == other.issued_s);
        CHECK(claims->renew_s == other.renew_s);
    }
    free(text);
    return rc == CHATD_OK;
}

static void check_claims(const struct token_claims *c)
{
    size_t jti_n = strlen(c->jti);

    CHECK(c->user[0] != '\0' && strlen(c->user) <= NAME_FIELD_MAX &&
          utf8_valid(c->user, strlen(c->user)));
    CHECK(jti_n > 0 && jti_n <= TOKEN_JTI_MAX);
    for (size_t i = 0; i < jti_n; i++)
        CHECK(c->jti[i] > ' ' && c->jti[i] <= '~');
    CHECK(c->expires_s > now.now_s && c->expires_s <= INT64_C(253402300799) + now.leeway_s);
    CHECK(c->issued_s >= 0 && c->issued_s <= now.now_s + now.leeway_s);
    CHECK(c->renew_s >= 0 && c->since_ms >= 0);
}

/* --- signing, as somebody else's library might --------------------------------------------------- */

static size_t base64url(const void *p, size_t n, char *out)
{
    int made = EVP_EncodeBlock((unsigned char *)out, p, (int)n);

    while (made > 0 && out[made - 1] == '=')
        made--;
    for (int i = 0; i < made; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    out[made] = '\0';
    return (size_t)made;
}

static size_t sign_hmac(const void *key, size_t key_n, const char *text, size_t n,
                        unsigned char *out)
{
    unsigned made = 0;

    HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)text, n, out, &made);
    return made;
}

/* ECDSA's two numbers stand in a token as they are, without DER around them. */
static size_t flatten(const unsigned char *der, size_t n, unsigned char *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);

    CHECK(sig != NULL);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
    ECDSA_SIG_free(sig);
    return 64;
}

static size_t sign_pair(EVP_PKEY *key, bool is_ec, const char *text, size_t n, unsigned char *out)
{
    unsigned char made[1024];
    size_t made_n = sizeof(made);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    CHECK(EVP_DigestSign(ctx, made, &made_n, (const unsigned char *)text, n) == 1);
    EVP_MD_CTX_free(ctx);
    if (is_ec)
        return flatten(made, made_n, out);
    memcpy(out, made, made_n);
    return made_n;
}

/* 0 to 3 are our own keys, in the ring's order; the rest nobody here has, or may use so. */
static size_t sign(unsigned with, const char *text, size_t n, unsigned char *out)
{
    switch (with) {
    case 0:
        return sign_hmac(secret, strlen(secret), text, n, out);
    case 1:
        return sign_hmac(old, strlen(old), text, n, out);
    case 2:
    case 3:
        return sign_pair(pair[with - 2], with == 3, text, n, out);
    case 4:
        return sign_hmac(strange_secret, strlen(strange_secret), text, n, out);
    case 5: /* the text of a public key as a secret */
    case 6:
        return sign_hmac(pem[with - 5], strlen(pem[with - 5]), text, n, out);
    case 7:
    case 8:
        return sign_pair(stranger[with - 7], with == 8, text, n, out);
    case 9:
        return sign_hmac("", 0, text, n, out);
    default:
        return 0; /* alg none */
    }
}

/* The kid of each of our own keys can be asked for by "KID0" to "KID3". */
static char *with_kids(const uint8_t *p, size_t n, size_t *n_out)
{
    char *out = malloc(n * 5 + 1);
    size_t o = 0;

    for (size_t i = 0; i < n; i++) {
        if (n - i >= 4 && memcmp(p + i, "KID", 3) == 0 && p[i + 3] >= '0' &&
            p[i + 3] < '0' + KEYS) {
            memcpy(out + o, ring.key[p[i + 3] - '0'].kid, RING_KID_CHARS);
            o += RING_KID_CHARS;
            i += 3;
        } else {
            out[o++] = (char)p[i];
        }
    }
    *n_out = o;
    return out;
}

/* What the header must say so that a token signed with our key may pass. */
static void check_header(const char *header, size_t n, unsigned with)
{
    static const char *const algs[] = {"HS256", "HS256", "RS256", "ES256"};
    json_t *json = json_loadb(header, n, 0, NULL);
    const json_t *alg = json_object_get(json, "alg"), *kid = json_object_get(json, "kid");

    CHECK(with < KEYS && json_is_object(json));
    CHECK(json_is_string(alg) && strcasecmp(json_string_value(alg), algs[with]) == 0);
    if (kid == NULL || json_is_null(kid))
        CHECK(ring.key[with].alg == RING_HS256);
    else
        CHECK(json_is_string(kid) && strcmp(json_string_value(kid), ring.key[with].kid) == 0);
    json_decref(json);
}

static void check_claims_of(const char *claims, size_t n, const struct token_claims *c)
{
    json_t *json = json_loadb(claims, n, 0, NULL);

    CHECK(json_is_object(json));
    CHECK(strcmp(json_string_value(json_object_get(json, "sub")), c->user) == 0);
    CHECK(strcmp(json_string_value(json_object_get(json, "jti")), c->jti) == 0);
    CHECK(json_integer_value(json_object_get(json, "exp")) + now.leeway_s == c->expires_s);
    json_decref(json);
}

/* A token that passes does not when any of its signature is another. */
static void check_broken(char *token, size_t n, size_t signature, uint8_t choice)
{
    struct token_claims c;
    size_t at = choice == 15 ? n - 1 : signature + choice % (n - signature);

    token[at] = token[at] == 'A' ? 'B' : 'A';
    CHECK(!verify(token, n, &c));
    CHECK(!verify(token, signature, &c) && !verify(token, signature - 1, &c));
}

static void check_signed(unsigned with, uint8_t choice, const uint8_t *data, size_t size)
{
    const uint8_t *line = memchr(data, '\n', size);
    size_t header_n, claims_n, n, signature, made;
    unsigned char sig[1024];
    char *header, *claims, *token;
    struct token_claims c;

    if (line == NULL || size > PART_MAX)
        return;
    header = with_kids(data, (size_t)(line - data), &header_n);
    claims = with_kids(line + 1, size - (size_t)(line + 1 - data), &claims_n);
    token = malloc(2 * (header_n + claims_n) + 2048);
    n = base64url(header, header_n, token);
    token[n++] = '.';
    n += base64url(claims, claims_n, token + n);
    made = sign(with, token, n, sig);
    token[n++] = '.';
    signature = n;
    n += base64url(sig, made, token + n);
    if (verify(token, n, &c)) {
        CHECK(n <= TOKEN_BYTES_MAX);
        check_claims(&c);
        check_header(header, header_n, with);
        check_claims_of(claims, claims_n, &c);
        check_broken(token, n, signature, choice);
    }
    free(header);
    free(claims);
    free(token);
}

/* --- the rest ------------------------------------------------------------------------------------ */

static void check_made(const uint8_t *data, size_t size)
{
    const uint8_t *line = memchr(data, '\n', size);
    struct token_claims c = {
        .expires_s = NOW + 60, .is_own = true, .since_ms = 5, .renew_s = NOW + 600};
    struct token_claims out;
    char *token = NULL;
    size_t jti_n;

    if (line == NULL || (size_t)(line - data) >= sizeof(c.user))
        return;
    jti_n = size - (size_t)(line + 1 - data);
    if (jti_n >= sizeof(c.jti))
        return;
    memcpy(c.user, data, (size_t)(line - data));
    memcpy(c.jti, line + 1, jti_n);
    if (token_make(&ring, &c, NOW, &token) != CHATD_OK)
        return;
    /* What is too long, or is no UTF-8, cannot be said by a token. */
    if (verify(token, strlen(token), &out)) {
        check_claims(&out);
        CHECK(strcmp(out.user, c.user) == 0 && strcmp(out.jti, c.jti) == 0);
        CHECK(out.expires_s == c.expires_s + now.leeway_s && out.issued_s == NOW);
        CHECK(out.is_own && out.since_ms == c.since_ms && out.renew_s == c.renew_s);
    } else {
        CHECK(!utf8_valid(c.user, strlen(c.user)) || strlen(token) > TOKEN_BYTES_MAX);
    }
    free(token);
}

static void check_headers(const uint8_t *data, size_t size)
{
    char *header = exact_text(data, size);
    struct token_claims c;
    const char *value;
    chatd_str token;
    size_t n;

    if (pct_cookie(header, COOKIE_NAME, &value, &n) == PCT_FOUND) {
        char line[COOKIE_BYTES_MAX], *text = exact_text(value, n);
        const char *again;
        size_t again_n;

        CHECK(value >= header && value + n <= header + size);
        CHECK(!verify(value, n, &c));
        /* What is set is what comes back. */
        if (cookie_write(text, 60, true, line) == CHATD_OK) {
            CHECK(pct_cookie(line, COOKIE_NAME, &again, &again_n) == PCT_FOUND);
            CHECK(again_n == n && memcmp(again, text, n) == 0);
        }
        free(text);
    }
    if (bearer_token((chatd_str){header, size}, &token) == CHATD_OK) {
        CHECK(token.n > 0 && token.p[0] != ' ' && token.p + token.n == header + size);
        CHECK(!verify(token.p, token.n, &c));
    }
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token_claims c;

    if (ring.n == 0)
        set_up();
    if (size < 2)
        return 0;
    switch (data[0] & 3) {
    case 0:
        check_headers(data + 1, size - 1);
        break;
    case 1:
        /* Nobody guesses a signature. */
        CHECK(!verify((const char *)data + 1, size - 1, &c));
        break;
    case 2:
        check_signed((data[1] & 15) % (KEYS + OTHERS + 4), data[1] >> 4, data + 2, size - 2);
        break;
    default:
        check_made(data + 1, size - 1);
        break;
    }
    return 0;
}
