/* SPDX-License-Identifier: MIT */
/* Whether a token is good: the part that is known at once, and the service chatd.auth. */
#ifndef AUTH_CHECK_H
#define AUTH_CHECK_H

#include "auth.h"
#include "token.h"

enum check {
    CHECK_GOOD = 0,
    CHECK_BAD = 1,    /* forged, expired, revoked */
    CHECK_NO_KEY = 2, /* nothing to verify with yet */
    CHECK_ASK = 3     /* good unless the store knows it as revoked: revoke_ask() */
};

/* [loop] Fills *claims_out for CHECK_GOOD and CHECK_ASK. */
enum check check_token(struct auth *a, chatd_str token, struct token_claims *claims_out);

/* [init] Offers chatd.auth. */
int check_offer_service(struct auth *a);

/* [stop] Calls back, with CHATD_E_CANCELLED, whoever has no answer yet. */
void check_deinit(struct auth *a);

#endif
