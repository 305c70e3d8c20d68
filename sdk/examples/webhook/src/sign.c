/* SPDX-License-Identifier: MIT */
/* HMAC-SHA256 of a request, by nettle. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* explicit_bzero */
#endif
#include "sign.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>

void sign(const char *secret, int64_t unix_s, chatd_str body, char out[SIGN_BYTES])
{
    struct hmac_sha256_ctx hmac;
    uint8_t digest[SHA256_DIGEST_SIZE];
    char head[24];
    int n = snprintf(head, sizeof(head), "%" PRId64 ".", unix_s);
    int at = snprintf(out, SIGN_BYTES, "t=%" PRId64 ",v1=", unix_s);
    size_t i;

    hmac_sha256_set_key(&hmac, strlen(secret), (const uint8_t *)secret);
    hmac_sha256_update(&hmac, (size_t)n, (const uint8_t *)head);
    hmac_sha256_update(&hmac, body.n, (const uint8_t *)body.p);
    hmac_sha256_digest(&hmac, sizeof(digest), digest);
    for (i = 0; i < sizeof(digest); i++)
        at += snprintf(out + at, SIGN_BYTES - (size_t)at, "%02x", digest[i]);
    explicit_bzero(&hmac, sizeof(hmac)); /* the key is in it */
}
