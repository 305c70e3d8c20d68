/* SPDX-License-Identifier: MIT */
/* Tokens: JSON Web Tokens signed with HS256, RS256 or ES256. Pure: time, keys and randomness come from the
 * caller. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "names.h"
#include "ring.h"

#define TOKEN_BYTES_MAX 4096u
#define TOKEN_JTI_MAX   128u

/* What a valid token says. */
struct token_claims {
    char user[NAME_FIELD_MAX + 1]; /* sub */
    char jti[TOKEN_JTI_MAX + 1];   /* the name it is revoked by */
    int64_t expires_s;             /* exp, seconds since 1970; once verified, with the leeway */
    /* chatd_since: what auth-since held for the user before the token was made (since.h). iat would
     * not do: it has whole seconds, and clocks differ. Of a token without it: iat less the leeway, by
     * which the clock of who made it may be ahead, or 0. */
    int64_t since_ms;
    bool is_own;      /* it has chatd_since: an instance of chatd made it */
    int64_t issued_s; /* iat; 0: not there */
    int64_t renew_s;  /* chatd_renew: until when the token may be renewed; 0: it may not */
};

/* What time it is, and by how much the clock of who made the token may differ. */
struct token_clock {
    int64_t now_s, leeway_s;
};

/* Signs a token that says `claims` and was made at now_s with the current key, and names the key in
 * it. CHATD_E_INVAL: there is none, or a claim would not pass token_verify(). *token_out is the
 * caller's: wipe it, then free() it. */
int token_make(const struct ring *ring, const struct token_claims *claims, int64_t now_s,
               char **token_out);

/* Verifies signature, algorithm, times and the types of all claims. The key is the one that the
 * token names; one that names none is tried with the HS256 keys. CHATD_E_INVAL: not a valid token,
 * with the reason for a debug line in *why_out (a literal). */
int token_verify(const struct ring *ring, chatd_str token, const struct token_clock *clock,
                 struct token_claims *claims_out, const char **why_out);

/* The same without hs256.h, whatever the token: for tests, which compare the two. */
int token_verify_over_jwt(const struct ring *ring, chatd_str token, const struct token_clock *clock,
                          struct token_claims *claims_out, const char **why_out);

#endif
