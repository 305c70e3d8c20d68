/* SPDX-License-Identifier: MIT */
/* The cookie `token` and the Authorization header: how a token travels. Pure. */
#ifndef AUTH_COOKIE_H
#define AUTH_COOKIE_H

#include <chatd/abi.h>

#include <stdbool.h>

#define COOKIE_NAME      "token"
#define COOKIE_BYTES_MAX 4224u

/* Writes the value of a Set-Cookie header that a browser keeps for max_age_s seconds. An empty
 * token with 0 seconds clears it. CHATD_E_INVAL: it does not fit. */
int cookie_write(const char *token, int64_t max_age_s, bool secure, char out[COOKIE_BYTES_MAX]);

/* The token of an Authorization header. CHATD_E_NOTFOUND: another scheme, or an empty token. */
int bearer_token(chatd_str header, chatd_str *token_out);

#endif
