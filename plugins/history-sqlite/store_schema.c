/* SPDX-License-Identifier: MIT */
/* Opening: whose file it is, its tables, and whether it is the one we wrote last. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "store_internal.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x63687464 /* "chtd", shown by file(1) */
/* There is no other one yet. A chatd that brings a newer one may change the tables only while it is
 * `lock.alone`: in a roll the old workers have the file open, and it must refuse to start. */
#define SCHEMA_VERSION 1
#define BUSY_MS        2000 /* for programs that do not know our turns: a backup, a shell */
#define WAL_KEPT_BYTES "67108864"

#define TEXT_OF(x)  TEXT_OF_(x)
#define TEXT_OF_(x) #x

/* Records are found by (room, seq) and read in that order, so the key is the table. Keys and
 * records are TEXT for the eyes of an operator; values of kv are bytes. */
static const char schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) WITHOUT ROWID, STRICT;"
    "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  top INTEGER NOT NULL, first INTEGER NOT NULL, common INTEGER NOT NULL,"
    "  ts INTEGER NOT NULL) STRICT;"
    "CREATE TABLE records (room INTEGER NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL,"
    "  record TEXT NOT NULL, PRIMARY KEY (room, seq)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE cids (room INTEGER NOT NULL, user TEXT NOT NULL, cid TEXT NOT NULL,"
    "  seq INTEGER NOT NULL, ts INTEGER NOT NULL, expires INTEGER NOT NULL,"
    "  PRIMARY KEY (room, user, cid)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX cids_expires ON cids (expires);"
    "CREATE TABLE kv (ns TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    "  PRIMARY KEY (ns, key)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE kv_ttl (ns TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    "  expires INTEGER NOT NULL, PRIMARY KEY (ns, key)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX kv_ttl_expires ON kv_ttl (expires);"
    "INSERT INTO meta VALUES ('generation', 0), ('previous', '');"
    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                       "PRAGMA user_version = " TEXT_OF(
                                                           SCHEMA_VERSION) ";";

static int refuse(char *sentence, char **err_out)
{
    *err_out = sentence;
    return CHATD_E_BACKEND;
}

/* A failure while opening, where no better sentence is at hand. */
static int refuse_failure(struct store *store, char **err_out)
{
    return refuse(text_format("%s cannot be opened: %s; put it right, or set another path in "
                              "[history-sqlite].",
                              store->path, store->failure),
                  err_out);
}

static int refuse_replaced(const struct store *store, char **err_out)
{
    return refuse(
        text_format("%s was removed or replaced while other workers of this chatd use it: "
                    "restart it.",
                    store->path),
        err_out);
}

static int execute(struct store *store, const char *sql)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? CHATD_OK : store_failed(store, rc);
}

/* The first column of the first row, as text in `arena`. */
static int query(struct store *store, const char *sql, struct arena *arena, chatd_str *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    int err = rc == SQLITE_OK ? store_step(store, statement) : store_failed(store, rc);

    *out = CHATD_STR("");
    if (err > 0) {
        chatd_str value = store_column(statement, 0);

        err = arena_copy(arena, value.p, value.n, out) ? CHATD_OK : CHATD_E_BUSY;
    }
    sqlite3_finalize(statement);
    return err;
}

static int query_number(struct store *store, const char *sql, int64_t *out)
{
    struct arena arena = {0};
    chatd_str text;
    int err = query(store, sql, &arena, &text);

    *out = err == CHATD_OK ? strtoll(text.p, NULL, 10) : 0;
    arena_free(&arena);
    return err;
}

static int meta_get(struct store *store, const char *key, char out[LOCKFILE_EPOCH_SIZE])
{
    sqlite3_stmt *statement = store_statement(store, SQL_META_GET);

    out[0] = '\0';
    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_text(statement, 1, (chatd_str){key, strlen(key)});
    int err = store_step(store, statement);

    if (err > 0) {
        chatd_str value = store_column(statement, 0);
        size_t n = value.n < LOCKFILE_EPOCH_SIZE ? value.n : LOCKFILE_EPOCH_SIZE - 1;

        memcpy(out, value.p, n);
        out[n] = '\0';
    }
    return store_done(statement, err < 0 ? err : CHATD_OK);
}

