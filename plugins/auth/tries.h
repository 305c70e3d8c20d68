/* SPDX-License-Identifier: MIT */
/*
 * Tries that other workers let pass, and ours told to them, over chatd.bus: so that the limits hold
 * for all together. A hint: what is lost or on its way is not counted.
 *
 *     KIND SENDER WHOM       one letter, 16 hex digits, an address or the bucket of guess.h
 */
#ifndef AUTH_TRIES_H
#define AUTH_TRIES_H

#include "entry.h"
#include "guess.h"

#define TRIES_SENDER_BYTES 17u
#define TRIES_DATA_BYTES   (2u + TRIES_SENDER_BYTES + GUESS_KEY_BYTES)

/* A login or registration of an address that may go on, and a password of an account that was wrong. */
enum try_kind { TRY_LOGIN = 'l', TRY_REGISTER = 'r', TRY_GUESS = 'g' };

struct try_news {
    enum try_kind kind;
    char sender[TRIES_SENDER_BYTES]; /* who counted it already */
    char whom[GUESS_KEY_BYTES];
};

/* [start] Listens to the others. */
int tries_start(struct auth *a);
void tries_stop(struct auth *a);

/* [loop] A try was counted here. */
void tries_tell(struct auth *a, enum try_kind kind, const char *whom);

/* Pure. Writes the text into `out`; reads it, false: it is something else. */
chatd_str tries_write(const struct try_news *news, char out[TRIES_DATA_BYTES]);
bool tries_read(chatd_str data, struct try_news *out);

#endif
