/* SPDX-License-Identifier: MIT */
/* Entries of chatd.kv in the database: one table without and one with times of expiry. */
#include "store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_SIZE 24 /* a 64-bit number as text */

static int64_t expires_ms(const struct store_key *key)
{
    return key->ttl_ms < INT64_MAX - key->now_ms ? key->now_ms + key->ttl_ms : INT64_MAX;
}

static sqlite3_stmt *key_statement(struct store *store, enum store_sql sql,
                                   const struct store_key *key)
{
    sqlite3_stmt *statement = store_statement(store, sql);

    if (statement != NULL) {
        store_bind_text(statement, 1, key->ns);
        store_bind_text(statement, 2, key->key);
    }
    return statement;
}

/* Reads from one of the two tables. */
static int value_get(struct store *store, const struct store_key *key, bool ttl,
                     struct arena *arena, chatd_str *value_out)
{
    sqlite3_stmt *statement = key_statement(store, ttl ? SQL_TTL_GET : SQL_KV_GET, key);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    if (ttl)
        sqlite3_bind_int64(statement, 3, key->now_ms);
    int err = store_step(store, statement);

    if (err > 0) {
        chatd_str value = store_column(statement, 0);

        err = arena_copy(arena, value.p, value.n, value_out) ? CHATD_OK : CHATD_E_BUSY;
    } else if (err == 0) {
        err = CHATD_E_NOTFOUND;
    }
    return store_done(statement, err);
}

int store_kv_get(struct store *store, const struct store_key *key, struct arena *arena,
                 chatd_str *value_out)
{
    int err = value_get(store, key, false, arena, value_out);

    return err == CHATD_E_NOTFOUND ? value_get(store, key, true, arena, value_out) : err;
}

int store_kv_put(struct store *store, const struct store_key *key, chatd_str value)
{
    bool ttl = key->ttl_ms > 0;
    sqlite3_stmt *statement = key_statement(store, ttl ? SQL_TTL_PUT : SQL_KV_PUT, key);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_blob(statement, 3, value);
    store->now_ms = key->now_ms;
    if (ttl) {
        sqlite3_bind_int64(statement, 4, expires_ms(key));
        store->unpruned++;
    }
    return store_run(store, statement);
}

int store_kv_put_absent(struct store *store, const struct store_key *key, chatd_str value,
                        struct arena *arena, chatd_str *there_out)
{
    int err = value_get(store, key, key->ttl_ms > 0, arena, there_out);

    if (err == CHATD_OK)
        return CHATD_E_EXISTS;
    return err == CHATD_E_NOTFOUND ? store_kv_put(store, key, value) : err;
}

int store_kv_cas(struct store *store, const struct store_key *key, chatd_str expected,
                 chatd_str value, struct arena *arena, chatd_str *there_out)
{
    int err = value_get(store, key, false, arena, there_out);

    if (err != CHATD_OK)
        return err;
    if (there_out->n != expected.n ||
        (expected.n > 0 && memcmp(there_out->p, expected.p, expected.n) != 0))
        return CHATD_E_EXISTS;
    return store_kv_put(store, key, value);
}

/* The whole of `text` as a decimal number with an optional minus. */
static bool number_parse(chatd_str text, int64_t *out)
{
    bool minus = text.n > 0 && text.p[0] == '-';
    size_t at = minus ? 1 : 0;
    int64_t n = 0;

    if (at == text.n)
        return false;
    for (; at < text.n; at++) {
        int digit = text.p[at] - '0';

        /* Downwards: the most negative number has no positive twin. */
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, digit, &n))
            return false;
    }
    *out = n;
    return minus || !__builtin_sub_overflow(0, n, out);
}

/* Replaces the value of an entry whose time runs on. */
static int ttl_set(struct store *store, const struct store_key *key, chatd_str value)
{
    sqlite3_stmt *statement = key_statement(store, SQL_TTL_SET, key);

    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_blob(statement, 3, value);
    return store_run(store, statement);
}

int store_kv_add(struct store *store, const struct store_key *key, int64_t n, int64_t *sum_out)
{
    bool ttl = key->ttl_ms > 0;
    struct arena arena = {0};
    chatd_str there = {NULL, 0};
    char text[NUMBER_SIZE];
    int64_t sum = 0;
    int err = value_get(store, key, ttl, &arena, &there);
    bool fresh = err == CHATD_E_NOTFOUND;

    if (err == CHATD_OK && !number_parse(there, &sum))
        err = CHATD_E_INVAL;
    arena_free(&arena);
    if (err != CHATD_OK && !fresh)
        return err;
    if (__builtin_add_overflow(sum, n, &sum))
        return CHATD_E_INVAL;
    int length = snprintf(text, sizeof(text), "%" PRId64, sum);
    chatd_str value = {text, (size_t)length};

    *sum_out = sum;
    return ttl && !fresh ? ttl_set(store, key, value) : store_kv_put(store, key, value);
}

int store_kv_del(struct store *store, const struct store_key *key)
{
    struct arena arena = {0};
    chatd_str there;
    int found = store_kv_get(store, key, &arena, &there);

    arena_free(&arena);
    if (found != CHATD_OK)
        return found;
    sqlite3_stmt *statement = key_statement(store, SQL_KV_DEL, key);
    int err = store_run(store, statement);

    if (err != CHATD_OK)
        return err;
    statement = key_statement(store, SQL_TTL_DEL, key);
    return store_run(store, statement);
}

int store_kv_scan(struct store *store, chatd_str ns, chatd_str after, uint32_t limit,
                  store_item_fn item, void *arg)
{
    sqlite3_stmt *statement = store_statement(store, SQL_KV_SCAN);
    int err;

    if (statement == NULL)
        return CHATD_E_BACKEND;
    store_bind_text(statement, 1, ns);
    store_bind_text(statement, 2, after);
    sqlite3_bind_int64(statement, 3, (int64_t)limit + 1);
    while ((err = store_step(store, statement)) > 0)
        if (!item(arg, store_column(statement, 0), store_column(statement, 1)))
            break;
    return store_done(statement, err < 0 ? err : CHATD_OK);
}
