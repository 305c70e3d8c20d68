/* SPDX-License-Identifier: MIT */
/* The database layer alone: opening, refusing, records, doubles, trimming, entries, epochs. */
#include "scratch.h"
#include "store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define INSTANCE "00000000000000aa"
#define OTHER    "00000000000000bb"
#define NOW      1790000000000

static int setup(void **state)
{
    struct scratch *scratch = malloc(sizeof(*scratch));

    scratch_make(scratch);
    *state = scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

static int open_as(const char *path, const char *instance, const char *epoch, struct store **out,
                   char **err_out)
{
    const struct store_options options = {.path = path,
                                          .instance = str_of(instance),
                                          .fresh_epoch = epoch,
                                          .history_max = 100,
                                          .sync = STORE_SYNC_FULL};

    return store_open(&options, out, err_out);
}

static struct store *open_ok(const struct scratch *scratch, const char *epoch)
{
    struct store *store;
    char *sentence = NULL;
    int err = open_as(scratch->db, INSTANCE, epoch, &store, &sentence);

    if (err != CHATD_OK)
        fail_msg("%s", sentence);
    return store;
}

/* Opening must fail with a sentence that holds `part` and names the option. */
static void open_refused(const char *path, const char *instance, const char *part)
{
    struct store *store;
    char *sentence = NULL;

    assert_true(open_as(path, instance, "e", &store, &sentence) < 0);
    assert_null(store);
    assert_non_null(sentence);
    assert_non_null(strstr(sentence, part));
    assert_non_null(strstr(sentence, path));
    assert_non_null(strstr(sentence, "path in [history-sqlite]"));
    assert_int_equal(sentence[strlen(sentence) - 1], '.');
    free(sentence);
}

static struct store_appended append_at(struct store *store, const char *room, const char *cid,
                                       int64_t now, const char *record)
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

static uint64_t append(struct store *store, const char *room)
{
    return append_at(store, room, "", NOW, "{}").seq;
}

struct rows {
    uint64_t seqs[256];
    uint32_t n, max;
    char last[64];
};

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

static struct store_room range(struct store *store, const char *room, uint64_t seq, uint32_t limit,
                               enum store_direction direction, struct rows *rows)
{
    struct store_room at;

    *rows = (struct rows){.max = limit};
    assert_int_equal(store_range(store, str_of(room), seq, limit, direction, take, rows, &at),
                     CHATD_OK);
    return at;
}

/* --- opening ----------------------------------------------------------------------------------- */

static void test_fresh(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");
    struct stat st;

    assert_string_equal(store_epoch(store), "1111111111111111");
    assert_string_equal(store_previous_epoch(store), "");
    assert_false(store_was_restored(store));
    assert_int_equal(stat(scratch->db, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(store);
}

static void test_reopen_keeps(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct rows rows;

    append(store, "general");
    append(store, "general");
    store_close(store);
    store = open_ok(*state, "2222222222222222");
    assert_string_equal(store_epoch(store), "1111111111111111");
    assert_int_equal(append(store, "general"), 3);
    assert_int_equal(range(store, "general", 0, 10, STORE_AFTER, &rows).top, 3);
    assert_int_equal(rows.n, 3);
    store_close(store);
}

static void test_refuses_what_is_no_place(void **state)
{
    const struct scratch *scratch = *state;
    char path[128];

    open_refused(scratch->folder, INSTANCE, "is a folder");
    snprintf(path, sizeof(path), "%s/none/chatd.db", scratch->folder);
    open_refused(path, INSTANCE, "No such file or directory");
}

static void test_refuses_other_files(void **state)
{
    const struct scratch *scratch = *state;
    char text[4097];
    sqlite3 *db;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    scratch_write(scratch->db, text);
    open_refused(scratch->db, INSTANCE, "is not an SQLite database");

    remove(scratch->db);
    assert_int_equal(sqlite3_open(scratch->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_refused(scratch->db, INSTANCE, "another program");
}

static void test_refuses_newer_schema(void **state)
{
    const struct scratch *scratch = *state;
    sqlite3 *db;

    store_close(open_ok(scratch, "1111111111111111"));
    assert_int_equal(sqlite3_open(scratch->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 7", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_refused(scratch->db, INSTANCE, "newer chatd (schema 7");
}

static void test_one_instance_at_a_time(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");
    struct store *sibling = open_ok(scratch, "2222222222222222");
    char pid[32];

    snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
    open_refused(scratch->db, OTHER, pid);
    assert_int_equal(append(store, "general"), 1);
    assert_int_equal(append(sibling, "general"), 2);
    assert_int_equal(append(store, "general"), 3);
    store_close(store);
    open_refused(scratch->db, OTHER, pid);
    store_close(sibling);

    char *sentence = NULL;

    assert_int_equal(open_as(scratch->db, OTHER, "e", &store, &sentence), CHATD_OK);
    assert_string_equal(store_epoch(store), "1111111111111111");
    store_close(store);
}

/* --- epochs ------------------------------------------------------------------------------------ */

static void test_restored_backup(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");
    char backup[128];
    struct rows rows;

    append(store, "general");
    append(store, "general");
    store_close(store);
    snprintf(backup, sizeof(backup), "%s/backup.db", scratch->folder);
    scratch_copy(scratch->db, backup);

    store = open_ok(scratch, "2222222222222222");
    append(store, "general");
    append(store, "new");
    store_close(store);
    scratch_restore(scratch, backup);

    store = open_ok(scratch, "3333333333333333");
    assert_true(store_was_restored(store));
    assert_string_equal(store_epoch(store), "3333333333333333");
    assert_string_equal(store_previous_epoch(store), "1111111111111111");
    assert_int_equal(append(store, "general"), 3);
    assert_int_equal(range(store, "general", 0, 10, STORE_AFTER, &rows).common, 2);
    append(store, "new");
    assert_int_equal(range(store, "new", 0, 10, STORE_AFTER, &rows).common, 0);
    store_close(store);

    store = open_ok(scratch, "4444444444444444");
    assert_false(store_was_restored(store));
    assert_string_equal(store_epoch(store), "3333333333333333");
    store_close(store);

    /* The same backup once more: its generation may be anything, its epoch is not the noted one. */
    scratch_restore(scratch, backup);
    store = open_ok(scratch, "5555555555555555");
    assert_string_equal(store_epoch(store), "5555555555555555");
    store_close(store);
}

static void test_restored_up_to_date(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");
    char backup[128];

    append(store, "general");
    store_close(store);
    snprintf(backup, sizeof(backup), "%s/backup.db", scratch->folder);
    scratch_copy(scratch->db, backup);
    scratch_restore(scratch, backup);
    store = open_ok(scratch, "2222222222222222");
    assert_string_equal(store_epoch(store), "1111111111111111");
    store_close(store);
}

static void test_lost_note(void **state)
{
    const struct scratch *scratch = *state;
    char side[128];

    store_close(open_ok(scratch, "1111111111111111"));
    snprintf(side, sizeof(side), "%s.lock", scratch->db);
    scratch_write(side, "instance");
    struct store *store = open_ok(scratch, "2222222222222222");

    assert_string_equal(store_epoch(store), "1111111111111111");
    store_close(store);
}

/* --- records ----------------------------------------------------------------------------------- */

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

/* --- entries ----------------------------------------------------------------------------------- */

static struct store_key key_of(const char *key, int64_t ttl_ms, int64_t now_ms)
{
    return (struct store_key){
        .ns = str_of("ns"), .key = str_of(key), .ttl_ms = ttl_ms, .now_ms = now_ms};
}

static void check_value(struct store *store, const struct store_key *key, const char *value)
{
    struct arena arena = {0};
    chatd_str there = {NULL, 0};
    int err = store_kv_get(store, key, &arena, &there);

    if (value == NULL) {
        assert_int_equal(err, CHATD_E_NOTFOUND);
    } else {
        assert_int_equal(err, CHATD_OK);
        assert_string_equal(there.p, value);
    }
    arena_free(&arena);
}

static void test_kv(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key key = key_of("k", 0, NOW);
    struct arena arena = {0};
    chatd_str there = {NULL, 0};

    check_value(store, &key, NULL);
    assert_int_equal(store_kv_put(store, &key, str_of("one")), CHATD_OK);
    check_value(store, &key, "one");
    assert_int_equal(store_kv_put(store, &key, str_of("two")), CHATD_OK);
    check_value(store, &key, "two");
    assert_int_equal(store_kv_put_absent(store, &key, str_of("three"), &arena, &there),
                     CHATD_E_EXISTS);
    assert_string_equal(there.p, "two");
    assert_int_equal(store_kv_cas(store, &key, str_of("one"), str_of("x"), &arena, &there),
                     CHATD_E_EXISTS);
    assert_string_equal(there.p, "two");
    assert_int_equal(store_kv_cas(store, &key, str_of("two"), str_of(""), &arena, &there),
                     CHATD_OK);
    check_value(store, &key, "");
    assert_int_equal(store_kv_del(store, &key), CHATD_OK);
    assert_int_equal(store_kv_del(store, &key), CHATD_E_NOTFOUND);
    assert_int_equal(store_kv_cas(store, &key, str_of(""), str_of("x"), &arena, &there),
                     CHATD_E_NOTFOUND);
    arena_free(&arena);
    store_close(store);
}

static void test_kv_ttl(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key at = key_of("k", 1000, NOW), late = key_of("k", 1000, NOW + 1000);
    struct store_key forever = key_of("f", INT64_MAX, NOW);
    struct arena arena = {0};
    chatd_str there = {NULL, 0};

    assert_int_equal(store_kv_put(store, &at, str_of("one")), CHATD_OK);
    check_value(store, &at, "one");
    check_value(store, &late, NULL);
    assert_int_equal(store_kv_del(store, &late), CHATD_E_NOTFOUND);
    assert_int_equal(store_kv_put_absent(store, &at, str_of("two"), &arena, &there),
                     CHATD_E_EXISTS);
    assert_int_equal(store_kv_put_absent(store, &late, str_of("two"), &arena, &there), CHATD_OK);
    check_value(store, &late, "two");
    assert_int_equal(store_kv_put(store, &forever, str_of("x")), CHATD_OK);
    check_value(store, &forever, "x");
    arena_free(&arena);
    store_close(store);
}

static void test_kv_add(void **state)
{
    struct store *store = open_ok(*state, "1111111111111111");
    struct store_key key = key_of("n", 0, NOW), text = key_of("t", 0, NOW);
    struct store_key first = key_of("c", 1000, NOW), second = key_of("c", 1000, NOW + 600);
    struct store_key third = key_of("c", 1000, NOW + 1000);
    int64_t sum = 0;

    assert_int_equal(store_kv_add(store, &key, 5, &sum), CHATD_OK);
    assert_int_equal(store_kv_add(store, &key, -7, &sum), CHATD_OK);
    assert_int_equal(sum, -2);
    check_value(store, &key, "-2");
    assert_int_equal(store_kv_add(store, &key, INT64_MIN, &sum), CHATD_E_INVAL);
    assert_int_equal(store_kv_add(store, &key, INT64_MIN + 2, &sum), CHATD_OK);
    assert_true(sum == INT64_MIN);
    assert_int_equal(store_kv_add(store, &key, 1, &sum), CHATD_OK);
    assert_true(sum == INT64_MIN + 1);

    static const char *const bad[] = {"", "-", "1x", " 1", "9223372036854775808", "+1"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(store_kv_put(store, &text, str_of(bad[i])), CHATD_OK);
        assert_int_equal(store_kv_add(store, &text, 1, &sum), CHATD_E_INVAL);
    }
    /* The time counts from the first addition. */
    assert_int_equal(store_kv_add(store, &first, 1, &sum), CHATD_OK);
    assert_int_equal(store_kv_add(store, &second, 1, &sum), CHATD_OK);
    assert_int_equal(sum, 2);
    assert_int_equal(store_kv_add(store, &third, 1, &sum), CHATD_OK);
    assert_int_equal(sum, 1);
    store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fresh),
        TEST(test_reopen_keeps),
        TEST(test_refuses_what_is_no_place),
        TEST(test_refuses_other_files),
        TEST(test_refuses_newer_schema),
        TEST(test_one_instance_at_a_time),
        TEST(test_restored_backup),
        TEST(test_restored_up_to_date),
        TEST(test_lost_note),
        TEST(test_append_counts_per_room),
        TEST(test_time_never_goes_back),
        TEST(test_doubles),
        TEST(test_old_cids_are_pruned),
        TEST(test_ranges),
        TEST(test_trim),
        TEST(test_fence_undoes_one),
        TEST(test_kv),
        TEST(test_kv_ttl),
        TEST(test_kv_add),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
