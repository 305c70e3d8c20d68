/* SPDX-License-Identifier: MIT */
/* The keys that the options name, from the INI, the environment and files. */
#ifndef AUTH_KEYLOAD_H
#define AUTH_KEYLOAD_H

#include "auth.h"

/* [init, loop] Reads all of them; files are read here and nowhere else. CHATD_OK: *ring_out is the
 * caller's, without a signer when no key is configured. CHATD_E_INVAL, after a line in the log. */
int keyload(struct auth *a, const struct auth_config *config, struct ring *ring_out);

/* True: one of the options names the current key. */
bool keyload_has_signer(const struct auth_config *config);

#endif
