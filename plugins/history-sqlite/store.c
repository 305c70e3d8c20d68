/* SPDX-License-Identifier: MIT */
/* The database's statements, failures and transactions. */
#include "store_internal.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Expired rows are removed after this many rows that may expire were added, twice as many at most:
 * removal keeps up with what comes in, and no commit waits for a long one. */
#define PRUNE_EVERY 256u

/* Entries of chatd.kv are removed so long after their end. A clock that was hours ahead for a moment
 * would take what has not ended, such as the revocations of tokens, and it would not come back. */
#define TTL_KEPT_MS INT64_C(86400000)

#define STORE_SQL_TEXT(id, text) [id] = (text),
static const char *const sql_text[SQL_COUNT] = {STORE_SQL(STORE_SQL_TEXT)};
#undef STORE_SQL_TEXT

sqlite3_stmt *store_statement(struct store *store, enum store_sql sql)
{
    if (store->statements[sql] == NULL) {
        int rc = sqlite3_prepare_v3(store->db, sql_text[sql], -1, SQLITE_PREPARE_PERSISTENT,
                                    &store->statements[sql], NULL);

        if (rc != SQLITE_OK)
            store_failed(store, rc);
    }
    return store->statements[sql];
}

/* An empty string may come with a null pointer, which SQLite would take for NULL. */
void store_bind_text(sqlite3_stmt *statement, int at, chatd_str text)
{
    sqlite3_bind_text64(statement, at, text.n > 0 ? text.p : "", text.n, SQLITE_STATIC,
                        SQLITE_UTF8);
}

void store_bind_blob(sqlite3_stmt *statement, int at, chatd_str bytes)
{
    sqlite3_bind_blob64(statement, at, bytes.n > 0 ? bytes.p : "", bytes.n, SQLITE_STATIC);
}

int store_step(struct store *store, sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : store_failed(store, rc);
}

int store_done(sqlite3_stmt *statement, int err)
{
    sqlite3_reset(statement);
    return err;
}

int store_run(struct store *store, sqlite3_stmt *statement)
{
    if (statement == NULL)
        return CHATD_E_BACKEND;
    return store_done(statement, store_step(store, statement));
}

static int run(struct store *store, enum store_sql sql)
{
    return store_run(store, store_statement(store, sql));
}

chatd_str store_column(sqlite3_stmt *statement, int at)
{
    /* The pointer before the size: asking for it may convert the value. */
    const char *p = sqlite3_column_blob(statement, at);

    return (chatd_str){p != NULL ? p : "", (size_t)sqlite3_column_bytes(statement, at)};
}

int64_t store_int(uint64_t n)
{
    return n < (uint64_t)INT64_MAX ? (int64_t)n : INT64_MAX;
}

/* Never sqlite3_errmsg(): it may quote a value, and a log line must not hold message text. */
int store_failed(struct store *store, int rc)
{
    const char *path = store->path;
    char *text = store->failure;
    size_t size = sizeof(store->failure);

    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        snprintf(text, size, "%s does not take an entry: %s", path, sqlite3_errstr(rc));
        return CHATD_E_INVAL;
    case SQLITE_FULL:
        snprintf(text, size, "disk full writing %s", path);
        break;
    case SQLITE_IOERR:
        if (sqlite3_system_errno(store->db) == ENOSPC)
            snprintf(text, size, "disk full writing %s", path);
        else
            snprintf(text, size, "input/output error on %s: %s (%s)", path,
                     strerror(sqlite3_system_errno(store->db)), sqlite3_errstr(rc));
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(text, size, "another program keeps %s locked", path);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        snprintf(text, size, "%s, or a file beside it, cannot be written", path);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        snprintf(text, size, "%s is damaged: restore a backup", path);
        break;
    default:
        snprintf(text, size, "%s failed: %s", path, sqlite3_errstr(rc));
        break;
    }
    return CHATD_E_BACKEND;
}

const char *store_failure(const struct store *store)
{
    return store->failure;
}

const char *store_epoch(const struct store *store)
{
    return store->epoch;
}

const char *store_previous_epoch(const struct store *store)
{
    return store->previous;
}

bool store_was_restored(const struct store *store)
{
    return store->restored;
}

static void turn_end(struct store *store)
{
    if (store->writing)
        lockfile_turn_end(&store->lock);
    store->writing = false;
}

/* SQLite would go on writing to a file that has no name any more, and nobody would find it again. */
static int place_check(struct store *store)
{
    struct stat st;

    if (store->inode == 0 || (stat(store->path, &st) == 0 && st.st_size > 0 &&
                              st.st_dev == store->device && st.st_ino == store->inode))
        return CHATD_OK;
    snprintf(store->failure, sizeof(store->failure),
             "%s was removed, emptied or replaced under chatd; restart it", store->path);
    return CHATD_E_BACKEND;
}

static void note_place(struct store *store)
{
    struct stat st;

    if (stat(store->path, &st) == 0 && st.st_size > 0) {
        store->device = st.st_dev;
        store->inode = st.st_ino;
    }
}

int store_begin(struct store *store, bool write)
{
    store->failure[0] = '\0';
    if (write && place_check(store) != CHATD_OK)
        return CHATD_E_BACKEND;
    if (write && lockfile_turn_begin(&store->lock) != CHATD_OK) {
        snprintf(store->failure, sizeof(store->failure), "%s cannot be locked", store->lock.path);
        return CHATD_E_BACKEND;
    }
    store->writing = write;
    int err = run(store, write ? SQL_BEGIN_WRITE : SQL_BEGIN_READ);

    store->changes = sqlite3_total_changes64(store->db);
    if (err != CHATD_OK)
        turn_end(store);
    return err;
}

