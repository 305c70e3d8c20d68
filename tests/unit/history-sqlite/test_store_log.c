/* SPDX-License-Identifier: MIT */
/* Records in the database: numbers, times, doubles, ranges, trimming. */
#include "fixture.h"
#include "store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_append_counts_per_room(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");

    assert_int_equal(append(store, "a"), 1);
    assert_int_equal(append(store, "b"), 1);
    assert_int_equal(append(store, "a"), 2);
    store_close(store);
}

static void test_time_never_goes_back(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");

    assert_int_equal(append_at(store, "a", "", NOW, "{}").ts, NOW);
    assert_int_equal(append_at(store, "a", "", NOW - 5000, "{}").ts, NOW);
    assert_int_equal(append_at(store, "b", "", NOW - 5000, "{}").ts, NOW - 5000);
    assert_int_equal(append_at(store, "a", "", NOW + 1, "{}").ts, NOW + 1);
    store_close(store);
}

static void test_doubles(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_appended again;

    assert_int_equal(append_at(store, "a", "c1", NOW, "{}").seq, 1);
    again = append_at(store, "a", "c1", NOW + 999, "{}");
    assert_true(again.duplicate);
    assert_int_equal(again.seq, 1);
    assert_int_equal(again.ts, 0);
    assert_false(append_at(store, "b", "c1", NOW, "{}").duplicate);
    again = append_at(store, "a", "c1", NOW + 1000, "{}");
    assert_false(again.duplicate);
    assert_int_equal(again.seq, 2);
    assert_true(append_at(store, "a", "c1", NOW + 1500, "{}").duplicate);
    assert_false(append_at(store, "a", "", NOW, "{}").duplicate);
    assert_false(append_at(store, "a", "", NOW, "{}").duplicate);
    store_close(store);
}

static int64_t count(struct store *store, const char *sql)
{
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(statement, 0);

    sqlite3_finalize(statement);
    return n;
}

static void test_old_cids_are_pruned(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    char cid[16];

    for (int i = 0; i < 2000; i++) {
        snprintf(cid, sizeof(cid), "c%d", i);
        append_at(store, "a", cid, NOW + 10 * (int64_t)i, "{}");
    }
    /* 100 of them are within their second; pruning comes every 256. */
    assert_in_range(count(store, "SELECT count(*) FROM cids"), 100, 100 + 256);
    store_close(store);
}

static void test_ranges(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct rows rows;

    assert_int_equal(range(store, "a", 0, 10, STORE_AFTER, &rows).top, 0);
    assert_int_equal(rows.n, 0);
    for (int i = 1; i <= 9; i++) {
        char record[32];

        snprintf(record, sizeof(record), "{\"n\":%d}", i);
        append_at(store, "a", "", NOW, record);
    }
    range(store, "a", 3, 2, STORE_AFTER, &rows);
    assert_int_equal(rows.n, 2);
    assert_int_equal(rows.seqs[0], 4);
    assert_int_equal(rows.seqs[1], 5);
    assert_string_equal(rows.last, "{\"n\":5}");
    range(store, "a", 3, 5, STORE_BEFORE, &rows);
    assert_int_equal(rows.n, 2);
    assert_int_equal(rows.seqs[0], 2);
    range(store, "a", 0, 3, STORE_BEFORE, &rows);
    assert_int_equal(rows.n, 3);
    assert_int_equal(rows.seqs[0], 9);
    range(store, "a", UINT64_MAX, 3, STORE_AFTER, &rows);
    assert_int_equal(rows.n, 0);
    assert_int_equal(range(store, "a", 0, 0, STORE_AFTER, &rows).top, 9);
    store_close(store);
}

static void test_trim(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_room at;
    struct rows rows;

    for (int i = 0; i < 110; i++)
        append(store, "a");
    assert_int_equal(range(store, "a", 0, 1, STORE_AFTER, &rows).first, 1);
    append(store, "a");
    at = range(store, "a", 0, 1, STORE_AFTER, &rows);
    assert_int_equal(at.top, 111);
    assert_int_equal(at.first, 12);
    assert_int_equal(rows.seqs[0], 12);
    assert_int_equal(count(store, "SELECT count(*) FROM records"), 100);
    store_close(store);
}

