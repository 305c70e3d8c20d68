/* SPDX-License-Identifier: MIT */
/* What the files of the store share among themselves: its struct and the handling of statements. */
#ifndef HISTORY_SQLITE_STORE_INTERNAL_H
#define HISTORY_SQLITE_STORE_INTERNAL_H

#include "lockfile.h"
#include "sql.h"
#include "store.h"

#include <sqlite3.h>
#include <sys/types.h>

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
    struct lockfile lock;
    char *path;
    dev_t device; /* of the file at `path` when it was opened; inode 0: not open yet */
    ino_t inode;
    int64_t history_max;
    char epoch[LOCKFILE_EPOCH_SIZE];
    char previous[LOCKFILE_EPOCH_SIZE];
    uint64_t generation; /* write transactions since the database was made */
    bool restored;
    bool writing;      /* inside a writing transaction: it is our turn */
    int64_t changes;   /* sqlite3_total_changes64() if the transaction keeps nothing but canaries */
    uint32_t unpruned; /* rows that may expire, added since the last pruning */
    int64_t now_ms;    /* the clock of the latest operation */
    char failure[512];
};

/* The statement, ready to be bound; NULL: it does not compile, noted as the failure. What is bound
 * is borrowed until store_done(). */
sqlite3_stmt *store_statement(struct store *store, enum store_sql sql);
void store_bind_text(sqlite3_stmt *statement, int at, chatd_str text);
void store_bind_blob(sqlite3_stmt *statement, int at, chatd_str bytes);

/* 1: a row is there; 0: the end; negative: a chatd_err, with the failure noted. */
int store_step(struct store *store, sqlite3_stmt *statement);

/* Ends the use of a statement. Passes `err` through. */
int store_done(sqlite3_stmt *statement, int err);

/* Runs a statement that gives no rows. */
int store_run(struct store *store, sqlite3_stmt *statement);

/* A column of the present row, borrowed until the next step. */
chatd_str store_column(sqlite3_stmt *statement, int at);

/* Notes the failure `rc` of the database and gives the chatd_err that fits it. */
int store_failed(struct store *store, int rc);

/* Numbers of the contracts in SQLite's range. */
int64_t store_int(uint64_t n);

/* store_schema.c: checks or makes the tables, settles the epoch. As store_open(). */
int store_prepare(struct store *store, const struct store_options *options, char **err_out);

#endif
