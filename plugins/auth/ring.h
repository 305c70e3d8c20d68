/* SPDX-License-Identifier: MIT */
/*
 * The keys of tokens: one that signs, and those that only verify what was signed before. Each has a
 * `kid`, made from the key itself, so that nobody has to agree on names. Pure.
 */
#ifndef AUTH_RING_H
#define AUTH_RING_H

#include <chatd/abi.h>

#include <nettle/hmac.h>
#include <stdbool.h>

#define RING_KEYS_MAX  8u
#define RING_KID_CHARS 16u /* 64 bits in hex: enough to tell a handful apart */

/* A shorter key than the hash's output can be guessed off line (RFC 7518, section 3.2). */
#define RING_SECRET_MIN 32u
#define RING_SECRET_MAX 1024u

enum ring_alg { RING_HS256 = 0, RING_RS256 = 1, RING_ES256 = 2 };

struct ring_key {
    enum ring_alg alg;
    char kid[RING_KID_CHARS + 1];
    char *signs;    /* HS256: the secret; else the private half as PEM. NULL: it only verifies */
    char *verifies; /* HS256: the secret again; else the public half as PEM */
    struct hmac_sha256_ctx *hmac; /* HS256: with the secret in it, to be copied; else NULL */
};

/* Zero is an empty one. Those that came first are tried first. */
struct ring {
    struct ring_key key[RING_KEYS_MAX];
    unsigned n;
    bool has_signer; /* which is key[0] */
};

/* Its length is right, and it has no NUL. */
bool ring_secret_ok(chatd_str secret);

/* Adds a secret. `signs`: it is the current key, and comes first. CHATD_E_INVAL: see
 * ring_secret_ok(), or there is a current key; CHATD_E_BUSY: there are as many as there may be; CHATD_E_EXISTS:
 * it is there already. */
int ring_add_secret(struct ring *ring, chatd_str secret, bool signs);

/* The same for the halves of a key pair, which it takes over, also when it fails. */
int ring_add_pair(struct ring *ring, struct ring_key *key, bool signs);

/* Takes the current key out, if there is one. */
void ring_remove_signer(struct ring *ring);

/* The key that a token names. NULL: nobody knows it. */
const struct ring_key *ring_find(const struct ring *ring, chatd_str kid);

const char *ring_alg_name(enum ring_alg alg);

/* Hex of the first bytes of `digest`. */
void ring_kid(const unsigned char *digest, char out[RING_KID_CHARS + 1]);

/* Wipes and frees. */
void ring_key_deinit(struct ring_key *key);
void ring_deinit(struct ring *ring);

#endif
