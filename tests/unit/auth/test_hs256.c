/* SPDX-License-Identifier: MIT */
/*
 * Tests that the two ways in which a token is verified agree: whatever is done to a token, hs256.h and
 * libjwt take it and read the same in it, or both refuse it. And that the usual ones do not reach libjwt.
 */
#include "hs256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_key.h"
#include "pem.h"

#define NOW   INT64_C(1790000000)
#define TIMES "\"iat\":1789999990,\"exp\":1790000060"

enum { ROOM = 8192 };

static const struct token_clock now = {NOW, 30};
static const chatd_str secret = {"0123456789abcdef0123456789abcdef", 32};
static const chatd_str old_secret = {"an old secret of our own, 32 long", 33};
static const chatd_str strange = {"a secret of somebody else, 32 long", 34};

/* The current secret, an old one, an RSA pair. */
static struct ring ring;
static char header_text[128]; /* the one of our own tokens */

static const char claims_text[] =
    "{\"sub\":\"alice\",\"jti\":\"j1\"," TIMES ",\"chatd_since\":7,\"chatd_renew\":1790000600}";

/* --- both ways ----------------------------------------------------------------------------------- */

static bool verify_both(const char *token, size_t n)
{
    struct token_claims a = {.user = ""}, b = {.user = ""};
    const char *why = NULL, *other_why = NULL;
    chatd_str text = {token, n};
    int rc = token_verify(&ring, text, &now, &a, &why);

    assert_int_equal(rc == CHATD_OK, why == NULL);
    assert_int_equal(token_verify_over_jwt(&ring, text, &now, &b, &other_why), rc);
    if (rc != CHATD_OK)
        return false;
    assert_string_equal(a.user, b.user);
    assert_string_equal(a.jti, b.jti);
    assert_int_equal(a.expires_s, b.expires_s);
    assert_int_equal(a.since_ms, b.since_ms);
    assert_int_equal(a.is_own, b.is_own);
    assert_int_equal(a.issued_s, b.issued_s);
    assert_int_equal(a.renew_s, b.renew_s);
    return true;
}

static enum hs256 verify_short(const char *token)
{
    struct token_claims claims;
    struct token_parts parts;
    const char *why;

    assert_true(parts_read((chatd_str){token, strlen(token)}, &parts));
    return hs256_verify(&ring, &parts, &now, &claims, &why);
}

/* --- signing, by hand ---------------------------------------------------------------------------- */

