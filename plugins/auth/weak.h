/* SPDX-License-Identifier: MIT */
/*
 * Passwords that a guesser tries early, found by libcrack2 and its dictionary. It reads files and
 * keeps its place in static buffers, so it runs in the plugin's own IO thread, one call after the
 * other, and never on the loop.
 */
#ifndef AUTH_WEAK_H
#define AUTH_WEAK_H

#include "auth.h"

/* `why` is NULL for a password to which there is no objection, else what libcrack2 says of it: the
 * rest of a sentence that begins with the password. */
typedef void (*weak_cb)(struct auth *a, int rc, const char *why, void *arg);

/* [start] Looks for the dictionary, and says so once when there is none. */
int weak_start(struct auth *a);

/* [loop] Asks about a password of 8 to 72 bytes for the account `user`. CHATD_OK: `cb` comes later. 1:
 * nobody wants to know (`password_check = off`). CHATD_E_BUSY, and no callback: the queue is full.
 * Without a dictionary every password is good. */
int weak_ask(struct auth *a, const char *password, const char *user, weak_cb cb, void *arg);

#endif
