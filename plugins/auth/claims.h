/* SPDX-License-Identifier: MIT */
/* What a token's claims must say, whoever verified its signature. Pure. */
#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include "token.h"

#include <chatd/fields.h>

/* The end of the year 9999: later times are nonsense and would overflow as milliseconds. */
#define CLAIMS_TIME_MAX_S INT64_C(253402300799)

#define CLAIM_SINCE "chatd_since"
#define CLAIM_RENEW "chatd_renew"

bool claims_user_ok(chatd_str user);
bool claims_jti_ok(chatd_str jti);

/* NULL, or what is wrong (a literal). */
const char *claims_read(const struct chatd_fields *claims, const struct token_clock *clock,
                        struct token_claims *out);

#endif