static size_t base64url(const void *p, size_t n, char *out)
{
    size_t made = (size_t)EVP_EncodeBlock((unsigned char *)out, p, (int)n), i;

    while (made > 0 && out[made - 1] == '=')
        made--;
    for (i = 0; i < made; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    out[made] = '\0';
    return made;
}

static size_t sign(chatd_str key, const char *header, size_t header_n, const char *claims,
                   size_t claims_n, char out[ROOM])
{
    struct hmac_sha256_ctx hmac;
    uint8_t digest[SHA256_DIGEST_SIZE];
    size_t n = base64url(header, header_n, out);

    assert_true(2 * (header_n + claims_n) + 100 < ROOM);
    out[n++] = '.';
    n += base64url(claims, claims_n, out + n);
    hmac_sha256_set_key(&hmac, key.n, (const uint8_t *)key.p);
    hmac_sha256_update(&hmac, n, (const uint8_t *)out);
    hmac_sha256_digest(&hmac, sizeof(digest), digest);
    out[n++] = '.';
    return n + base64url(digest, sizeof(digest), out + n);
}

static bool verify_signed(chatd_str key, const char *header, const char *claims)
{
    char token[ROOM];
    size_t n = sign(key, header, strlen(header), claims, strlen(claims), token);

    return verify_both(token, n);
}

static size_t usual(char out[ROOM])
{
    return sign(secret, header_text, strlen(header_text), claims_text, strlen(claims_text), out);
}

/* --- a token that is changed --------------------------------------------------------------------- */

static const char changes[] = {'A', 'B', '9', '-',  '_',  '.',   '=',
                               '+', '/', ' ', '\0', '\n', '\xff'};

static void test_every_changed_byte(void **state)
{
    char token[ROOM], was;
    size_t n = usual(token), i, k;

    (void)state;
    assert_true(verify_both(token, n));
    for (i = 0; i < n; i++) {
        was = token[i];
        for (k = 0; k < sizeof(changes); k++) {
            token[i] = changes[k];
            assert_int_equal(verify_both(token, n), changes[k] == was);
        }
        for (k = 0; k < 8; k++) {
            token[i] = (char)(was ^ 1 << k);
            assert_false(verify_both(token, n));
        }
        token[i] = was;
    }
}

static void test_every_length(void **state)
{
    char token[ROOM], cut[ROOM];
    size_t n = usual(token), i;

    (void)state;
    for (i = 0; i < n; i++) {
        memcpy(cut, token, i); /* its end is missing */
        cut[i] = '\0';
        assert_false(verify_both(cut, i));
        memcpy(cut + i, token + i + 1, n - i); /* one byte is missing */
        assert_int_equal(verify_both(cut, n - 1), false);
        assert_false(verify_both(token + i + 1, n - i - 1)); /* its beginning is missing */
    }
}

static void test_every_inserted_byte(void **state)
{
    char token[ROOM], longer[ROOM];
    size_t n = usual(token), i, k;

    (void)state;
    for (i = 0; i <= n; i++) {
        memcpy(longer, token, i);
        memcpy(longer + i + 1, token + i, n - i + 1);
        for (k = 0; k < sizeof(changes); k++) {
            longer[i] = changes[k];
            assert_false(verify_both(longer, n + 1));
        }
    }
}

static void test_missing_and_doubled_parts(void **state)
{
    char token[ROOM], text[2 * ROOM];
    const char *claims, *signature;
    size_t n = usual(token);
    int header_n, claims_n;

    (void)state;
    claims = strchr(token, '.') + 1;
    signature = strchr(claims, '.') + 1;
    header_n = (int)(claims - 1 - token);
    claims_n = (int)(signature - 1 - claims);
    for (int i = 0; i < 16; i++) {
        int made = snprintf(text, sizeof(text), "%.*s.%.*s.%s%s%s", i & 1 ? header_n : 0, token,
                            i & 2 ? claims_n : 0, claims, i & 4 ? signature : "", i & 8 ? "." : "",
                            i & 8 ? signature : "");

        assert_int_equal(verify_both(text, (size_t)made), i == 7);
    }
    assert_true(n < TOKEN_BYTES_MAX);
}

/* --- headers and claims that are signed with what is ours ---------------------------------------- */

/* %s is the kid of the current secret. */
static const char *const headers[] = {
    "{\"alg\":\"HS256\"}",
    "{\"typ\":\"JWT\",\"alg\":\"HS256\"}",
    "{\"alg\":\"HS256\",\"kid\":\"%s\"}",
    " { \"alg\" : \"HS256\" , \"kid\" : \"%s\" } ",
    "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"cty\":\"x\",\"n\":1,\"o\":{\"a\":null}}",
    "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false,\"x\":1.5}",
    "{\"alg\":\"HS256\",\"typ\":\"jwt\"}",
    "{\"alg\":\"HS256\",\"typ\":\"JWS\"}",
    "{\"alg\":\"HS256\",\"typ\":\"\"}",
    "{\"alg\":\"HS256\",\"typ\":null}",
    "{\"alg\":\"HS256\",\"typ\":1}",
    "{\"alg\":\"hs256\"}",
    "{\"alg\":\"\\u0048S256\"}",
    "{\"\\u0061lg\":\"HS256\"}",
    "{\"alg\":\"HS256\\u0000\"}",
    "{\"alg\":\"HS256 \"}",
    "{\"alg\":\"HS384\"}",
    "{\"alg\":\"HS512\"}",
    "{\"alg\":\"RS256\",\"kid\":\"%s\"}",
    "{\"alg\":\"none\"}",
    "{\"alg\":\"None\",\"kid\":\"%s\"}",
    "{\"alg\":\"\"}",
    "{\"alg\":null}",
    "{\"alg\":256}",
    "{\"alg\":[\"HS256\"]}",
    "{\"alg\":\"none\",\"alg\":\"HS256\"}",
    "{\"alg\":\"HS256\",\"alg\":\"none\"}",
    "{\"alg\":\"HS256\",\"kid\":null}",
    "{\"alg\":\"HS256\",\"kid\":\"\"}",
    "{\"alg\":\"HS256\",\"kid\":7}",
    "{\"alg\":\"HS256\",\"kid\":[\"%s\"]}",
    "{\"alg\":\"HS256\",\"kid\":\"0000000000000000\"}",
    "{\"alg\":\"HS256\",\"kid\":\"x%s\"}",
    "{\"alg\":\"HS256\",\"kid\":\"nobody\",\"kid\":\"%s\"}",
    "{\"alg\":\"HS256\",\"kid\":\"%s\",\"kid\":\"nobody\"}",
    "{\"kid\":\"%s\"}",
    "{}",
    "[]",
    "\"HS256\"",
    "null",
    "",
    "{",
    "{\"alg\":\"HS256\"",
    "{\"alg\":\"HS256\"}}",
    "{\"alg\":\"HS256\"}x",
    "{\"alg\":\"HS256\",}",
    "\xef\xbb\xbf{\"alg\":\"HS256\"}",
};

#define WHO "\"sub\":\"alice\",\"jti\":\"j1\""

static const char *const claims_texts[] = {
    claims_text,
    "{" WHO "," TIMES "}",
    "{" WHO ",\"exp\":1790000060}",
    "{" WHO ",\"exp\":1789999971}",
    "{" WHO ",\"exp\":1789999970}",
    "{" WHO ",\"exp\":0}",
    "{" WHO ",\"exp\":-0}",
    "{" WHO ",\"exp\":-1}",
    "{" WHO ",\"exp\":01790000060}",
    "{" WHO ",\"exp\":+1790000060}",
    "{" WHO ",\"exp\":1790000060.0}",
    "{" WHO ",\"exp\":1.79000006e9}",
    "{" WHO ",\"exp\":0x7fffffff}",
    "{" WHO ",\"exp\":253402300799}",
    "{" WHO ",\"exp\":253402300800}",
    "{" WHO ",\"exp\":999999999999999999}",
    "{" WHO ",\"exp\":9223372036854775807}",
    "{" WHO ",\"exp\":9223372036854775808}",
    "{" WHO ",\"exp\":18446744075499551676}",
    "{" WHO ",\"exp\":1e400}",
    "{" WHO ",\"exp\":\"1790000060\"}",
    "{" WHO ",\"exp\":null}",
    "{" WHO ",\"exp\":true}",
    "{" WHO ",\"exp\":[1790000060]}",
    "{" WHO ",\"exp\":1,\"exp\":1790000060}",
    "{" WHO ",\"exp\":1790000060,\"exp\":1}",
    "{" WHO "," TIMES ",\"nbf\":1790000030}",
    "{" WHO "," TIMES ",\"nbf\":1790000031}",
    "{" WHO "," TIMES ",\"nbf\":null}",
    "{" WHO "," TIMES ",\"nbf\":\"\"}",
    "{" WHO ",\"exp\":1790000060,\"iat\":1790000030}",
    "{" WHO ",\"exp\":1790000060,\"iat\":1790000031}",
    "{" WHO ",\"exp\":1790000060,\"iat\":null}",
    "{" WHO ",\"exp\":1790000060,\"iat\":-5}",
    "{" WHO "," TIMES ",\"chatd_since\":null}",
    "{" WHO "," TIMES ",\"chatd_since\":0}",
    "{" WHO "," TIMES ",\"chatd_since\":-1}",
    "{" WHO "," TIMES ",\"chatd_since\":253402300799000}",
    "{" WHO "," TIMES ",\"chatd_since\":253402300799001}",
    "{" WHO "," TIMES ",\"chatd_since\":1.5}",
    "{" WHO "," TIMES ",\"chatd_renew\":null}",
    "{" WHO "," TIMES ",\"chatd_renew\":\"1\"}",
    "{" WHO "," TIMES ",\"admin\":true,\"x\":null,\"aud\":[\"a\",{\"b\":1.5}]}",
    "{" WHO "," TIMES ",\"a\":{\"b\":{\"c\":{\"d\":{\"e\":[[[]]]}}}}}",
    "{" WHO "," TIMES ",\"x\":1e308,\"y\":-0.0,\"z\":1e-400}",
    "{" WHO "," TIMES ",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
    "\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1}",
    "{\"sub\":\"bob\"," WHO "," TIMES "}",
    "{" WHO ",\"sub\":\"bob\"," TIMES "}",
    "{" WHO ",\"s\\u0075b\":\"bob\"," TIMES "}",
    "{\"sub\":\"\\u0061\\ud83d\\ude00\\n\",\"jti\":\"\\u0021\"," TIMES "}",
    "{\"sub\":\"a\\u0000b\",\"jti\":\"j1\"," TIMES "}",
    "{\"sub\":\"\\ud83d\",\"jti\":\"j1\"," TIMES "}",
    "{\"sub\":\"\xd0\x90\xf0\x9f\x98\x80\x7f\",\"jti\":\"~!\"," TIMES "}",
    "{\"sub\":\"\xff\",\"jti\":\"j1\"," TIMES "}",
    "{\"sub\":\"\xed\xa0\x80\",\"jti\":\"j1\"," TIMES "}",
    "{\"sub\":\"\",\"jti\":\"j1\"," TIMES "}",
    "{\"sub\":null,\"jti\":\"j1\"," TIMES "}",
    "{\"sub\":\"alice\",\"jti\":\"j 1\"," TIMES "}",
    "{\"sub\":\"alice\",\"jti\":1," TIMES "}",
    " \t\r\n{ " WHO " , " TIMES " }\n",
    "{" WHO "," TIMES "}}",
    "{" WHO "," TIMES "",
    "{" WHO "," TIMES ",}",
    "{" WHO ",/**/" TIMES "}",
    "{'sub':'alice'}",
    "{}",
    "[]",
    "1",
    "",
};

enum { HEADERS = sizeof(headers) / sizeof(headers[0]) };
enum { CLAIMS = sizeof(claims_texts) / sizeof(claims_texts[0]) };

static void test_headers_and_claims(void **state)
{
    const chatd_str keys[] = {secret, old_secret, strange};
    char header[512];
    size_t h, c, k, taken[3] = {0};

    (void)state;
    for (h = 0; h < HEADERS; h++) {
        const char *mark = strstr(headers[h], "%s");

        snprintf(header, sizeof(header), "%.*s%s%s",
                 (int)(mark != NULL ? (size_t)(mark - headers[h]) : strlen(headers[h])), headers[h],
                 mark != NULL ? ring.key[0].kid : "", mark != NULL ? mark + 2 : "");
        for (c = 0; c < CLAIMS; c++)
            for (k = 0; k < 3; k++)
                taken[k] += verify_signed(keys[k], header, claims_texts[c]);
    }
    assert_true(taken[0] > taken[1] && taken[1] > 100);
    assert_int_equal(taken[2], 0);
}

/* Every byte of header and claims changed before it is signed. */
static void test_every_changed_byte_that_is_signed(void **state)
{
    static const char put[] = {'"', '\\', '{',  '}',  ',',    ':', '0',
                               'u', ' ',  '\0', '\t', '\x80', '-'};
    char text[2][256], token[ROOM];
    size_t n[2], i, k, part, taken = 0;

    (void)state;
    n[0] = (size_t)snprintf(text[0], sizeof(text[0]), "%s", header_text);
    n[1] = (size_t)snprintf(text[1], sizeof(text[1]), "%s", claims_text);
    for (part = 0; part < 2; part++) {
        for (i = 0; i < n[part]; i++) {
            char was = text[part][i];

            for (k = 0; k < sizeof(put) + 8; k++) {
                text[part][i] = k < sizeof(put) ? put[k] : (char)(was ^ 1 << (k - sizeof(put)));
                taken += verify_both(token, sign(secret, text[0], n[0], text[1], n[1], token));
            }
            text[part][i] = was;
        }
    }
    assert_true(taken > 100);
}

static void test_sizes(void **state)
{
    char claims[ROOM], token[ROOM];
    size_t fill, n;
    int taken = 0;

    (void)state;
    for (fill = 2800; fill < 3000; fill++) {
        int made =
            snprintf(claims, sizeof(claims), "{" WHO "," TIMES ",\"x\":\"%0*d\"}", (int)fill, 0);

        n = sign(secret, header_text, strlen(header_text), claims, (size_t)made, token);
        assert_int_equal(verify_both(token, n), n <= TOKEN_BYTES_MAX);
        taken += n <= TOKEN_BYTES_MAX;
    }
    assert_true(taken > 0 && taken < 200);
}

/* The algorithm is the key's: an RSA key's kid under an HMAC with its public half is what libjwt alone would take. */
static void test_public_key_as_secret(void **state)
{
    const struct ring_key *rsa = &ring.key[2];
    chatd_str pem = {rsa->verifies, strlen(rsa->verifies)};
    char header[256];

    (void)state;
    assert_int_equal(rsa->alg, RING_RS256);
    assert_null(rsa->hmac);
    snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}", rsa->kid);
    assert_false(verify_signed(pem, header, claims_text));
    assert_false(verify_signed(secret, header, claims_text));
    assert_false(verify_signed(pem, "{\"alg\":\"HS256\"}", claims_text));
}

