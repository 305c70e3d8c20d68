/* SPDX-License-Identifier: MIT */
/* Key pairs from PEM, over OpenSSL, which libjwt signs with. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "pem.h"

#include "auth.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    char *name, *header;
    unsigned char *data;
    long n;
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What is wrong with the kind of key, or NULL. */
static const char *kind_of(EVP_PKEY *pkey, enum ring_alg *alg_out, char why[PEM_WHY_BYTES])
{
    char curve[64] = "";
    int bits = EVP_PKEY_get_bits(pkey);

    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        *alg_out = RING_RS256;
        if (bits >= PEM_RSA_BITS_MIN && bits <= PEM_RSA_BITS_MAX)
            return NULL;
        snprintf(why, PEM_WHY_BYTES, "has an RSA key of %d bits; it needs %d to %d", bits,
                 PEM_RSA_BITS_MIN, PEM_RSA_BITS_MAX);
        return why;
    case EVP_PKEY_EC:
        *alg_out = RING_ES256;
        if (EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) == 1 &&
            strcmp(curve, "prime256v1") == 0)
            return NULL;
        snprintf(why, PEM_WHY_BYTES, "has a key whose curve is %s; ES256 is made with P-256",
                 curve[0] != '\0' ? curve : "one without a name");
        return why;
    default:
        return "has a key that is neither RSA nor on the curve P-256";
    }
}

/* The text of a memory BIO, which it frees; NULL: there was an error. */
static char *text_of(BIO *bio, int written)
{
    char *data, *text = NULL;
    long n = BIO_get_mem_data(bio, &data);

    if (written == 1 && n > 0) {
        text = auth_alloc((size_t)n + 1);
        memcpy(text, data, (size_t)n);
        OPENSSL_cleanse(data, (size_t)n);
    }
    BIO_free(bio);
    return text;
}

static BIO *bio_new(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL)
        abort();
    return bio;
}

/* Both halves as libjwt reads them; the kid is of the public one, so that it is the same for who
 * has only that. */
static bool fill(EVP_PKEY *pkey, bool is_private, struct ring_key *key)
{
    unsigned char digest[SHA256_DIGEST_LENGTH], *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);
    BIO *bio = bio_new();

    if (n > 0)
        ring_kid(SHA256(der, (size_t)n, digest), key->kid);
    OPENSSL_free(der);
    key->verifies = text_of(bio, PEM_write_bio_PUBKEY(bio, pkey));
    if (is_private) {
        bio = bio_new();
        key->signs = text_of(bio, PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL));
    }
    return n > 0 && key->verifies != NULL && (!is_private || key->signs != NULL);
}

static const char *add(struct ring *ring, EVP_PKEY *pkey, bool is_private, bool signs,
                       char why[PEM_WHY_BYTES])
{
    struct ring_key key = {.kid = ""};
    const char *problem = kind_of(pkey, &key.alg, why);

    if (problem != NULL)
        return problem;
    if (!fill(pkey, is_private, &key)) {
        ring_key_deinit(&key);
        return "has a key that OpenSSL cannot use";
    }
    switch (ring_add_pair(ring, &key, signs)) {
    case CHATD_E_BUSY:
        return "has more keys than there may be: take out those whose tokens have ended";
    case CHATD_E_INVAL:
        return "has more than one private key: which of them signs? Move the others to the file of "
               "jwt_old_key_file";
    default: /* one that is there already is no harm */
        return NULL;
    }
}

static const char *read_block(struct ring *ring, const struct block *block, bool signs,
                              char why[PEM_WHY_BYTES])
{
    const unsigned char *p = block->data;
    bool is_private = ends_with(block->name, "PRIVATE KEY");
    const char *problem;
    EVP_PKEY *pkey;

    /* openssl ecparam writes these before the key; and a public half beside the private one is no harm. */
    if (strcmp(block->name, "EC PARAMETERS") == 0 ||
        (signs && strcmp(block->name, "PUBLIC KEY") == 0))
        return NULL;
    if (strcmp(block->name, "ENCRYPTED PRIVATE KEY") == 0 || block->header[0] != '\0')
        return "has a key with a password, and nobody is there to type it: "
               "`openssl pkey -in FILE -out PLAIN` takes it off";
    if (is_private) {
        pkey = d2i_AutoPrivateKey(NULL, &p, block->n);
    } else if (strcmp(block->name, "PUBLIC KEY") == 0) {
        pkey = d2i_PUBKEY(NULL, &p, block->n);
    } else {
        snprintf(why, PEM_WHY_BYTES, "has a `%.40s`, which is no key that tokens are signed with",
                 block->name);
        return why;
    }
    if (pkey == NULL)
        return "has a key that OpenSSL cannot read";
    problem = add(ring, pkey, is_private, signs, why);
    EVP_PKEY_free(pkey);
    return problem;
}

int pem_read(struct ring *ring, chatd_str text, bool signs, char why_out[PEM_WHY_BYTES])
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    const char *problem = NULL;
    struct block block;
    unsigned blocks = 0;

    if (bio == NULL)
        abort();
    while (problem == NULL &&
           PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.n) == 1) {
        blocks++;
        problem = read_block(ring, &block, signs, why_out);
        explicit_bzero(block.data, (size_t)block.n);
        OPENSSL_free(block.name);
        OPENSSL_free(block.header);
        OPENSSL_free(block.data);
    }
    if (problem == NULL &&
        (blocks == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
        problem = "is no PEM file, or a part of one: it begins with -----BEGIN";
    else if (problem == NULL && signs && !ring->has_signer)
        problem =
            "has only the public half of a key, which cannot sign: name it in jwt_old_key_file";
    ERR_clear_error();
    BIO_free(bio);
    if (problem != NULL && problem != why_out)
        snprintf(why_out, PEM_WHY_BYTES, "%s", problem);
    return problem == NULL ? CHATD_OK : CHATD_E_INVAL;
}