static int64_t forget(struct store *store, int64_t before_ms)
{
    int64_t n;

    assert_int_equal(store_begin(store, true), CHATD_OK);
    assert_int_equal(store_forget(store, before_ms, &n), CHATD_OK);
    assert_int_equal(store_commit(store), CHATD_OK);
    return n;
}

static bool has_older(struct store *store, int64_t before_ms)
{
    bool has;

    assert_int_equal(store_begin(store, false), CHATD_OK);
    assert_int_equal(store_has_older(store, before_ms, &has), CHATD_OK);
    store_rollback(store);
    return has;
}

static void test_what_is_too_old_is_forgotten(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_room at;
    struct rows rows;

    for (int i = 0; i < 5; i++) {
        append_at(store, "a", "", NOW + 1000 * (int64_t)i, "{}");
        append_at(store, "b", "", NOW, "{}");
    }
    append_at(store, "c", "", NOW + 9000, "{}");
    assert_false(has_older(store, NOW));
    assert_true(has_older(store, NOW + 1));
    assert_int_equal(forget(store, NOW + 2000), 2 + 5);
    assert_false(has_older(store, NOW + 2000));
    at = range(store, "a", 0, 10, STORE_AFTER, &rows);
    assert_int_equal(at.first, 3);
    assert_int_equal(rows.seqs[0], 3);
    at = range(store, "b", 0, 10, STORE_AFTER, &rows);
    assert_int_equal(at.first, 6); /* nothing is left, and numbers go on */
    assert_int_equal(at.top, 5);
    assert_int_equal(rows.n, 0);
    assert_int_equal(append(store, "b"), 6);
    assert_int_equal(range(store, "c", 0, 10, STORE_AFTER, &rows).first, 1);
    assert_int_equal(count(store, "SELECT count(*) FROM records"), 3 + 1 + 1);
    store_close(store);
}

/* Records are many: none but those asked for may be walked over, least of all in a turn to write. */
static void test_no_statement_scans_the_records(void **state)
{
#define TEXT(id, text) text,
    static const char *const statements[] = {STORE_SQL(TEXT)};
    struct store *store = open_ok(*state, "1111111111111111");

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", statements[i]);
        sqlite3_stmt *plan;

        assert_int_equal(sqlite3_prepare_v2(store->db, explain, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW)
            assert_null(strstr((const char *)sqlite3_column_text(plan, 3), "SCAN records"));
        sqlite3_finalize(plan);
        sqlite3_free(explain);
    }
    store_close(store);
}

static void test_forgetting_goes_in_portions(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    int portions = 0;

    for (int room = 0; room < 13; room++) {
        char name[16];

        snprintf(name, sizeof(name), "r%d", room);
        for (int i = 0; i < 100; i++)
            append_at(store, name, "", NOW, "{}");
    }
    while (has_older(store, NOW + 1)) {
        int64_t before = count(store, "SELECT count(*) FROM records");
        int64_t n = forget(store, NOW + 1);

        portions++;
        assert_in_range(n, 1, STORE_FORGET_MAX);
        assert_int_equal(before - count(store, "SELECT count(*) FROM records"), n);
    }
    assert_int_equal(portions, 2);
    assert_int_equal(count(store, "SELECT count(*) FROM records"), 0);
    store_close(store);
}

static void test_fence_undoes_one(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    const struct store_entry entry = {
        .room = str_of("a"), .user = str_of("u"), .record = str_of("{}"), .now_ms = NOW};
    struct store_appended appended;

    assert_int_equal(store_begin(store, true), CHATD_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_fence_begin(store), CHATD_OK);
        assert_int_equal(store_append(store, &entry, &appended), CHATD_OK);
        assert_int_equal(store_fence_end(store, i == 1 ? CHATD_E_INVAL : CHATD_OK), CHATD_OK);
    }
    assert_int_equal(store_commit(store), CHATD_OK);
    assert_int_equal(appended.seq, 2);
    assert_int_equal(append(store, "a"), 3);
    store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_append_counts_per_room),
        TEST(test_time_never_goes_back),
        TEST(test_doubles),
        TEST(test_old_cids_are_pruned),
        TEST(test_ranges),
        TEST(test_trim),
        TEST(test_what_is_too_old_is_forgotten),
        TEST(test_forgetting_goes_in_portions),
        TEST(test_no_statement_scans_the_records),
        TEST(test_fence_undoes_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
