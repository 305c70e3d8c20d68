/* SPDX-License-Identifier: MIT */
/* A store in a folder of its own, for each test of the database layer. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int setup(void **state)
{
    struct scratch *scratch = malloc(sizeof(*scratch));

    scratch_make(scratch);
    *state = scratch;
    return 0;
}

int teardown(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

int open_as(const char *path, const char *instance, const char *epoch, struct store **out,
            char **err_out)
{
    const struct store_options options = {.path = path,
                                          .instance = str_of(instance),
                                          .fresh_epoch = epoch,
                                          .history_max = 100,
                                          .sync = STORE_SYNC_FULL};

    return store_open(&options, out, err_out);
}

struct store *open_ok(const struct scratch *scratch, const char *epoch)
{
    struct store *store;
    char *sentence = NULL;
    int err = open_as(scratch->db, INSTANCE, epoch, &store, &sentence);

    if (err != CHATD_OK)
        fail_msg("%s", sentence);
    return store;
}

struct store_appended append_at(struct store *store, const char *room, const char *cid, int64_t now,
                                const char *record)
{
    const struct store_entry entry = {.room = str_of(room),
                                      .user = str_of("alice"),
                                      .cid = str_of(cid),
                                      .record = str_of(record),
                                      .dedup_ms = 1000,
                                      .now_ms = now};
    struct store_appended appended;

    assert_int_equal(store_begin(store, true), CHATD_OK);
    assert_int_equal(store_append(store, &entry, &appended), CHATD_OK);
    assert_int_equal(store_commit(store), CHATD_OK);
    return appended;
}

uint64_t append(struct store *store, const char *room)
{
    return append_at(store, room, "", NOW, "{}").seq;
}

static bool take(void *arg, uint64_t seq, int64_t ts, chatd_str record)
{
    struct rows *rows = arg;

    (void)ts;
    if (rows->n == rows->max)
        return false;
    rows->seqs[rows->n++] = seq;
    snprintf(rows->last, sizeof(rows->last), "%.*s", (int)record.n, record.p);
    return true;
}

struct store_room range(struct store *store, const char *room, uint64_t seq, uint32_t limit,
                        enum store_direction direction, struct rows *rows)
{
    struct store_room at;

    *rows = (struct rows){.max = limit};
    assert_int_equal(store_range(store, str_of(room), seq, limit, direction, take, rows, &at),
                     CHATD_OK);
    return at;
}
