/* SPDX-License-Identifier: MIT */
/* Tests of PEM files: which keys are taken, and what is said about the others. */
#include "pem.h"

#include "make_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static struct ring ring;
static char why[PEM_WHY_BYTES];
static EVP_PKEY *rsa, *ec;

static int read_text(const char *text, bool signs)
{
    ring_deinit(&ring);
    why[0] = '\0';
    return pem_read(&ring, (chatd_str){text, strlen(text)}, signs, why);
}

static int read_pem(EVP_PKEY *pkey, int with_private, int with_public, bool signs)
{
    char *text = make_pem(pkey, with_private, with_public);
    int rc = read_text(text, signs);

    free(text);
    return rc;
}

static void test_signers(void **state)
{
    (void)state;
    assert_int_equal(read_pem(rsa, 1, 0, true), CHATD_OK);
    assert_true(ring.has_signer);
    assert_int_equal(ring.n, 1);
    assert_int_equal(ring.key[0].alg, RING_RS256);
    assert_int_equal(strlen(ring.key[0].kid), RING_KID_CHARS);
    assert_non_null(strstr(ring.key[0].verifies, "BEGIN PUBLIC KEY"));
    assert_non_null(strstr(ring.key[0].signs, "BEGIN PRIVATE KEY"));
    assert_int_equal(read_pem(ec, 1, 1, true), CHATD_OK);
    assert_int_equal(ring.n, 1);
    assert_int_equal(ring.key[0].alg, RING_ES256);
}

/* Whoever has only the public half calls it by the same name. */
static void test_halves_have_one_kid(void **state)
{
    char kid[RING_KID_CHARS + 1];

    (void)state;
    assert_int_equal(read_pem(ec, 1, 0, true), CHATD_OK);
    memcpy(kid, ring.key[0].kid, sizeof(kid));
    assert_int_equal(read_pem(ec, 0, 1, false), CHATD_OK);
    assert_string_equal(ring.key[0].kid, kid);
    assert_null(ring.key[0].signs);
    assert_false(ring.has_signer);
    assert_int_equal(read_pem(rsa, 0, 1, false), CHATD_OK);
    assert_string_not_equal(ring.key[0].kid, kid);
}

static void test_several(void **state)
{
    char *a = make_pem(rsa, 1, 0), *b = make_pem(ec, 0, 1), both[8192];

    (void)state;
    snprintf(both, sizeof(both), "A note.\n%s\nAnother.\n%s%s", a, b, b);
    free(a);
    free(b);
    assert_int_equal(read_text(both, false), CHATD_OK);
    assert_int_equal(ring.n, 2);
    assert_null(ring.key[0].signs);
}

static void refused(int rc, const char *part)
{
    assert_int_equal(rc, CHATD_E_INVAL);
    if (strstr(why, part) == NULL)
        fail_msg("`%s` does not say `%s`", why, part);
}

static void refuse_key(size_t bits, const char *curve, const char *part)
{
    EVP_PKEY *pkey = make_key(bits, curve);

    refused(read_pem(pkey, 1, 0, true), part);
    refused(read_pem(pkey, 0, 1, false), part);
    EVP_PKEY_free(pkey);
}

static void test_weak_and_other_keys(void **state)
{
    EVP_PKEY *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    (void)state;
    refuse_key(1024, NULL, "an RSA key of 1024 bits; it needs 2048 to 4096");
    refuse_key(0, "P-384", "whose curve is secp384r1; ES256 is made with P-256");
    refuse_key(0, "secp256k1", "whose curve is secp256k1");
    refused(read_pem(edwards, 1, 0, true), "neither RSA nor");
    EVP_PKEY_free(edwards);
}

static void test_which_one_signs(void **state)
{
    char *a = make_pem(rsa, 1, 0), *b = make_pem(ec, 1, 0), both[8192];

    (void)state;
    snprintf(both, sizeof(both), "%s%s", a, b);
    free(a);
    free(b);
    refused(read_text(both, true), "more than one private key");
    refused(read_pem(ec, 0, 1, true), "only the public half");
}

static void test_a_key_with_a_password(void **state)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, text[4096];
    long n;

    (void)state;
    PEM_write_bio_PKCS8PrivateKey(bio, ec, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    n = BIO_get_mem_data(bio, &data);
    snprintf(text, sizeof(text), "%.*s", (int)n, data);
    refused(read_text(text, true), "a password");
    (void)BIO_reset(bio);
    PEM_write_bio_PrivateKey_traditional(bio, rsa, EVP_aes_128_cbc(), (unsigned char *)"secret", 6,
                                         NULL, NULL);
    n = BIO_get_mem_data(bio, &data);
    snprintf(text, sizeof(text), "%.*s", (int)n, data);
    refused(read_text(text, true), "a password");
    BIO_free(bio);
}

static void test_what_is_no_key(void **state)
{
    char *pem = make_pem(ec, 1, 0);
    size_t n = strlen(pem);

    (void)state;
    refused(read_text("", true), "is no PEM file");
    refused(read_text("a secret of some length, but no key", true), "is no PEM file");
    refused(read_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", false),
            "cannot read");
    refused(read_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", false),
            "`CERTIFICATE`");
    /* Cut anywhere: never a key, never a crash. The newline at the end may be missing. */
    while (--n > 0) {
        pem[n] = '\0';
        if (n < strlen(pem) - 1 || strstr(pem, "END PRIVATE KEY-----") == NULL)
            refused(read_text(pem, true), "");
    }
    free(pem);
}

static void test_as_many_as_there_may_be(void **state)
{
    char all[16384] = "";
    unsigned i;

    (void)state;
    for (i = 0; i < RING_KEYS_MAX; i++) {
        EVP_PKEY *pkey = make_key(0, "P-256");
        char *pem = make_pem(pkey, 0, 1);

        if (i == RING_KEYS_MAX - 1) {
            assert_int_equal(read_text(all, false), CHATD_OK);
            /* One place is kept. */
            assert_int_equal(
                ring_add_secret(&ring, CHATD_STR("0123456789abcdef0123456789abcdef"), true),
                CHATD_OK);
        }
        strncat(all, pem, sizeof(all) - strlen(all) - 1);
        free(pem);
        EVP_PKEY_free(pkey);
    }
    refused(read_text(all, false), "more keys than there may be");
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
    ring_deinit(&ring);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signers),         cmocka_unit_test(test_halves_have_one_kid),
        cmocka_unit_test(test_several),         cmocka_unit_test(test_weak_and_other_keys),
        cmocka_unit_test(test_which_one_signs), cmocka_unit_test(test_a_key_with_a_password),
        cmocka_unit_test(test_what_is_no_key),  cmocka_unit_test(test_as_many_as_there_may_be),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
