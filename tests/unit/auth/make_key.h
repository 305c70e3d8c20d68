/* SPDX-License-Identifier: MIT */
/* Key pairs as PEM, drawn anew by OpenSSL. */
#ifndef AUTH_MAKE_KEY_H
#define AUTH_MAKE_KEY_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

/* `bits` of RSA or, when 0, a key on `curve`. */
static EVP_PKEY *make_key(size_t bits, const char *curve)
{
    EVP_PKEY *pkey = bits > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits)
                              : EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);

    if (pkey == NULL)
        abort();
    return pkey;
}

/* Its halves as text, one after the other; the caller's. */
static char *make_pem(EVP_PKEY *pkey, int with_private, int with_public)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *text;
    long n;

    if (with_private)
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    if (with_public)
        PEM_write_bio_PUBKEY(bio, pkey);
    n = BIO_get_mem_data(bio, &data);
    text = calloc(1, (size_t)n + 1);
    memcpy(text, data, (size_t)n);
    BIO_free(bio);
    return text;
}

#endif
