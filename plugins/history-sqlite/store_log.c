/* SPDX-License-Identifier: MIT */
/* Rooms in the database: appending records, finding doubles, reading ranges, trimming. */
#include "store_internal.h"

#include <string.h>

/* Rooms grow past history_max by a tenth, then that much goes at once, at most TRIM_MAX records. */
#define TRIM_MAX 1000

/* Rooms of which old records are deleted in one transaction. */
#define FORGET_ROOMS 64

struct room_row {
    int64_t id, top, first, common, ts;
};

/* CHATD_E_NOTFOUND: *row is the empty room. */
static int room_get(struct store *store, chatd_str name, struct room_row *row)
{
    sqlite3_stmt *statement = store_statement(store, SQL_ROOM_GET);

    *row = (struct room_row){.first = 1};
    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_text(statement, 1, name);
    int err = store_step(store, statement);

    if (err > 0) {
        row->id = sqlite3_column_int64(statement, 0);
        row->top = sqlite3_column_int64(statement, 1);
        row->first = sqlite3_column_int64(statement, 2);
        row->common = sqlite3_column_int64(statement, 3);
        row->ts = sqlite3_column_int64(statement, 4);
    }
    return store_done(statement, err < 0 ? err : err > 0 ? CHATD_OK : CHATD_E_NOTFOUND);
}

static int room_new(struct store *store, chatd_str name, struct room_row *row)
{
    sqlite3_stmt *statement = store_statement(store, SQL_ROOM_NEW);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_text(statement, 1, name);
    int err = store_run(store, statement);

    row->id = sqlite3_last_insert_rowid(store->db);
    return err;
}

/* Runs a statement whose parameters are all numbers. */
static int run_numbers(struct store *store, enum store_sql sql, const int64_t *numbers, int n)
{
    sqlite3_stmt *statement = store_statement(store, sql);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    for (int i = 0; i < n; i++)
        sqlite3_bind_int64(statement, i + 1, numbers[i]);
    return store_run(store, statement);
}

static int cid_bind(struct store *store, enum store_sql sql, int64_t room,
                    const struct store_entry *entry, sqlite3_stmt **statement_out)
{
    sqlite3_stmt *statement = store_statement(store, sql);

    *statement_out = statement;
    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, room);
    store_bind_text(statement, 2, entry->user);
    store_bind_text(statement, 3, entry->cid);
    return CHATD_OK;
}

/* CHATD_E_EXISTS: it is a double of the record in *seq_out. */
static int cid_check(struct store *store, int64_t room, const struct store_entry *entry,
                     uint64_t *seq_out)
{
    sqlite3_stmt *statement;

    if (cid_bind(store, SQL_CID_GET, room, entry, &statement) != CHATD_OK)
        return CHATD_E_BACKEND;
    int err = store_step(store, statement);

    if (err > 0) {
        *seq_out = (uint64_t)sqlite3_column_int64(statement, 0);
        err = entry->now_ms - sqlite3_column_int64(statement, 1) < entry->dedup_ms ? CHATD_E_EXISTS
                                                                                   : CHATD_OK;
    }
    return store_done(statement, err);
}

static int cid_put(struct store *store, int64_t room, const struct store_entry *entry, int64_t seq)
{
    sqlite3_stmt *statement;

    if (cid_bind(store, SQL_CID_PUT, room, entry, &statement) != CHATD_OK)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 4, seq);
    sqlite3_bind_int64(statement, 5, entry->now_ms);
    sqlite3_bind_int64(statement, 6, entry->now_ms + entry->dedup_ms);
    store->unpruned++;
    return store_run(store, statement);
}

static int record_add(struct store *store, const struct room_row *row, chatd_str record)
{
    sqlite3_stmt *statement = store_statement(store, SQL_RECORD_ADD);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, row->id);
    sqlite3_bind_int64(statement, 2, row->top);
    sqlite3_bind_int64(statement, 3, row->ts);
    store_bind_text(statement, 4, record);
    return store_run(store, statement);
}

static int trim(struct store *store, const struct room_row *row)
{
    int64_t slack = store->history_max / 10 < TRIM_MAX ? store->history_max / 10 : TRIM_MAX;
    int64_t excess = row->top - row->first + 1 - store->history_max;

    if (excess <= slack)
        return CHATD_OK;
    int64_t first = row->first + (excess < TRIM_MAX ? excess : TRIM_MAX);
    int err = run_numbers(store, SQL_RECORDS_TRIM, (int64_t[]){row->id, first}, 2);

    return err == CHATD_OK ? run_numbers(store, SQL_ROOM_FIRST, (int64_t[]){row->id, first}, 2)
                           : err;
}

int store_append(struct store *store, const struct store_entry *entry, struct store_appended *out)
{
    bool dedup = entry->cid.n > 0 && entry->dedup_ms > 0;
    struct room_row row;
    int err = room_get(store, entry->room, &row);

#ifdef CHATD_WITHOUT_DEDUP /* tests/broken */
    dedup = false;
#endif
    *out = (struct store_appended){0};
    store->now_ms = entry->now_ms;
    if (err == CHATD_OK && dedup)
        err = cid_check(store, row.id, entry, &out->seq);
    if (err == CHATD_E_EXISTS) {
        out->duplicate = true;
        return CHATD_OK;
    }
    if (err == CHATD_E_NOTFOUND)
        err = room_new(store, entry->room, &row);
    if (err != CHATD_OK)
        return err;

    row.top++;
    row.ts = entry->now_ms > row.ts ? entry->now_ms : row.ts;
    err = record_add(store, &row, entry->record);
    if (err == CHATD_OK)
        err = run_numbers(store, SQL_ROOM_TOP, (int64_t[]){row.id, row.top, row.ts}, 3);
    if (err == CHATD_OK && dedup)
        err = cid_put(store, row.id, entry, row.top);
    if (err == CHATD_OK)
        err = trim(store, &row);
    out->seq = (uint64_t)row.top;
    out->ts = row.ts;
    return err;
}

