/* SPDX-License-Identifier: MIT */
/* What this worker lately learnt of auth-since: a table by user with a cap. */
#include "since.h"

#include "auth.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>

#define DIGITS_MAX 15u /* the end of the year 9999, in milliseconds */

struct since_row {
    char user[NAME_FIELD_MAX + 1];
    int64_t since_ms;
    int64_t until_ms; /* believed to be the latest till then */
    UT_hash_handle hh;
};

static void drop(struct since *since, struct since_row *row)
{
    /* The last one frees the table, and the head is NULL then: the analyzer takes it for a use after that. */
    HASH_DEL(since->rows, row); /* NOLINT(clang-analyzer-unix.Malloc) */
    free(row);
}

static struct since_row *find(const struct since *since, const char *user)
{
    struct since_row *row = NULL;

    HASH_FIND_STR(since->rows, user, row);
    return row;
}

enum revoked_state since_get(const struct since *since, const struct token_claims *claims,
                             int64_t now_ms)
{
    const struct since_row *row = find(since, claims->user);

    if (row == NULL || row->until_ms <= now_ms)
        return REVOKED_UNKNOWN;
    return claims->since_ms < row->since_ms ? REVOKED_YES : REVOKED_NO;
}

void since_note(struct since *since, const char *user, int64_t since_ms, int64_t now_ms)
{
    struct since_row *row = find(since, user);

    if (row != NULL) {
        if (row->until_ms > now_ms && row->since_ms > since_ms)
            return;
        drop(since, row);
    } else if (HASH_COUNT(since->rows) >= SINCE_ROWS_MAX) {
        drop(since, since->rows);
    }
    row = auth_alloc(sizeof(*row));
    snprintf(row->user, sizeof(row->user), "%s", user);
    row->since_ms = since_ms;
    row->until_ms = now_ms + REVOKED_CACHE_MS;
    HASH_ADD_STR(since->rows, user, row);
}

void since_doubt(struct since *since, const char *user)
{
    struct since_row *row, *next;

    if (user != NULL) {
        row = find(since, user);
        if (row != NULL)
            row->until_ms = 0;
        return;
    }
    HASH_ITER(hh, since->rows, row, next)
    row->until_ms = 0;
}

void since_deinit(struct since *since)
{
    struct since_row *row, *next;

    HASH_ITER(hh, since->rows, row, next)
    drop(since, row);
}

chatd_str since_write(int64_t since_ms, char out[SINCE_TEXT_BYTES])
{
    int n = snprintf(out, SINCE_TEXT_BYTES, "%" PRId64, since_ms);

    return (chatd_str){out, (size_t)n};
}

bool since_read(chatd_str text, int64_t *since_ms_out)
{
    int64_t value = 0;
    size_t i;

    if (text.n < 1 || text.n > DIGITS_MAX)
        return false;
    for (i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (text.p[i] - '0');
    }
    *since_ms_out = value;
    return true;
}
