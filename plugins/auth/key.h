/* SPDX-License-Identifier: MIT */
/*
 * The key that signs tokens: `jwt_secret` where it is configured, else one that the first instance
 * draws and writes put-if-absent to chatd.kv, so that all instances read back the same.
 */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "token.h"

struct auth;

struct key {
    char text[TOKEN_KEY_MAX + 1];
    size_t n; /* 0: not there yet */
    bool configured;
    bool asking;         /* the store has been asked and has not answered */
    const char *missing; /* why there is no key, for the operator */
    uint32_t backoff_ms;
};

/* [init] Says what is wrong with a configured key. CHATD_OK or CHATD_E_INVAL. */
int key_check_config(struct auth *a);

/* [start] Takes the configured key, or begins to ask the store. CHATD_E_STATE, after a log line:
 * there is neither. */
int key_start(struct auth *a);

/* [loop] Makes sure that the store still has our key: it may have lost it while it was away. */
void key_refresh(struct auth *a);

/* The key, empty while it is not there. */
chatd_str key_get(const struct auth *a);

void key_deinit(struct key *key);

#endif
