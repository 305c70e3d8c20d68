/* SPDX-License-Identifier: MIT */
/*
 * Signing out everywhere: the entry auth-since[user] is a time in milliseconds, and a token that was
 * made with an older one in the entry is revoked (token.h: since_ms). What this worker lately learnt
 * of it is kept here. Pure.
 */
#ifndef AUTH_SINCE_H
#define AUTH_SINCE_H

#include "revoked.h"
#include "token.h"

/* Users remembered; the one learnt longest ago gives way, and is looked up again. */
#define SINCE_ROWS_MAX 10000u

#define SINCE_TEXT_BYTES 24u

struct since_row;

/* Zero is an empty one. */
struct since {
    struct since_row *rows;
};

/* What an entry learnt within REVOKED_CACHE_MS says of a token; now_ms < 0: however old it is. */
enum revoked_state since_get(const struct since *since, const struct token_claims *claims,
                             int64_t now_ms);

/* Notes what the entry holds (0: there is none). Entries grow: of two within REVOKED_CACHE_MS the
 * greater counts, so that an answer that was under way while the news came changes nothing. Later the
 * store may have been emptied. */
void since_note(struct since *since, const char *user, int64_t since_ms, int64_t now_ms);

/* Believes no entry of `user` (NULL: of anybody) to be the latest any more. */
void since_doubt(struct since *since, const char *user);

void since_deinit(struct since *since);

/* The text of an entry; reads it, false: it is something else. */
chatd_str since_write(int64_t since_ms, char out[SINCE_TEXT_BYTES]);
bool since_read(chatd_str text, int64_t *since_ms_out);

#endif