void store_rollback(struct store *store)
{
    /* After some failures SQLite has rolled back by itself. */
    if (!sqlite3_get_autocommit(store->db))
        run(store, SQL_ROLLBACK);
    turn_end(store);
}

static int prune_table(struct store *store, enum store_sql sql, uint32_t limit, int64_t now_ms)
{
    sqlite3_stmt *statement = store_statement(store, sql);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    sqlite3_bind_int64(statement, 1, now_ms);
    sqlite3_bind_int64(statement, 2, limit);
    return store_run(store, statement);
}

static int prune(struct store *store)
{
    uint32_t limit = 2 * store->unpruned;

    if (store->unpruned < PRUNE_EVERY)
        return CHATD_OK;
    store->unpruned = 0;
    int err = prune_table(store, SQL_CIDS_PRUNE, limit, store->now_ms);

    return err == CHATD_OK ? prune_table(store, SQL_TTL_PRUNE, limit, store->now_ms - TTL_KEPT_MS)
                           : err;
}

/* Counts this transaction: the number goes into the side file once it is committed. */
static int generation_next(struct store *store, uint64_t *generation_out)
{
    int err = run(store, SQL_GENERATION_NEXT);
    sqlite3_stmt *statement = err == CHATD_OK ? store_statement(store, SQL_GENERATION) : NULL;

    if (statement == NULL)
        return CHATD_E_BACKEND;
    err = store_step(store, statement);
    *generation_out = err > 0 ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    return store_done(statement, err < 0 ? err : CHATD_OK);
}

int store_commit(struct store *store)
{
    uint64_t generation = store->generation;
    bool changed = store->writing && sqlite3_total_changes64(store->db) != store->changes;
    int err = CHATD_OK;

    if (changed)
        err = prune(store);
    if (changed && err == CHATD_OK)
        err = generation_next(store, &generation);
    if (err == CHATD_OK)
        err = run(store, SQL_COMMIT);
    if (err != CHATD_OK) {
        store_rollback(store);
        return CHATD_E_BACKEND;
    }
    store->generation = generation;
    if (changed) {
        struct lockfile_note note = {.generation = generation};

        /* Still in our turn, so that the note never goes back. If it fails it is merely older than
         * the database, which is harmless. */
        memcpy(note.epoch, store->epoch, sizeof(note.epoch));
        lockfile_note_write(&store->lock, &note);
    }
    turn_end(store);
    return CHATD_OK;
}

int64_t store_changes(const struct store *store)
{
    return sqlite3_total_changes64(store->db);
}

int store_fence_begin(struct store *store)
{
    return run(store, SQL_SAVEPOINT);
}

int store_fence_end(struct store *store, int err)
{
    if (sqlite3_get_autocommit(store->db))
        return CHATD_E_BACKEND; /* SQLite gave the transaction up */
    if (err < 0 && run(store, SQL_ROLLBACK_TO) != CHATD_OK)
        return CHATD_E_BACKEND;
    return run(store, SQL_RELEASE);
}

/* An idle database finds its bytes in a write-ahead log that is long enough already, however full
 * the disk is; so the side file asks the disk itself. */
static int room_check(struct store *store)
{
    int failed = lockfile_room(&store->lock);

    if (failed == ENOSPC || failed == EDQUOT)
        snprintf(store->failure, sizeof(store->failure), "disk full writing %s", store->lock.path);
    else if (failed != 0)
        snprintf(store->failure, sizeof(store->failure), "input/output error on %s: %s",
                 store->lock.path, strerror(failed));
    return failed == 0 ? CHATD_OK : CHATD_E_BACKEND;
}

static int read_back(struct store *store)
{
    sqlite3_stmt *statement = store_statement(store, SQL_META_GET);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_text(statement, 1, CHATD_STR("canary"));
    int err = store_step(store, statement);

    return store_done(statement, err < 0 ? err : CHATD_OK);
}

int store_touch(struct store *store, bool thorough)
{
    int64_t before = sqlite3_total_changes64(store->db);
    int err = room_check(store);

    if (err == CHATD_OK)
        err = run(store, SQL_CANARY);
    if (err == CHATD_OK)
        err = read_back(store);
    if (err == CHATD_OK && thorough)
        err = run(store, SQL_TOUCH);
    if (err == CHATD_OK && thorough)
        err = run(store, SQL_UNTOUCH);
    store->changes += sqlite3_total_changes64(store->db) - before;
    return err;
}

int store_open(const struct store_options *options, struct store **store_out, char **err_out)
{
    struct store *store = calloc(1, sizeof(*store));

    *err_out = NULL;
    *store_out = NULL;
    if (store == NULL)
        return CHATD_E_BUSY;
    store->lock.fd = -1;
    store->history_max = options->history_max;
    store->path = text_format("%s", options->path);
    int err = store->path != NULL ? store_prepare(store, options, err_out) : CHATD_E_BUSY;

    if (err != CHATD_OK) {
        store_close(store);
        return err;
    }
    note_place(store);
    *store_out = store;
    return CHATD_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    /* The last one out moves the write-ahead log into the database. The locks go after it. */
    sqlite3_close(store->db);
    lockfile_close(&store->lock);
    free(store->path);
    free(store);
}
