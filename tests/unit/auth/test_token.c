/* SPDX-License-Identifier: MIT */
/* Tests of tokens: what is made is taken, and everything else is refused. */
#include "token.h"

#include "make_key.h"
#include "pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1790000000)

static const chatd_str key = {"0123456789abcdef0123456789abcdef", 32};
static const chatd_str other_key = {"0123456789abcdef0123456789abcdeF", 32};

/* With `key`, `other_key`, none. */
static struct ring ring, other_ring, no_ring;

static const struct token_claims alice = {.user = "alice", .jti = "j1", .expires_s = NOW + 60};

static int64_t leeway_s;

static int verify_with(const struct ring *r, const char *token, int64_t now_s,
                       struct token_claims *claims)
{
    const struct token_clock clock = {now_s, leeway_s};
    const char *why = NULL;
    int rc = token_verify(r, (chatd_str){token, strlen(token)}, &clock, claims, &why);

    assert_int_equal(rc == CHATD_OK, why == NULL);
    return rc;
}

static int verify(const char *token)
{
    struct token_claims claims;

    return verify_with(&ring, token, NOW, &claims);
}

/* Signs any claims with any algorithm, as somebody else's library might. */
static char *sign(jwt_alg_t alg, chatd_str k, const char *claims)
{
    jwt_t *jwt = NULL;
    char *token;

    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)k.p, (int)k.n), 0);
    token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    return token;
}

static const char not_before[] =
    "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060,\"nbf\":1790000000}";
static const char made_later[] =
    "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060,\"iat\":1790000000}";

static int verify_claims(const char *claims)
{
    char *token = sign(JWT_ALG_HS256, key, claims);
    int rc = verify(token);

    free(token);
    return rc;
}

static void test_round_trip(void **state)
{
    struct token_claims claims;
    char *token = NULL;

    (void)state;
    assert_int_equal(token_make(&ring, &alice, NOW, &token), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW, &claims), CHATD_OK);
    assert_string_equal(claims.user, "alice");
    assert_string_equal(claims.jti, "j1");
    assert_int_equal(claims.expires_s, NOW + 60);
    free(token);
}

/* What auth-since is compared with; a token that does not say has its iat, in seconds, of a clock that
 * may be ahead. */
static void test_since(void **state)
{
    static const struct {
        const char *more;
        int64_t since_ms; /* -1: refused */
    } rows[] = {
        {"", 0},
        {",\"iat\":1790000000", NOW * 1000},
        {",\"iat\":1790000000,\"chatd_since\":0", 0},
        {",\"iat\":1790000000,\"chatd_since\":1789999999999", NOW * 1000 - 1},
        {",\"chatd_since\":\"1\"", -1},
        {",\"chatd_since\":null", -1},
        {",\"chatd_since\":1.5", -1},
        {",\"chatd_since\":-1", -1},
        {",\"chatd_since\":253402300799001", -1},
    };
    struct token_claims claims = alice;
    char text[256], *token = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060%s}",
                 rows[i].more);
        token = sign(JWT_ALG_HS256, key, text);
        assert_int_equal(verify_with(&ring, token, NOW, &claims),
                         rows[i].since_ms < 0 ? CHATD_E_INVAL : CHATD_OK);
        if (rows[i].since_ms >= 0)
            assert_int_equal(claims.since_ms, rows[i].since_ms);
        free(token);
    }
    claims.is_own = true;
    claims.since_ms = NOW * 1000 + 7;
    assert_int_equal(token_make(&ring, &claims, NOW, &token), CHATD_OK);
    claims.since_ms = 0;
    assert_int_equal(verify_with(&ring, token, NOW, &claims), CHATD_OK);
    assert_int_equal(claims.since_ms, NOW * 1000 + 7);
    assert_true(claims.is_own);
    free(token);
    /* One from elsewhere stays one when it is renewed. */
    claims.is_own = false;
    assert_int_equal(token_make(&ring, &claims, NOW, &token), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW, &claims), CHATD_OK);
    assert_false(claims.is_own);
    assert_int_equal(claims.since_ms, NOW * 1000);
    free(token);
}

