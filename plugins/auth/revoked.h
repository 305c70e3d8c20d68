/* SPDX-License-Identifier: MIT */
/* What this worker lately learnt about tokens: revoked, or looked up and not revoked. Pure. */
#ifndef AUTH_REVOKED_H
#define AUTH_REVOKED_H

#include <stdint.h>

/* Tokens remembered; the one learnt longest ago gives way, and is looked up again. */
#define REVOKED_ROWS_MAX 10000u

/* How long "not revoked" is believed without asking the store again. */
#define REVOKED_CACHE_MS 5000

enum revoked_state { REVOKED_UNKNOWN = 0, REVOKED_NO = 1, REVOKED_YES = 2 };

struct revoked_row;

/* Zero is an empty one. */
struct revoked {
    struct revoked_row *rows;
};

enum revoked_state revoked_get(const struct revoked *revoked, const char *jti, int64_t now_ms);

/* Notes what was learnt, to be believed for keep_ms. A revoked token stays so for its time: an
 * answer that was under way while the news came changes nothing. */
void revoked_note(struct revoked *revoked, const char *jti, enum revoked_state state,
                  int64_t now_ms, int64_t keep_ms);

/* Forgets every REVOKED_NO: news may have been missed. */
void revoked_doubt(struct revoked *revoked);

void revoked_deinit(struct revoked *revoked);

#endif
