/* SPDX-License-Identifier: MIT */
/*
 * Verifies the tokens that nearly all are: signed with HS256, with nothing strange in them. That costs a tenth of
 * what libjwt takes, and each WebSocket and each request with a login pays for it. What this takes
 * or refuses, libjwt takes or refuses; the rest is left to it. Pure.
 */
#ifndef AUTH_HS256_H
#define AUTH_HS256_H

#include "parts.h"

enum hs256 { HS256_GOOD, HS256_BAD, HS256_UNUSUAL };

/* As token_verify(). HS256_UNUSUAL: nothing is said of it. */
enum hs256 hs256_verify(const struct ring *ring, const struct token_parts *parts,
                        const struct token_clock *clock, struct token_claims *claims_out,
                        const char **why_out);

#endif
