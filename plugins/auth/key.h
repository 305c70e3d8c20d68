/* SPDX-License-Identifier: MIT */
/*
 * The keys of tokens. The one that signs is configured, or one that the first instance draws and
 * writes put-if-absent to chatd.kv, so that all instances read back the same. Beside it stand
 * those of `jwt_old_secret` and `jwt_old_key_file`, which verify until they are taken out.
 */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "ring.h"

struct auth;
struct auth_config;

struct key {
    struct ring ring;
    bool configured;     /* the key that signs is; else chatd.kv has it */
    bool asking;         /* the store has been asked and has not answered */
    const char *missing; /* why there is no key, for the operator */
    uint32_t backoff_ms;
};

/* [init] Reads the configured keys. CHATD_OK or, after a log line, CHATD_E_INVAL. */
int key_init(struct auth *a);

/* [start] Begins to ask the store where no key is configured. CHATD_E_STATE, after a log line:
 * there is neither. */
int key_start(struct auth *a);

/* [loop] Takes over the keys of new options. An error, after a log line: all stays as it was. */
int key_reload(struct auth *a, const struct auth_config *fresh);

/* [loop] Makes sure that the store still has our key: it may have lost it while it was away. */
void key_refresh(struct auth *a);

/* The keys to verify with; the first one signs once key_ready(). Good until the loop's turn ends. */
const struct ring *key_get(const struct auth *a);
bool key_ready(const struct auth *a);

void key_deinit(struct key *key);

#endif
