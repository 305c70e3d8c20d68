/* SPDX-License-Identifier: MIT */
/* A rate limit by a text: token buckets in integers, in a table with a cap. */
#include "limit.h"

#include "auth.h"
#include "table.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)

/* One try costs MINUTE_MS units, and a bucket gains per_minute units each millisecond. */
struct limit_row {
    int64_t level, at_ms;
    UT_hash_handle hh;
    char key[];
};

static void drop(struct limit *limit, struct limit_row *row)
{
    /* The last one frees the table, and the head is NULL then: the analyzer takes it for a use after that. */
    HASH_DEL(limit->rows, row); /* NOLINT(clang-analyzer-unix.Malloc) */
    free(row);
}

static struct limit_row *add(struct limit *limit, const char *key, int64_t level, int64_t now_ms)
{
    const size_t n = strlen(key) + 1;
    struct limit_row *row;

    if (HASH_COUNT(limit->rows) >= LIMIT_ROWS_MAX)
        drop(limit, limit->rows);
    row = auth_alloc(sizeof(*row) + n);
    memcpy(row->key, key, n);
    row->level = level;
    row->at_ms = now_ms;
    HASH_ADD_STR(limit->rows, key, row);
    return row;
}

static int64_t level_now(const struct limit_row *row, int64_t per_minute, int64_t now_ms)
{
    const int64_t full = per_minute * MINUTE_MS;
    int64_t passed = now_ms - row->at_ms, level;

    if (passed > MINUTE_MS)
        passed = MINUTE_MS;
    level = row->level + passed * per_minute;
    return level < full ? level : full;
}

static uint32_t wait_ms(int64_t level, int64_t wanted, int64_t per_minute)
{
    return level >= wanted ? 0 : (uint32_t)((wanted - level + per_minute - 1) / per_minute);
}

/* The bucket of a text, filled up to now. */
static struct limit_row *get(struct limit *limit, const char *key, int64_t per_minute,
                             int64_t now_ms)
{
    struct limit_row *row = NULL;

    HASH_FIND_STR(limit->rows, key, row);
    if (row == NULL) {
        row = add(limit, key, per_minute * MINUTE_MS, now_ms);
    } else {
        row->level = level_now(row, per_minute, now_ms);
        row->at_ms = now_ms;
        /* To the end of the order: the head is then the one that tried longest ago. */
        HASH_DEL(limit->rows, row);
        HASH_ADD_STR(limit->rows, key, row);
    }
    return row;
}

uint32_t limit_take(struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms)
{
    return limit_take_leaving(limit, key, per_minute, 0, now_ms);
}

uint32_t limit_take_leaving(struct limit *limit, const char *key, int64_t per_minute, int64_t rest,
                            int64_t now_ms)
{
    struct limit_row *row;
    uint32_t retry_ms;

    if (per_minute <= 0)
        return 0;
    row = get(limit, key, per_minute, now_ms);
    retry_ms = wait_ms(row->level, (rest + 1) * MINUTE_MS, per_minute);
    if (retry_ms == 0)
        row->level -= MINUTE_MS;
    return retry_ms;
}

uint32_t limit_ask(const struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms)
{
    const struct limit_row *row = NULL;

    HASH_FIND_STR(limit->rows, key, row);
    if (row == NULL || per_minute <= 0)
        return 0;
    return wait_ms(level_now(row, per_minute, now_ms), MINUTE_MS, per_minute);
}

bool limit_met(const struct limit *limit, const char *key, int64_t now_ms)
{
    const struct limit_row *row = NULL;

    HASH_FIND_STR(limit->rows, key, row);
    return row != NULL && now_ms - row->at_ms < MINUTE_MS;
}

void limit_note(struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms)
{
    struct limit_row *row;

    if (per_minute <= 0)
        return;
    row = get(limit, key, per_minute, now_ms);
    /* Below zero: several workers let a burst pass before they heard of each other. A minute of that
     * is remembered. */
    if (row->level >= MINUTE_MS - per_minute * MINUTE_MS)
        row->level -= MINUTE_MS;
}

void limit_give(struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms)
{
    struct limit_row *row;

    if (per_minute <= 0)
        return;
    row = get(limit, key, per_minute, now_ms);
    row->level += MINUTE_MS;
    if (row->level > per_minute * MINUTE_MS)
        row->level = per_minute * MINUTE_MS;
}

void limit_deinit(struct limit *limit)
{
    struct limit_row *row, *next;

    HASH_ITER(hh, limit->rows, row, next)
    drop(limit, row);
}