static void test_since_of_a_clock_ahead(void **state)
{
    static const struct {
        int64_t leeway_s;
        const char *more;
        int64_t since_ms;
    } rows[] = {
        {30, ",\"iat\":1790000030", NOW * 1000},
        {30, ",\"iat\":1790000030,\"chatd_since\":5", 5},
        {30, ",\"iat\":31", 1000},
        {30, ",\"iat\":30", 0},
        {30, ",\"iat\":29", 0},
        {30, "", 0},
        {0, ",\"iat\":1", 1000},
    };
    struct token_claims claims;
    char text[256], *token;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060%s}",
                 rows[i].more);
        token = sign(JWT_ALG_HS256, key, text);
        leeway_s = rows[i].leeway_s;
        assert_int_equal(verify_with(&ring, token, NOW, &claims), CHATD_OK);
        assert_int_equal(claims.since_ms, rows[i].since_ms);
        free(token);
    }
    leeway_s = 0;
}

static void test_expiry(void **state)
{
    struct token_claims claims;
    char *token = NULL;

    (void)state;
    assert_int_equal(token_make(&ring, &alice, NOW, &token), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW + 59, &claims), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW + 60, &claims), CHATD_E_INVAL);
    assert_int_equal(verify_with(&ring, token, NOW + 6000, &claims), CHATD_E_INVAL);
    free(token);
}

/* As a clock of ours that is `ahead_s` ahead sees it. */
static int verify_ahead(const char *claims, int64_t ahead_s)
{
    char *token = sign(JWT_ALG_HS256, key, claims);
    struct token_claims read;
    int rc = verify_with(&ring, token, NOW + ahead_s, &read);

    free(token);
    return rc;
}

static void test_leeway(void **state)
{
    struct token_claims claims;
    char *token = NULL;

    (void)state;
    leeway_s = 30;
    assert_int_equal(token_make(&ring, &alice, NOW, &token), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW + 89, &claims), CHATD_OK);
    assert_int_equal(claims.expires_s, NOW + 90);
    assert_int_equal(verify_with(&ring, token, NOW + 90, &claims), CHATD_E_INVAL);
    assert_int_equal(verify_with(&ring, token, NOW - 30, &claims), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW - 31, &claims), CHATD_E_INVAL);
    free(token);
    assert_int_equal(verify_ahead(not_before, -30), CHATD_OK);
    assert_int_equal(verify_ahead(not_before, -31), CHATD_E_INVAL);
    leeway_s = 0;
    assert_int_equal(verify_ahead(not_before, 0), CHATD_OK);
    assert_int_equal(verify_ahead(not_before, -1), CHATD_E_INVAL);
    assert_int_equal(verify_ahead(made_later, -1), CHATD_E_INVAL);
    assert_int_equal(verify_ahead(made_later, 0), CHATD_OK);
}

static void test_keys(void **state)
{
    struct token_claims claims;
    char *token = NULL;

    (void)state;
    assert_int_equal(token_make(&no_ring, &alice, NOW, &token), CHATD_E_INVAL);
    assert_int_equal(token_make(&ring, &alice, NOW, &token), CHATD_OK);
    assert_int_equal(verify_with(&other_ring, token, NOW, &claims), CHATD_E_INVAL);
    assert_int_equal(verify_with(&no_ring, token, NOW, &claims), CHATD_E_INVAL);
    free(token);
}

static const char good[] =
    "{\"sub\":\"alice\",\"jti\":\"j1\",\"iat\":1790000000,\"exp\":1790000060}";

