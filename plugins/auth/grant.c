/* SPDX-License-Identifier: MIT */
/* Giving somebody a token. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "grant.h"

#include "answer.h"
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JTI_BYTES 16

static int make_token(struct auth *a, const char *user, int64_t since_ms, int64_t ttl_s,
                      char **token_out)
{
    unsigned char random[JTI_BYTES];
    struct token_claims claims = {.is_own = true, .since_ms = since_ms};
    int64_t now_s = chatd_wall_ms(a->self) / 1000;
    size_t i;

    chatd_random(a->self, random, sizeof(random));
    for (i = 0; i < sizeof(random); i++)
        snprintf(claims.jti + 2 * i, 3, "%02x", random[i]);
    snprintf(claims.user, sizeof(claims.user), "%s", user);
    claims.expires_s = now_s + ttl_s;
    if (auth_config(a)->session_max_ms > 0)
        claims.renew_s = now_s + auth_config(a)->session_max_ms / 1000;
    return token_make(key_get(a), &claims, now_s, token_out);
}

int grant_token(struct auth *a, chatd_req req, const char *user, int64_t since_ms)
{
    const int64_t ttl_s = auth_config(a)->token_ttl_ms / 1000;
    char body[TOKEN_BYTES_MAX + 16];
    char *token = NULL;
    int rc = make_token(a, user, since_ms, ttl_s, &token);

    if (rc < 0)
        return rc;
    /* base64url and dots: nothing to escape. */
    snprintf(body, sizeof(body), "{\"token\":\"%s\"}", token);
    rc = answer_cookie(a, req, 200, body, token, ttl_s, 0);
    explicit_bzero(body, sizeof(body));
    explicit_bzero(token, strlen(token));
    free(token);
    return rc;
}
