/* SPDX-License-Identifier: MIT */
/* Tests of the keys of tokens, and of tokens that are signed with one and shown to others. */
#include "ring.h"

#include "make_key.h"
#include "pem.h"
#include "token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jwt.h>

#define NOW          INT64_C(1790000000)
#define FIRST        CHATD_STR("0123456789abcdef0123456789abcdef")
#define KID_OF_FIRST "eb608a9afd61e869"
#define SECOND       CHATD_STR("another secret of thirty-two byt")

static const struct token_claims alice = {.user = "alice", .jti = "j1", .expires_s = NOW + 60};
static const char good[] = "{\"sub\":\"alice\",\"jti\":\"j1\",\"exp\":1790000060}";

static EVP_PKEY *rsa, *ec;

static int verify(const struct ring *ring, const char *token)
{
    const struct token_clock clock = {NOW, 0};
    struct token_claims claims;
    const char *why;

    return token_verify(ring, (chatd_str){token, strlen(token)}, &clock, &claims, &why);
}

static void add_pem(struct ring *ring, EVP_PKEY *pkey, int with_private, bool signs)
{
    char *text = make_pem(pkey, with_private, !with_private);
    char why[PEM_WHY_BYTES];

    assert_int_equal(pem_read(ring, (chatd_str){text, strlen(text)}, signs, why), CHATD_OK);
    free(text);
}

static char *made(const struct ring *ring)
{
    char *token = NULL;

    assert_int_equal(token_make(ring, &alice, NOW, &token), CHATD_OK);
    return token;
}

/* A token with any header, signed by libjwt with any key. */
static char *forged(jwt_alg_t alg, const char *key, const char *kid)
{
    jwt_t *jwt = NULL;
    char *token;

    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, good), 0);
    if (kid != NULL)
        assert_int_equal(jwt_add_header(jwt, "kid", kid), 0);
    assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)key, (int)strlen(key)), 0);
    token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    return token;
}

static void assert_forged(const struct ring *ring, int rc, jwt_alg_t alg, const char *key,
                          const char *kid)
{
    char *token = forged(alg, key, kid);

    assert_int_equal(verify(ring, token), rc);
    free(token);
}

static void test_secrets(void **state)
{
    struct ring ring = {.n = 0};

    (void)state;
    assert_int_equal(ring_add_secret(&ring, CHATD_STR("too short"), true), CHATD_E_INVAL);
    assert_int_equal(
        ring_add_secret(&ring, (chatd_str){"0123456789abcdef\0 23456789abcdef", 32}, true),
        CHATD_E_INVAL);
    assert_int_equal(ring_add_secret(&ring, FIRST, false), CHATD_OK);
    assert_int_equal(ring_add_secret(&ring, FIRST, false), CHATD_E_EXISTS);
    assert_false(ring.has_signer);
    assert_int_equal(ring_add_secret(&ring, SECOND, true), CHATD_OK);
    assert_int_equal(ring.n, 2);
    assert_string_equal(ring.key[0].signs, SECOND.p);
    assert_string_equal(ring.key[1].verifies, FIRST.p);
    assert_null(ring.key[1].signs);
    assert_int_equal(ring_add_secret(&ring, FIRST, true), CHATD_E_INVAL);
    ring_remove_signer(&ring);
    assert_int_equal(ring.n, 1);
    /* An old key that signs again is there once. */
    assert_int_equal(ring_add_secret(&ring, FIRST, true), CHATD_OK);
    assert_int_equal(ring.n, 1);
    ring_deinit(&ring);
}

/* The kid says nothing of the key, and is the same wherever the key is. */
static void test_kid(void **state)
{
    struct ring ring = {.n = 0};

    (void)state;
    assert_int_equal(ring_add_secret(&ring, FIRST, true), CHATD_OK);
    /* printf 'chatd kid' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef */
    assert_string_equal(ring.key[0].kid, KID_OF_FIRST);
    assert_ptr_equal(ring_find(&ring, CHATD_STR(KID_OF_FIRST)), &ring.key[0]);
    assert_null(ring_find(&ring, CHATD_STR("")));
    assert_null(ring_find(&ring, CHATD_STR("0000000000000000")));
    ring_deinit(&ring);
}

