/* SPDX-License-Identifier: MIT */
/* A rate limit by a text, such as a client's address: a bucket for each, in this worker's memory. Other
 * workers' tries are taken from it too, as far as they are told (tries.h). Pure. */
#ifndef AUTH_LIMIT_H
#define AUTH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Texts remembered; the one that tried longest ago gives way. */
#define LIMIT_ROWS_MAX 10000u

struct limit_row;

/* Zero is an empty limit. */
struct limit {
    struct limit_row *rows;
};

/* Takes one try of `key`, which may make `per_minute` of them (0: no limit) in a burst or spread out.
 * 0: allowed, else the milliseconds until one is allowed again. */
uint32_t limit_take(struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms);

/* The same, but the last `rest` tries of the bucket, fewer than `per_minute`, are kept for others. */
uint32_t limit_take_leaving(struct limit *limit, const char *key, int64_t per_minute, int64_t rest,
                            int64_t now_ms);

/* What limit_take() would return, and nothing is taken. */
uint32_t limit_ask(const struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms);

/* Was anything taken from the bucket of `key`, or noted or given, within the last minute? */
bool limit_met(const struct limit *limit, const char *key, int64_t now_ms);

/* Takes one try that was allowed elsewhere. When it is one too many, the next has to wait longer. */
void limit_note(struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms);

/* Gives back a try that was taken and does not count after all. */
void limit_give(struct limit *limit, const char *key, int64_t per_minute, int64_t now_ms);

void limit_deinit(struct limit *limit);

#endif
