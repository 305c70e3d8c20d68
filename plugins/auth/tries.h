/* SPDX-License-Identifier: MIT */
/*
 * Tries that other workers let pass, and ours told to them, over chatd.bus: so that the limits by
 * address hold for all together. A hint: what is lost or on its way is not counted.
 *
 *     KIND SENDER ADDRESS       one letter, 16 hex digits, text without blanks
 */
#ifndef AUTH_TRIES_H
#define AUTH_TRIES_H

#include "entry.h"

#define TRIES_SENDER_BYTES 17u
#define TRIES_DATA_BYTES   (2u + TRIES_SENDER_BYTES + ENTRY_ADDRESS_BYTES)

enum try_kind { TRY_LOGIN = 'l', TRY_REGISTER = 'r' };

struct try_news {
    enum try_kind kind;
    char sender[TRIES_SENDER_BYTES]; /* who counted it already */
    char address[ENTRY_ADDRESS_BYTES];
};

/* [start] Listens to the others. */
int tries_start(struct auth *a);
void tries_stop(struct auth *a);

/* [loop] A try of `address` was counted here and may go on. */
void tries_tell(struct auth *a, enum try_kind kind, const char *address);

/* Pure. Writes the text into `out`; reads it, false: it is something else. */
chatd_str tries_write(const struct try_news *news, char out[TRIES_DATA_BYTES]);
bool tries_read(chatd_str data, struct try_news *out);

#endif
