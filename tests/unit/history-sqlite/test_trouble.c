/* SPDX-License-Identifier: MIT */
/* The plugin when things do not go well: caps, deadlines, failures of the disk, stopping. */
#include "store_internal.h"
#include "world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#define INSTANCE "00000000000000aa"

static int setup(void **state)
{
    struct world *world = malloc(sizeof(*world));

    world_make(world);
    assert_int_equal(world_start(world, INSTANCE), CHATD_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    world_stop(world);
    scratch_remove(&world->scratch);
    free(world);
    return 0;
}

static void append_many(struct world *world, const char *room, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(world_append(world, room, "", i), CHATD_OK);
        if (i % 500 == 499) /* below queue_max */
            testhost_turn(world->t);
    }
    testhost_turn(world->t);
    world->story[0] = '\0';
}

static sqlite3 *database(const struct world *world)
{
    return world_history(world)->store->db;
}

static void execute(const struct world *world, const char *sql)
{
    assert_int_equal(sqlite3_exec(database(world), sql, NULL, NULL, NULL), SQLITE_OK);
}

static void replied(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)self;
    (void)reply;
    world_tell(world_came(arg), "%d", err);
}

static void put(struct world *world, chatd_str value)
{
    world_asks(world, CHATD_OK,
               chatd_kv_put(world->caller, world->kv, CHATD_STR("n"), CHATD_STR("k"), value, 0,
                            replied, asked));
}

static void test_busy(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 1000; i++)
        assert_int_equal(world_append(world, "a", "", i), CHATD_OK);
    assert_int_equal(world_append(world, "a", "", 0), CHATD_E_BUSY);
    assert_int_equal(testhost_metric(world->t, "refused_total", NULL), 1);
    assert_int_equal(testhost_metric(world->t, "queue", NULL), 1000);
    testhost_turn(world->t);
    assert_int_equal(testhost_metric(world->t, "queue", NULL), 0);
}

static void test_deadline(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    world_listen(world, &x, "a", world_epoch(world), 0);
    world_expect(world, "");
    testhost_hold_jobs(world->t, 1);
    world_append(world, "a", "cid", 1);
    testhost_advance(world->t, 4999);
    world_expect(world, "");
    testhost_advance(world->t, 1);
    world_expect(world, "+E-8");
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "has not answered for 5 s"));
    /* It was stored after all: readers see it, the caller's repeat finds it. */
    testhost_hold_jobs(world->t, 0);
    world_append(world, "a", "cid", 1);
    world_expect(world, "x1 =1");
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
}

static void test_disk_full(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    world_listen(world, &x, "a", "", 0);
    append_many(world, "a", 1);
    execute(world, "PRAGMA max_page_count = 1"); /* no page more than it has */
    chatd_str big = {calloc(1, 50001), 50000};

    put(world, big);
    world_append(world, "a", "", 2);
    world_range(world, "a", 0, 5, CHATD_LOG_AFTER);
    testhost_turn(world->t);
    /* The large entry finds no room and costs the others nothing, or fails all that write; what
     * reads goes on. */
    assert_non_null(strstr(world->story, "-10 "));
    assert_int_equal(testhost_ready(world->t) == CHATD_READY, 0);
    assert_non_null(strstr(testhost_ready_text(world->t), "disk full writing "));
    assert_non_null(strstr(testhost_ready_text(world->t), world->scratch.db));
    world->story[0] = '\0';

    put(world, big);
    world_expect(world, "-10");
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    world_range(world, "a", 0, 1, CHATD_LOG_AFTER);
    testhost_turn(world->t);
    assert_memory_equal(world->story, "1;top=", 6);
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY); /* the canary finds no room either */

    execute(world, "PRAGMA max_page_count = 100000");
    testhost_advance(world->t, 4999);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    testhost_advance(world->t, 1);
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
    world->story[0] = '\0';
    put(world, big);
    world_expect(world, "0");
    assert_true(testhost_metric(world->t, "failures_total", NULL) > 0);
    free((void *)(uintptr_t)big.p);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The write-ahead log cannot grow: COMMIT itself fails, with all that share it. */
static void test_commit_fails(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};
    char wal[128];
    struct stat st;

    append_many(world, "a", 3);
    world_listen(world, &x, "a", world_epoch(world), 3);
    world_expect(world, "");
    snprintf(wal, sizeof(wal), "%s-wal", world->scratch.db);
    assert_int_equal(stat(wal, &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_files((rlim_t)st.st_size);
    world_append(world, "a", "cid", 4);
    world_append(world, "b", "", 1);
    world_range(world, "a", 0, 10, CHATD_LOG_AFTER);
    world_expect(world, "+E-10 +E-10 1,2,3;top=3");
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "error on "));
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);

    limit_files(RLIM_INFINITY);
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
    world_append(world, "a", "cid", 4);
    world_expect(world, "x4 +4");
}

static void test_refill_survives_a_failure(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"}, y = {.name = "y"};

    append_many(world, "a", 2);
    execute(world, "ALTER TABLE records RENAME TO elsewhere");
    world_listen(world, &x, "a", world_epoch(world), 0);
    world_expect(world, "");
    assert_int_equal(testhost_ready(world->t), CHATD_DEGRADED);
    execute(world, "ALTER TABLE elsewhere RENAME TO records");
    testhost_advance(world->t, 1000);
    world_expect(world, "x1 x2");

    /* One that wants the present top and cannot read it yet gets what comes after it. */
    execute(world, "ALTER TABLE rooms RENAME TO elsewhere");
    world_listen(world, &y, "a", "", 0);
    world_expect(world, "");
    execute(world, "ALTER TABLE elsewhere RENAME TO rooms");
    world_append(world, "a", "", 3);
    world_append(world, "a", "", 4);
    world_expect(world, "x3 y3 +3 x4 y4 +4");
    testhost_advance(world->t, 10000);
    world_expect(world, "");
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
}