/* The first record from `first` on that is not older, within the next `most`; 0: all are. */
static int fresh_after(struct store *store, int64_t room, int64_t first, int64_t most,
                       int64_t before_ms, int64_t *seq_out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_RECORD_FRESH);
    int err;

    *seq_out = 0;
    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, first);
    sqlite3_bind_int64(statement, 3, first + most);
    sqlite3_bind_int64(statement, 4, before_ms);
    err = store_step(store, statement);
    if (err > 0)
        *seq_out = sqlite3_column_int64(statement, 0);
    return store_done(statement, err < 0 ? err : CHATD_OK);
}

/* Time does not go back within a room, so what is old lies in front. */
static int forget_in(struct store *store, const struct room_row *row, int64_t before_ms,
                     int64_t *left)
{
    int64_t most = row->top - row->first + 1, first;
    int err;

    if (most > *left)
        most = *left;
    err = fresh_after(store, row->id, row->first, most, before_ms, &first);
    if (first == 0)
        first = row->first + most;
    *left -= first - row->first;
    if (err == CHATD_OK)
        err = run_numbers(store, SQL_RECORDS_TRIM, (int64_t[]){row->id, first}, 2);
    return err == CHATD_OK ? run_numbers(store, SQL_ROOM_FIRST, (int64_t[]){row->id, first}, 2)
                           : err;
}

/* Rooms whose oldest record is older, at most `max`; their number in *n_out. */
static int old_rooms(struct store *store, int64_t before_ms, struct room_row *rows, int max,
                     int *n_out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_ROOMS_OLD);
    int err;

    *n_out = 0;
    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, before_ms);
    sqlite3_bind_int64(statement, 2, max);
    while ((err = store_step(store, statement)) > 0)
        rows[(*n_out)++] = (struct room_row){.id = sqlite3_column_int64(statement, 0),
                                             .first = sqlite3_column_int64(statement, 1),
                                             .top = sqlite3_column_int64(statement, 2)};
    return store_done(statement, err < 0 ? err : CHATD_OK);
}

int store_forget(struct store *store, int64_t before_ms, int64_t *n_out)
{
    struct room_row rows[FORGET_ROOMS];
    int64_t left = STORE_FORGET_MAX;
    int n, err = old_rooms(store, before_ms, rows, FORGET_ROOMS, &n);

    for (int i = 0; i < n && err == CHATD_OK && left > 0; i++)
        err = forget_in(store, &rows[i], before_ms, &left);
    *n_out = STORE_FORGET_MAX - left;
    return err;
}

int store_has_older(struct store *store, int64_t before_ms, bool *out)
{
    struct room_row row;
    int n, err = old_rooms(store, before_ms, &row, 1, &n);

    *out = n > 0;
    return err;
}

int store_range(struct store *store, chatd_str room, uint64_t seq, uint32_t limit,
                enum store_direction direction, store_record_fn row, void *arg,
                struct store_room *room_out)
{
    bool before = direction == STORE_BEFORE;
    struct room_row at;
    int err = room_get(store, room, &at);

    *room_out = (struct store_room){0};
    if (err != CHATD_OK)
        return err == CHATD_E_NOTFOUND ? CHATD_OK : err;
    *room_out = (struct store_room){
        .top = (uint64_t)at.top, .first = (uint64_t)at.first, .common = (uint64_t)at.common};
    if (limit == 0)
        return CHATD_OK;
    sqlite3_stmt *statement =
        store_statement(store, before ? SQL_RECORDS_BEFORE : SQL_RECORDS_AFTER);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, at.id);
    sqlite3_bind_int64(statement, 2, before && seq == 0 ? INT64_MAX : store_int(seq));
    sqlite3_bind_int64(statement, 3, (int64_t)limit + 1);
    while ((err = store_step(store, statement)) > 0)
        if (!row(arg, (uint64_t)sqlite3_column_int64(statement, 0),
                 sqlite3_column_int64(statement, 1), store_column(statement, 2)))
            break;
    return store_done(statement, err < 0 ? err : CHATD_OK);
}

int store_data_version(struct store *store, int64_t *version_out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_DATA_VERSION);

    *version_out = 0;
    if (statement == NULL)
        return CHATD_E_BACKEND;
    int err = store_step(store, statement);

    if (err > 0)
        *version_out = sqlite3_column_int64(statement, 0);
    return store_done(statement, err < 0 ? err : CHATD_OK);
}

int store_rooms_since(struct store *store, int64_t since_ms, store_grown_fn row, void *arg)
{
    sqlite3_stmt *statement = store_statement(store, SQL_ROOMS_SINCE);
    int err;

    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, since_ms);
    while ((err = store_step(store, statement)) > 0)
        if (!row(arg, store_column(statement, 0), (uint64_t)sqlite3_column_int64(statement, 1)))
            break;
    return store_done(statement, err < 0 ? err : CHATD_OK);
}
