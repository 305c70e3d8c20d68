/* SPDX-License-Identifier: MIT */
/* Takes a token apart: three parts of base64url with dots between (RFC 7515, 7.1). Pure. */
#ifndef AUTH_PARTS_H
#define AUTH_PARTS_H

#include "token.h"

struct token_parts {
    chatd_str text;                      /* what is signed: header and claims as they came */
    chatd_str header, claims, signature; /* decoded, in `bytes` */
    char bytes[TOKEN_BYTES_MAX];
};

/* False: it is no token, or one in an untidy spelling. libjwt also takes padding, bits left over that are
 * not 0 and whatever stands behind a NUL in header or claims; one token has one spelling here. */
bool parts_read(chatd_str token, struct token_parts *out);

#endif
