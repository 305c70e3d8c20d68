/* SPDX-License-Identifier: MIT */
/* The signature that a receiver knows this server by. */
#ifndef WEBHOOK_SIGN_H
#define WEBHOOK_SIGN_H

#include <chatd/abi.h>

#define SIGN_BYTES 96 /* of the value of the header, with its NUL */

/* Writes "t=SECONDS,v1=HEX": HMAC-SHA256 (RFC 2104), keyed with `secret`, of "SECONDS.BODY". The time is signed too, so that
 * a receiver can refuse what somebody recorded and sends again. */
void sign(const char *secret, int64_t unix_s, chatd_str body, char out[SIGN_BYTES]);

#endif
