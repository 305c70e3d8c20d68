/* SPDX-License-Identifier: MIT */
/* The cookie `token` and the Authorization header. */
#define _DEFAULT_SOURCE 1 /* strncasecmp */
#include "cookie.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

int cookie_write(const char *token, int64_t max_age_s, bool secure, char out[COOKIE_BYTES_MAX])
{
    int n = snprintf(out, COOKIE_BYTES_MAX,
                     COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%" PRId64 "%s",
                     token, max_age_s, secure ? "; Secure" : "");

    return n > 0 && n < (int)COOKIE_BYTES_MAX ? CHATD_OK : CHATD_E_INVAL;
}

int bearer_token(chatd_str header, chatd_str *token_out)
{
    static const char scheme[] = "Bearer ";
    chatd_str rest;

    if (header.n < sizeof(scheme) - 1 || strncasecmp(header.p, scheme, sizeof(scheme) - 1) != 0)
        return CHATD_E_NOTFOUND;
    rest.p = header.p + (sizeof(scheme) - 1);
    rest.n = header.n - (sizeof(scheme) - 1);
    while (rest.n > 0 && rest.p[0] == ' ') {
        rest.p++;
        rest.n--;
    }
    if (rest.n == 0)
        return CHATD_E_NOTFOUND;
    *token_out = rest;
    return CHATD_OK;
}