/* --- who does it --------------------------------------------------------------------------------- */

static void test_usual_ones_need_no_libjwt(void **state)
{
    struct token_claims claims = {.user = "alice", .jti = "j1", .expires_s = NOW + 60};
    char token[ROOM], *made = NULL;
    size_t n = usual(token);

    (void)state;
    assert_int_equal(verify_short(token), HS256_GOOD);
    token[n - 2] = token[n - 2] == 'A' ? 'B' : 'A';
    assert_int_equal(verify_short(token), HS256_BAD);
    assert_int_equal(token_make(&ring, &claims, NOW, &made), CHATD_OK);
    assert_int_equal(verify_short(made), HS256_GOOD);
    free(made);
    sign(old_secret, "{\"alg\":\"HS256\"}", 15, claims_text, strlen(claims_text), token);
    assert_int_equal(verify_short(token), HS256_GOOD);
    sign(secret, "{\"alg\":\"hs256\"}", 15, claims_text, strlen(claims_text), token);
    assert_int_equal(verify_short(token), HS256_UNUSUAL);
    sign(secret, "{\"alg\":\"none\"}", 14, claims_text, strlen(claims_text), token);
    assert_int_equal(verify_short(token), HS256_UNUSUAL);
}

static int setup(void **state)
{
    EVP_PKEY *pkey = make_key(2048, NULL);
    char why[PEM_WHY_BYTES], *pem = make_pem(pkey, 0, 1);
    int rc = ring_add_secret(&ring, secret, true);

    (void)state;
    if (rc == CHATD_OK)
        rc = ring_add_secret(&ring, old_secret, false);
    if (rc == CHATD_OK)
        rc = pem_read(&ring, (chatd_str){pem, strlen(pem)}, false, why);
    snprintf(header_text, sizeof(header_text), "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
             ring.key[0].kid);
    EVP_PKEY_free(pkey);
    free(pem);
    return rc;
}

static int teardown(void **state)
{
    (void)state;
    ring_deinit(&ring);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_changed_byte),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_every_inserted_byte),
        cmocka_unit_test(test_missing_and_doubled_parts),
        cmocka_unit_test(test_headers_and_claims),
        cmocka_unit_test(test_every_changed_byte_that_is_signed),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_public_key_as_secret),
        cmocka_unit_test(test_usual_ones_need_no_libjwt),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
