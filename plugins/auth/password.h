/* SPDX-License-Identifier: MIT */
/* Passwords: their length, bcrypt hashes made and verified with libxcrypt. Pure, and slow: the
 * functions tagged [pool] belong into a job. */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include <chatd/abi.h>

#include <stdbool.h>

/* A new password: bcrypt reads no further than 72 bytes, and a tail that does not count would be a
 * lie to its owner. One that is tried may be longer: accounts taken over from elsewhere have some,
 * and libxcrypt takes up to 511 bytes. */
#define PASSWORD_NEW_MIN 8u
#define PASSWORD_NEW_MAX 72u
#define PASSWORD_TRY_MAX 511u

#define PASSWORD_SALT_BYTES 16u
#define PASSWORD_HASH_CHARS 60u

/* Stored hashes above this cost are refused: each step doubles the time, 17 takes about ten
 * seconds, and a job must end. */
#define PASSWORD_COST_MIN 4u
#define PASSWORD_COST_MAX 16u

/* True if `password` may be chosen for a new account. */
bool password_new_ok(chatd_str password);

/* True if `password` can be given to crypt at all. */
bool password_try_ok(chatd_str password);

/* True for a bcrypt hash that can be verified: `$2a$`, `$2b$` or `$2y$` with a cost in bounds.
 * libxcrypt would also verify DES and MD5; nothing here ever stored such a thing. */
bool password_hash_known(chatd_str hash, unsigned *cost_out);

/* True if a hash that password_hash_known() took should be replaced by `$2b$` of this cost. */
bool password_needs_rehash(const char *hash, unsigned cost);

/* [pool] Hashes with `$2b$`. CHATD_E_INVAL: libxcrypt refused. */
int password_hash(const char *password, unsigned cost, const unsigned char *salt,
                  char out[PASSWORD_HASH_CHARS + 1]);

/* [pool] True if `password` gives `hash`, which password_hash_known() took. */
bool password_verify(const char *password, const char *hash);

/* [pool] Computes and throws away hashes so that a try against a hash of cost `from` takes as long
 * as one of cost `to`: 2^from + 2^from + 2^(from+1) + ... + 2^(to-1) is 2^to. `from` 0: the
 * whole. */
void password_spend(const char *password, unsigned from, unsigned to);

#endif