static void test_pairs_sign(void **state)
{
    EVP_PKEY *const pairs[] = {rsa, ec};
    size_t i, n;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct ring ring = {.n = 0}, other = {.n = 0};

        add_pem(&ring, pairs[i], 1, true);
        add_pem(&other, pairs[i], 0, false);
        /* An ES256 signature has another number of bytes each time before it is padded. */
        for (n = 0; n < (i == 0 ? 1u : 50u); n++) {
            char *token = made(&ring);

            assert_int_equal(verify(&ring, token), CHATD_OK);
            assert_int_equal(verify(&other, token), CHATD_OK);
            token[strlen(token) - 9] ^= 1;
            assert_int_equal(verify(&ring, token), CHATD_E_INVAL);
            free(token);
        }
        ring_deinit(&ring);
        ring_deinit(&other);
    }
}

/* The current key becomes the old one, and is taken out. */
static void test_rotation(void **state)
{
    struct ring before = {.n = 0}, during = {.n = 0}, after = {.n = 0};
    char *token;

    (void)state;
    assert_int_equal(ring_add_secret(&before, FIRST, true), CHATD_OK);
    add_pem(&during, ec, 1, true);
    assert_int_equal(ring_add_secret(&during, FIRST, false), CHATD_OK);
    add_pem(&after, ec, 1, true);
    token = made(&before);
    assert_int_equal(verify(&during, token), CHATD_OK);
    assert_int_equal(verify(&after, token), CHATD_E_INVAL);
    free(token);
    token = made(&during);
    assert_int_equal(verify(&after, token), CHATD_OK);
    assert_int_equal(verify(&before, token), CHATD_E_INVAL);
    free(token);
    ring_deinit(&before);
    ring_deinit(&during);
    ring_deinit(&after);
}

static void test_which_key_a_token_names(void **state)
{
    struct ring ring = {.n = 0};
    const char *first, *second, *pair;

    (void)state;
    assert_int_equal(ring_add_secret(&ring, FIRST, true), CHATD_OK);
    assert_int_equal(ring_add_secret(&ring, SECOND, false), CHATD_OK);
    add_pem(&ring, rsa, 0, false);
    first = ring.key[0].kid;
    second = ring.key[1].kid;
    pair = ring.key[2].kid;
    assert_forged(&ring, CHATD_OK, JWT_ALG_HS256, FIRST.p, first);
    assert_forged(&ring, CHATD_OK, JWT_ALG_HS256, SECOND.p, second);
    assert_forged(&ring, CHATD_OK, JWT_ALG_HS256, FIRST.p, NULL);
    assert_forged(&ring, CHATD_OK, JWT_ALG_HS256, SECOND.p, NULL);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS256, FIRST.p, second);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS256, FIRST.p, "unknown");
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS256, FIRST.p, "");
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS384, FIRST.p, first);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS512, FIRST.p, NULL);
    /* The text of a public key is no secret. */
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS256, ring.key[2].verifies, pair);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS256, ring.key[2].verifies, NULL);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_HS256, ring.key[2].verifies, first);
    ring_deinit(&ring);
}

/* The same key by another algorithm, and without a name. */
static void test_pairs_by_other_algorithms(void **state)
{
    struct ring ring = {.n = 0};
    char *pem = make_pem(rsa, 1, 0);

    (void)state;
    add_pem(&ring, rsa, 1, true);
    assert_forged(&ring, CHATD_OK, JWT_ALG_RS256, pem, ring.key[0].kid);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_RS512, pem, ring.key[0].kid);
    assert_forged(&ring, CHATD_E_INVAL, JWT_ALG_RS256, pem, NULL);
    free(pem);
    ring_deinit(&ring);
}

static int setup(void **state)
{
    (void)state;
    rsa = make_key(2048, NULL);
    ec = make_key(0, "P-256");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_pairs_sign),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_which_key_a_token_names),
        cmocka_unit_test(test_pairs_by_other_algorithms),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
