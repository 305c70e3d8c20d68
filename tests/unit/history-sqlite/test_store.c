/* SPDX-License-Identifier: MIT */
/* The database layer: opening, refusing, whose it is, and epochs. */
#include "fixture.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER "00000000000000bb"

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

static void test_a_file_taken_away_is_not_written_to(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");
    char moved[160];

    assert_int_equal(store_begin(store, true), CHATD_OK);
    store_rollback(store);
    snprintf(moved, sizeof(moved), "%s.moved", scratch->db);
    assert_int_equal(rename(scratch->db, moved), 0);
    assert_int_equal(store_begin(store, true), CHATD_E_BACKEND);
    assert_non_null(strstr(store_failure(store), "removed"));
    scratch_write(scratch->db, "another file");
    assert_int_equal(store_begin(store, true), CHATD_E_BACKEND);
    assert_int_equal(rename(moved, scratch->db), 0);
    assert_int_equal(store_begin(store, true), CHATD_OK);
    store_rollback(store);
    store_close(store);
}

/* A worker that comes later must not begin a store of its own beside the others'. */
static void test_a_later_worker_wants_the_same_file(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111"), *later;
    char backup[128], *sentence = NULL;
    static const char *const side[] = {"-wal", "-shm"};
    char path[160];

    append(store, "general");
    store_close(store);
    snprintf(backup, sizeof(backup), "%s/backup.db", scratch->folder);
    scratch_copy(scratch->db, backup);
    store = open_ok(scratch, "2222222222222222");
    append(store, "general");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(remove(scratch->db), 0);
        for (int k = 0; k < 2; k++) {
            snprintf(path, sizeof(path), "%s%s", scratch->db, side[k]);
            remove(path);
        }
        if (i > 0)
            scratch_copy(backup, scratch->db);
        assert_int_equal(open_as(scratch->db, INSTANCE, "3333333333333333", &later, &sentence),
                         CHATD_E_BACKEND);
        assert_non_null(strstr(sentence, "removed or replaced"));
        free(sentence);
        if (i == 0)
            scratch_copy(backup, scratch->db);
    }
    store_close(store);
    store = open_ok(scratch, "4444444444444444"); /* alone: it is a backup that was restored */
    assert_string_equal(store_epoch(store), "4444444444444444");
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
        TEST(test_a_later_worker_wants_the_same_file),
        TEST(test_a_file_taken_away_is_not_written_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