static void test_algorithms(void **state)
{
    static const jwt_alg_t others[] = {JWT_ALG_HS384, JWT_ALG_HS512};
    char *token = sign(JWT_ALG_HS256, key, good);
    size_t i;

    (void)state;
    assert_int_equal(verify(token), CHATD_OK);
    free(token);
    for (i = 0; i < 2; i++) {
        token = sign(others[i], key, good);
        assert_int_equal(verify(token), CHATD_E_INVAL);
        free(token);
    }
}

static void test_alg_none(void **state)
{
    char *token = sign(JWT_ALG_NONE, (chatd_str){NULL, 0}, good);
    struct token_claims claims;
    char signed_too[TOKEN_BYTES_MAX];

    (void)state;
    assert_int_equal(verify(token), CHATD_E_INVAL);
    assert_int_equal(verify_with(&no_ring, token, NOW, &claims), CHATD_E_INVAL);
    snprintf(signed_too, sizeof(signed_too), "%sAAAA", token);
    assert_int_equal(verify(signed_too), CHATD_E_INVAL);
    free(token);
}

static void test_every_changed_byte(void **state)
{
    char *token = NULL;
    size_t i, n;

    (void)state;
    assert_int_equal(token_make(&ring, &alice, NOW, &token), CHATD_OK);
    n = strlen(token);
    for (i = 0; i < n; i++) {
        char was = token[i];

        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(verify(token), CHATD_E_INVAL);
        token[i] = was;
    }
    assert_int_equal(verify(token), CHATD_OK);
    free(token);
}

static void test_every_truncation(void **state)
{
    char *token = NULL;
    size_t n;

    (void)state;
    assert_int_equal(token_make(&ring, &alice, NOW, &token), CHATD_OK);
    for (n = strlen(token); n > 0; n--) {
        token[n - 1] = '\0';
        assert_int_equal(verify(token), CHATD_E_INVAL);
    }
    free(token);
}

static void test_shapes(void **state)
{
    static const char *const shapes[] = {
        "",     ".",      "..",      "...",      "a.b",
        "a.b.", ".b.c",   "a..c",    "a.b.c",    "a.b.c.d",
        "null", "a.b.c=", "a b.c.d", "\xff.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"};
    char big[TOKEN_BYTES_MAX + 2];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        assert_int_equal(verify(shapes[i]), CHATD_E_INVAL);
    memset(big, 'a', sizeof(big));
    big[2] = big[4] = '.';
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(verify(big), CHATD_E_INVAL);
}

/* Found by fuzz_token: libjwt reads header and claims up to a NUL, whatever stands behind it. */
static void test_nul_in_a_part(void **state)
{
    /* Signed with `key`; the second and third have a NUL and an x behind claims and header. */
    static const char *const tokens[] = {
        "eyJhbGciOiJIUzI1NiJ9."
        "eyJzdWIiOiJhbGljZSIsImp0aSI6ImoxIiwiZXhwIjoxNzkwMDAwMDYwfQ."
        "aHtvsXdfNDeW-rACgrx8jsRT2WROuVrhGRJCt9CcbYE",
        "eyJhbGciOiJIUzI1NiJ9."
        "eyJzdWIiOiJhbGljZSIsImp0aSI6ImoxIiwiZXhwIjoxNzkwMDAwMDYwfQB4."
        "kSSn95OIXf2_cT7XFSz0pErsdWNkE5Ka9YuVV3zywoI",
        "eyJhbGciOiJIUzI1NiJ9AHg."
        "eyJzdWIiOiJhbGljZSIsImp0aSI6ImoxIiwiZXhwIjoxNzkwMDAwMDYwfQ."
        "uyDeMYHWPut7pySiXmymVfcDR6c8MCGzmroEXCwuhBk"};

    (void)state;
    assert_int_equal(verify(tokens[0]), CHATD_OK);
    assert_int_equal(verify(tokens[1]), CHATD_E_INVAL);
    assert_int_equal(verify(tokens[2]), CHATD_E_INVAL);
}

