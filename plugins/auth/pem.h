/* SPDX-License-Identifier: MIT */
/* Key pairs from the text of a PEM file: RSA for RS256, P-256 for ES256. Pure. */
#ifndef AUTH_PEM_H
#define AUTH_PEM_H

#include "ring.h"

/* Below, RSA can be broken (RFC 7518, section 3.3); above, one signature holds up a worker for
 * longer than a message may wait. */
#define PEM_RSA_BITS_MIN 2048
#define PEM_RSA_BITS_MAX 4096

#define PEM_WHY_BYTES 200u

/* Adds every key of the file. `signs`: it holds one, which has a private half and is the current
 * key. CHATD_E_INVAL, with what is wrong in why_out, as the end of a sentence that begins with the
 * file's name; the ring may have some of the keys then. */
int pem_read(struct ring *ring, chatd_str text, bool signs, char why_out[PEM_WHY_BYTES]);

#endif