static int meta_put(struct store *store, const char *key, const char *value)
{
    sqlite3_stmt *statement = store_statement(store, SQL_META_PUT);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_text(statement, 1, (chatd_str){key, strlen(key)});
    store_bind_text(statement, 2, (chatd_str){value, strlen(value)});
    return store_run(store, statement);
}

/* Looks at the path and makes an empty file that nobody else may read. Never opens a file that is
 * there: closing it would drop the locks which SQLite holds on it in this process. */
static int file_prepare(struct store *store, char **err_out)
{
    struct stat st;

    if (stat(store->path, &st) == 0 && !S_ISREG(st.st_mode))
        return refuse(text_format("%s is %s: set path in [history-sqlite] to a file.", store->path,
                                  S_ISDIR(st.st_mode) ? "a folder" : "not a file"),
                      err_out);
    return CHATD_OK;
}

static int file_create(struct store *store, char **err_out)
{
    struct stat st;

    /* The others hold on to a file without a name: this worker would have a store of its own. */
    if (!store->lock.alone && stat(store->path, &st) != 0)
        return refuse_replaced(store, err_out);
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return refuse(text_format("%s cannot be made: %s; set path in [history-sqlite] to a file "
                                  "in a folder that chatd may write.",
                                  store->path, strerror(errno)),
                      err_out);
    if (fd >= 0)
        close(fd);
    return CHATD_OK;
}

static int database_open(struct store *store, char **err_out)
{
    /* NOMUTEX: one thread at a time is our own rule. */
    int rc =
        sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        store_failed(store, rc);
        return refuse_failure(store, err_out);
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (sqlite3_db_readonly(store->db, "main") != 0)
        return refuse(text_format("%s may not be written by this user: change its owner, or set "
                                  "another path in [history-sqlite].",
                                  store->path),
                      err_out);
    return CHATD_OK;
}

/* Refuses what is not ours before anything is written to it. */
static int database_identify(struct store *store, bool *fresh_out, char **err_out)
{
    int64_t application = 0, version = 0, objects = 0;

    if (query_number(store, "PRAGMA application_id", &application) != CHATD_OK ||
        query_number(store, "PRAGMA user_version", &version) != CHATD_OK ||
        query_number(store, "SELECT count(*) FROM sqlite_schema", &objects) != CHATD_OK) {
        if ((sqlite3_errcode(store->db) & 0xff) == SQLITE_NOTADB)
            return refuse(text_format("%s is not an SQLite database: set path in [history-sqlite] "
                                      "to a file of chatd's own.",
                                      store->path),
                          err_out);
        return refuse_failure(store, err_out);
    }
    *fresh_out = application == 0 && version == 0 && objects == 0;
    if (*fresh_out)
        return CHATD_OK;
    if (application != APPLICATION_ID)
        return refuse(text_format("%s is the database of another program: set path in "
                                  "[history-sqlite] to a file of chatd's own.",
                                  store->path),
                      err_out);
    if (version > SCHEMA_VERSION)
        return refuse(text_format("%s was written by a newer chatd (schema %" PRId64 ", this one "
                                  "knows %d): run that version, or set another path in "
                                  "[history-sqlite].",
                                  store->path, version, SCHEMA_VERSION),
                      err_out);
    return CHATD_OK;
}

static int database_tune(struct store *store, enum store_sync sync, char **err_out)
{
    struct arena arena = {0};
    chatd_str mode;
    int err = query(store, "PRAGMA journal_mode = WAL", &arena, &mode);
    bool wal = strcmp(mode.p, "wal") == 0;

    arena_free(&arena);
    if (err == CHATD_OK && !wal)
        return refuse(text_format("%s lies on a file system without shared memory, which SQLite's "
                                  "write-ahead log needs: set path in [history-sqlite] to a file "
                                  "on a local disk.",
                                  store->path),
                      err_out);
    if (err == CHATD_OK)
        err = execute(store, sync == STORE_SYNC_NORMAL ? "PRAGMA synchronous = NORMAL"
                                                       : "PRAGMA synchronous = FULL");
    if (err == CHATD_OK)
        err = execute(store, "PRAGMA journal_size_limit = " WAL_KEPT_BYTES);
    return err == CHATD_OK ? CHATD_OK : refuse_failure(store, err_out);
}

/* The note names a later commit, or another life of the store, than the database knows of: readers
 * may hold positions of records that are gone. A note that names the previous epoch was just not
 * brought up to date when the present one began. */