/* Found by fuzz_token: the last letter of a signature has bits that say nothing. */
static void test_one_spelling(void **state)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    EVP_PKEY *pkey = make_key(0, "P-256");
    char why[PEM_WHY_BYTES], *pem = make_pem(pkey, 1, 0), *token = NULL;
    struct ring own = {.n = 0};
    struct token_claims claims;
    size_t i, n, taken = 0;

    (void)state;
    assert_int_equal(pem_read(&own, (chatd_str){pem, strlen(pem)}, true, why), CHATD_OK);
    assert_int_equal(token_make(&own, &alice, NOW, &token), CHATD_OK);
    n = strlen(token);
    for (i = 0; i < 64; i++) {
        token[n - 1] = letters[i];
        taken += verify_with(&own, token, NOW, &claims) == CHATD_OK;
    }
    assert_int_equal(taken, 1);
    free(token);
    free(pem);
    EVP_PKEY_free(pkey);
    ring_deinit(&own);
}

static void test_claims(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"jti\":\"j1\",\"exp\":1790000060}",
        "{\"sub\":\"\",\"jti\":\"j1\",\"exp\":1790000060}",
        "{\"sub\":7,\"jti\":\"j1\",\"exp\":1790000060}",
        "{\"sub\":null,\"jti\":\"j1\",\"exp\":1790000060}",
        "{\"sub\":[\"alice\"],\"jti\":\"j1\",\"exp\":1790000060}",
        "{\"sub\":\"alice\",\"exp\":1790000060}",
        "{\"sub\":\"alice\",\"jti\":1,\"exp\":1790000060}",
        "{\"sub\":\"alice\",\"jti\":\"\",\"exp\":1790000060}",
        "{\"sub\":\"alice\",\"jti\":\"a b\",\"exp\":1790000060}",
        "{\"sub\":\"alice\",\"jti\":\"\xc3\xa9\",\"exp\":1790000060}",
        "{\"sub\":\"alice\",\"jti\":\"j1\"}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":\"1790000060\"}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060.5}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":true}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":-1}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":9223372036854775807}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060,\"iat\":\"x\"}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060,\"nbf\":\"x\"}",
        "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060,\"nbf\":1790000001}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(verify_claims(bad[i]), CHATD_E_INVAL);
    assert_int_equal(verify_claims(good), CHATD_OK);
    assert_int_equal(verify_claims("{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060,"
                                   "\"nbf\":1790000000,\"admin\":true}"),
                     CHATD_OK);
}

static void test_long_claims(void **state)
{
    struct token_claims claims = alice;
    struct token_claims read;
    char json[1024];
    char *token = NULL;

    (void)state;
    memset(claims.user, 'u', NAME_FIELD_MAX);
    memset(claims.jti, 'j', TOKEN_JTI_MAX);
    assert_int_equal(token_make(&ring, &claims, NOW, &token), CHATD_OK);
    assert_int_equal(verify_with(&ring, token, NOW, &read), CHATD_OK);
    assert_string_equal(read.user, claims.user);
    assert_string_equal(read.jti, claims.jti);
    free(token);
    snprintf(json, sizeof(json), "{\"sub\":\"%su\",\"jti\":\"j\",\"exp\":1790000060}", claims.user);
    assert_int_equal(verify_claims(json), CHATD_E_INVAL);
    snprintf(json, sizeof(json), "{\"sub\":\"u\",\"jti\":\"%sj\",\"exp\":1790000060}", claims.jti);
    assert_int_equal(verify_claims(json), CHATD_E_INVAL);
}

static int setup(void **state)
{
    (void)state;
    return ring_add_secret(&ring, key, true) + ring_add_secret(&other_ring, other_key, true);
}

static int teardown(void **state)
{
    (void)state;
    ring_deinit(&ring);
    ring_deinit(&other_ring);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_since),
        cmocka_unit_test(test_since_of_a_clock_ahead),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_leeway),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_alg_none),
        cmocka_unit_test(test_every_changed_byte),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_nul_in_a_part),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_long_claims),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
