/* SPDX-License-Identifier: MIT */
/* What this worker lately learnt about tokens: a table by jti with a cap. */
#include "revoked.h"

#include "auth.h"
#include "table.h"
#include "token.h"

#include <stdio.h>

struct revoked_row {
    char jti[TOKEN_JTI_MAX + 1];
    enum revoked_state state;
    int64_t until_ms;
    UT_hash_handle hh;
};

static void drop(struct revoked *revoked, struct revoked_row *row)
{
    /* The last one frees the table, and the head is NULL then: the analyzer takes it for a use after that. */
    HASH_DEL(revoked->rows, row); /* NOLINT(clang-analyzer-unix.Malloc) */
    free(row);
}

static struct revoked_row *find(const struct revoked *revoked, const char *jti)
{
    struct revoked_row *row = NULL;

    HASH_FIND_STR(revoked->rows, jti, row);
    return row;
}

enum revoked_state revoked_get(const struct revoked *revoked, const char *jti, int64_t now_ms)
{
    const struct revoked_row *row = find(revoked, jti);

    return row != NULL && row->until_ms > now_ms ? row->state : REVOKED_UNKNOWN;
}

void revoked_note(struct revoked *revoked, const char *jti, enum revoked_state state,
                  int64_t now_ms, int64_t keep_ms)
{
    struct revoked_row *row = find(revoked, jti);
    const int64_t until_ms = now_ms + keep_ms;

    if (row != NULL) {
        if (row->state == REVOKED_YES && row->until_ms > now_ms &&
            (state != REVOKED_YES || row->until_ms > until_ms))
            return;
        drop(revoked, row);
    } else if (HASH_COUNT(revoked->rows) >= REVOKED_ROWS_MAX) {
        drop(revoked, revoked->rows);
    }
    row = auth_alloc(sizeof(*row));
    snprintf(row->jti, sizeof(row->jti), "%s", jti);
    row->state = state;
    row->until_ms = until_ms;
    HASH_ADD_STR(revoked->rows, jti, row);
}

void revoked_doubt(struct revoked *revoked)
{
    struct revoked_row *row, *next;

    HASH_ITER(hh, revoked->rows, row, next)
    {
        if (row->state == REVOKED_NO)
            drop(revoked, row);
    }
}

void revoked_deinit(struct revoked *revoked)
{
    struct revoked_row *row, *next;

    HASH_ITER(hh, revoked->rows, row, next)
    drop(revoked, row);
}