static bool is_older_than(const struct store *store, const struct lockfile_note *note)
{
    if (strcmp(note->epoch, store->epoch) == 0)
        return store->generation < note->generation;
    return strcmp(note->epoch, store->previous) != 0;
}

static int epoch_load(struct store *store)
{
    int64_t generation = 0;
    int err = meta_get(store, "epoch", store->epoch);

    if (err == CHATD_OK)
        err = meta_get(store, "previous", store->previous);
    if (err == CHATD_OK)
        err = query_number(store, "SELECT value FROM meta WHERE key = 'generation'", &generation);
    store->generation = (uint64_t)generation;
    return err;
}

/* Every record there is now is common to the epoch that ends and the one that begins. */
static int epoch_begin(struct store *store, const char *fresh)
{
    int err = meta_put(store, "previous", store->epoch);

    memcpy(store->previous, store->epoch, sizeof(store->previous));
    strncpy(store->epoch, fresh, sizeof(store->epoch) - 1);
    if (err == CHATD_OK)
        err = meta_put(store, "epoch", store->epoch);
    return err == CHATD_OK ? store_run(store, store_statement(store, SQL_ROOMS_COMMON)) : err;
}

/* Makes or reads the tables. An epoch begins only with the first process, before it could tell
 * anybody of the old one. */
static int tables_settle(struct store *store, bool fresh, const struct store_options *options,
                         const struct lockfile_note *note)
{
    int err = fresh ? execute(store, schema) : CHATD_OK;

    if (err == CHATD_OK)
        err = epoch_load(store);
    if (err != CHATD_OK)
        return err;
    store->restored = !fresh && note != NULL && is_older_than(store, note);
    return store->restored || store->epoch[0] == '\0' ? epoch_begin(store, options->fresh_epoch)
                                                      : CHATD_OK;
}

/* The first process: one write transaction, which leaves an up-to-date note behind. */
static int settle_alone(struct store *store, bool fresh, const struct store_options *options,
                        const struct lockfile_note *note)
{
    int err = store_begin(store, true);

    if (err != CHATD_OK)
        return err;
    err = tables_settle(store, fresh, options, note);
    if (err != CHATD_OK) {
        store_rollback(store);
        return err;
    }
    store->changes = -1; /* counts as a change: the note may be missing or old */
    return store_commit(store);
}

/* A later one only reads: it must come up while the disk is full, or another has its turn. */
static int settle_beside_others(struct store *store, bool fresh, const struct lockfile_note *note,
                                char **err_out)
{
    if (fresh)
        return refuse_replaced(store, err_out);
    int err = store_begin(store, false);

    if (err != CHATD_OK)
        return err;
    err = epoch_load(store);
    store_rollback(store);
    if (err == CHATD_OK && note != NULL && is_older_than(store, note))
        err = refuse_replaced(store, err_out);
    return err;
}

static int database_settle(struct store *store, bool fresh, const struct store_options *options,
                           char **err_out)
{
    /* Before the database is looked at: others may write both meanwhile, the note last. */
    struct lockfile_note there;
    const struct lockfile_note *note = lockfile_note_read(&store->lock, &there) ? &there : NULL;

    return store->lock.alone ? settle_alone(store, fresh, options, note)
                             : settle_beside_others(store, fresh, note, err_out);
}

int store_prepare(struct store *store, const struct store_options *options, char **err_out)
{
    const struct lockfile_options who = {.database = store->path,
                                         .instance = options->instance,
                                         .server_pid = options->server_pid,
                                         .patience_ms = options->patience_ms,
                                         .notice = options->notice,
                                         .arg = options->arg};
    bool fresh = false;
    int err = file_prepare(store, err_out);

    if (err == CHATD_OK)
        err = lockfile_join(&store->lock, &who, err_out);
    if (err == CHATD_OK)
        err = file_create(store, err_out);
    if (err == CHATD_OK)
        err = database_open(store, err_out);
    if (err == CHATD_OK)
        err = database_identify(store, &fresh, err_out);
    if (err == CHATD_OK)
        err = database_tune(store, options->sync, err_out);
    if (err != CHATD_OK)
        return err;
    err = database_settle(store, fresh, options, err_out);
    if (err != CHATD_OK)
        return *err_out != NULL ? err : refuse_failure(store, err_out);
    return lockfile_settle(&store->lock, err_out);
}
