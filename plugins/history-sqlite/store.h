/* SPDX-License-Identifier: MIT */
/*
 * The database: opening it, transactions, and what can be done in one.
 *
 * A store is used by one thread at a time and every function may block: after store_open() all of
 * it runs in the plugin's io jobs, until store_close(). Functions return CHATD_OK, an answer of
 * their contract (CHATD_E_NOTFOUND, CHATD_E_EXISTS), CHATD_E_INVAL (this operation cannot be done,
 * others can), CHATD_E_BUSY (no memory) or CHATD_E_BACKEND (the storage failed; store_failure()
 * says how).
 */
#ifndef HISTORY_SQLITE_STORE_H
#define HISTORY_SQLITE_STORE_H

#include "arena.h"

#include <chatd/abi.h>
#include <stdbool.h>

enum store_sync { STORE_SYNC_FULL = 0, STORE_SYNC_NORMAL = 1 };

struct store;

struct store_options {
    const char *path;
    chatd_str instance;      /* processes of one instance may share the database */
    int32_t server_pid;      /* whom another instance is told to stop; 0: this process */
    uint32_t patience_ms;    /* waits so long for the workers of a server that is gone */
    const char *fresh_epoch; /* 16 random hex digits, used if a new epoch has to begin */
    int64_t history_max;     /* records kept per room */
    enum store_sync sync;
    void (*notice)(void *arg, const char *text); /* that it waits for them; may be NULL */
    void *arg;
};

/* Opens or creates the database. CHATD_E_BUSY: another instance has it. On an error *err_out is one
 * sentence for the operator (NULL without memory), to be freed by the caller. */
int store_open(const struct store_options *options, struct store **store_out, char **err_out);
void store_close(struct store *store);

/* The epoch; it does not change while the store is open. */
const char *store_epoch(const struct store *store);

/* True if store_open() began a new epoch because the database was older than the side file's note:
 * a restored backup. */
bool store_was_restored(const struct store *store);

/* What failed last, as the part of a sentence: "disk full writing /x/chatd.db". */
const char *store_failure(const struct store *store);

/* Transactions. A writing one waits for its turn among the processes; it ends with commit or
 * rollback. A failed commit has rolled back. */
int store_begin(struct store *store, bool write);
int store_commit(struct store *store);
void store_rollback(struct store *store);

/* Rows written since the database was opened, those that were undone included: the same number before
 * and after an operation means that it has left nothing. */
int64_t store_changes(const struct store *store);

/* Fences one operation inside a writing transaction: `err` < 0 undoes it. CHATD_E_BACKEND: the whole
 * transaction is lost. */
int store_fence_begin(struct store *store);
int store_fence_end(struct store *store, int err);

/* The canary, inside a writing transaction: writes a few bytes, reads them back, and sees whether the
 * disk has room. `thorough`: also whether the database would find some for an operation. A
 * transaction that does nothing else leaves no trace in the generation. */
int store_touch(struct store *store, bool thorough);

/* --- chatd.log --------------------------------------------------------------------------------- */

struct store_entry {
    chatd_str room, user, cid, record; /* an empty cid is never a double */
    int64_t dedup_ms;
    int64_t now_ms;
};

struct store_appended {
    uint64_t seq;
    int64_t ts; /* 0: a double */
    bool duplicate;
};

/* The state of a room; all zero when it has no records. */
struct store_room {
    uint64_t top;    /* last record */
    uint64_t first;  /* first record kept */
    uint64_t common; /* up to here the records are also those of the previous epoch */
};

enum store_direction { STORE_BEFORE, STORE_AFTER };

/* Takes a row of a result, borrowed for the call; false: no more, this one is not taken. */
typedef bool (*store_record_fn)(void *arg, uint64_t seq, int64_t ts, chatd_str record);

int store_append(struct store *store, const struct store_entry *entry, struct store_appended *out);

/* Gives the records before (falling, seq 0: the newest) or after (rising) `seq` to `row`, at most
 * `limit` and one more, which tells `row` that there are more. */
int store_range(struct store *store, chatd_str room, uint64_t seq, uint32_t limit,
                enum store_direction direction, store_record_fn row, void *arg,
                struct store_room *room_out);

typedef bool (*store_grown_fn)(void *arg, chatd_str room, uint64_t top);

/* A number that changes when another process has committed something. */
int store_data_version(struct store *store, int64_t *version_out);

/* Gives the rooms whose last record is of `since_ms` or later. */
int store_rooms_since(struct store *store, int64_t since_ms, store_grown_fn row, void *arg);

/* Deletes records older than `before_ms`, in a writing transaction: at most STORE_FORGET_MAX, the oldest of
 * their rooms, and says how many. Numbers go on, also when all are gone. */
#define STORE_FORGET_MAX 1000
int store_forget(struct store *store, int64_t before_ms, int64_t *n_out);

/* Whether there are any. */
int store_has_older(struct store *store, int64_t before_ms, bool *out);

/* The epoch before this one; empty: none is known. */
const char *store_previous_epoch(const struct store *store);

/* --- chatd.kv ---------------------------------------------------------------------------------- */

/* Where an entry is. ttl_ms > 0: among those that end by themselves, which are kept apart. */
struct store_key {
    chatd_str ns, key;
    int64_t ttl_ms;
    int64_t now_ms;
};

typedef bool (*store_item_fn)(void *arg, chatd_str key, chatd_str value);

/* Values read are copied into `arena`. */
int store_kv_get(struct store *store, const struct store_key *key, struct arena *arena,
                 chatd_str *value_out);
int store_kv_put(struct store *store, const struct store_key *key, chatd_str value);
int store_kv_put_absent(struct store *store, const struct store_key *key, chatd_str value,
                        struct arena *arena, chatd_str *there_out);
int store_kv_cas(struct store *store, const struct store_key *key, chatd_str expected,
                 chatd_str value, struct arena *arena, chatd_str *there_out);
int store_kv_add(struct store *store, const struct store_key *key, int64_t n, int64_t *sum_out);
int store_kv_del(struct store *store, const struct store_key *key);

/* Gives the entries without ttl whose key follows `after`, at most `limit` and one more. */
int store_kv_scan(struct store *store, chatd_str ns, chatd_str after, uint32_t limit,
                  store_item_fn item, void *arg);

#endif