static void test_drain_and_cancel(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    world_listen(world, &x, "a", "", 0);
    world_expect(world, "");
    testhost_hold_jobs(world->t, 1);
    world_append(world, "a", "", 1);
    testhost_turn(world->t);
    world_append(world, "a", "", 2);
    testhost_drain(world->t);
    assert_int_equal(world_append(world, "a", "", 3), CHATD_OK); /* calls still work */
    testhost_cancel(world->t);
    assert_int_equal(world_append(world, "a", "", 4), CHATD_E_STATE);
    assert_int_equal(world_listen(world, &x, "a", "", 0), CHATD_E_STATE);
    world_expect(world, "+E-9 +E-9 +E-9");
    testhost_hold_jobs(world->t, 0);
    world_expect(world, "");
}

static void test_drain_takes_calls(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    testhost_drain(world->t);
    world_append(world, "a", "", 1);
    world_expect(world, "+1");
    assert_int_equal(world_listen(world, &x, "a", world_epoch(world), 0), CHATD_OK);
    world_append(world, "a", "", 2);
    world_expect(world, "x1 x2 +2");
}

/* Stopped while a commit is under way: its callers are called before that, and the database is closed
 * after it. */
static void test_stop_under_way(void **state)
{
    struct world *world = *state;

    testhost_hold_jobs(world->t, 1);
    world_append(world, "a", "", 1);
    testhost_turn(world->t);
    testhost_stop(world->t);
    world_expect(world, "+E-9");
    assert_int_equal(world_append(world, "a", "", 2), CHATD_E_STATE);
    testhost_hold_jobs(world->t, 0);
    world_expect(world, "");
    world_stop(world);
    assert_int_equal(world_start(world, INSTANCE), CHATD_OK);
    world_append(world, "a", "", 2);
    world_expect(world, "+2");
}

/* The core had no room for a job until the end, and there is no timer any more to try again. */
static void test_stop_without_a_job(void **state)
{
    struct world *world = *state;

    testhost_refuse_jobs(world->t, 1000);
    world_append(world, "a", "", 1);
    world_expect(world, "");
    world_append(world, "a", "", 2);
    testhost_cancel(world->t);
    assert_int_equal(world_append(world, "a", "", 3), CHATD_E_STATE);
    world_expect(world, "+E-9 +E-9");
}

/* --- the canary ------------------------------------------------------------------------------- */

static struct store *store_of(const struct world *world)
{
    return world_history(world)->store;
}

/* What a restored backup is known by does not move, nor do the counters of real work. */
static void test_canary_leaves_no_trace(void **state)
{
    struct world *world = *state;
    struct lockfile_note before, after;
    int64_t changes;

    world_append(world, "a", "cid", 1);
    world_expect(world, "+1");
    assert_true(lockfile_note_read(&store_of(world)->lock, &before));
    changes = sqlite3_total_changes64(database(world));
    for (int i = 0; i < 10; i++)
        testhost_advance(world->t, 5000);
    assert_int_equal(sqlite3_total_changes64(database(world)) - changes,
                     10); /* it ran, a row each */
    assert_true(lockfile_note_read(&store_of(world)->lock, &after));
    assert_int_equal(after.generation, before.generation);
    assert_int_equal(store_of(world)->generation, before.generation);
    assert_int_equal(testhost_metric(world->t, "commits_total", NULL), 1);
    world_append(world, "a", "cid", 1); /* still a double */
    world_append(world, "a", "", 2);
    world_expect(world, "=1 +2");
    assert_true(lockfile_note_read(&store_of(world)->lock, &after));
    assert_int_equal(after.generation, before.generation + 1);
}

static void test_canary_finds_a_full_disk(void **state)
{
    struct world *world = *state;

    testhost_advance(world->t, 5000);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(65536 + 4096); /* the side file finds half of its room */
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_DEGRADED);
    assert_non_null(strstr(testhost_ready_text(world->t), "disk full writing "));
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_DEGRADED);
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "disk full writing "));
    limit_files(RLIM_INFINITY);
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
    testhost_advance(world->t, 60000);
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
}

static void test_canary_finds_a_hanging_disk(void **state)
{
    struct world *world = *state;

    testhost_advance(world->t, 5000);
    testhost_hold_jobs(world->t, 1);
    testhost_advance(world->t, 5000);
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
    testhost_advance(world->t, 5000);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "has not answered for 15 s"));
    testhost_hold_jobs(world->t, 0);
    testhost_advance(world->t, 0);
    assert_int_equal(testhost_ready(world->t), CHATD_READY);
}

static void test_second_instance(void **state)
{
    struct world *world = *state;
    struct world other = *world;

    assert_int_equal(world_start(&other, "00000000000000bb"), CHATD_E_BUSY);
    assert_non_null(
        strstr(testhost_log(other.t, CHATD_LOG_ERROR), "in use by another chatd (pid "));
    world_stop(&other);
    world_append(world, "a", "", 1);
    world_expect(world, "+1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_busy),
        TEST(test_deadline),
        TEST(test_disk_full),
        TEST(test_refill_survives_a_failure),
        TEST(test_drain_and_cancel),
        TEST(test_drain_takes_calls),
        TEST(test_stop_under_way),
        TEST(test_stop_without_a_job),
        TEST(test_second_instance),
        TEST(test_commit_fails),
        TEST(test_canary_leaves_no_trace),
        TEST(test_canary_finds_a_full_disk),
        TEST(test_canary_finds_a_hanging_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
