/* SPDX-License-Identifier: MIT */
/* A store in a folder of its own, for each test of the database layer. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "scratch.h"
#include "store.h"

#define INSTANCE "00000000000000aa"
#define NOW      1790000000000

/* *state is a struct scratch. */
int setup(void **state);
int teardown(void **state);

/* Opens with history_max 100. */
int open_as(const char *path, const char *instance, const char *epoch, struct store **out,
            char **err_out);

/* The same, which must succeed. */
struct store *open_ok(const struct scratch *scratch, const char *epoch);

/* Appends as alice with dedup_ms 1000, in a transaction of its own. */
struct store_appended append_at(struct store *store, const char *room, const char *cid, int64_t now,
                                const char *record);

/* An append of nothing in particular; its seq. */
uint64_t append(struct store *store, const char *room);

/* Rows of a range, as many as were asked for. */
struct rows {
    uint64_t seqs[1024];
    uint32_t n, max;
    char last[64]; /* record */
};

struct store_room range(struct store *store, const char *room, uint64_t seq, uint32_t limit,
                        enum store_direction direction, struct rows *rows);

#endif
