/* SPDX-License-Identifier: MIT */
/* Several processes on one database: they take turns, and one that is killed harms nobody. */
#include "fixture.h"
#include "store_internal.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 3
#define APPENDS 150

/* Opens its own store, tells through `ready`, and appends; 0 for good. Never returns. */
static void worker(const struct scratch *scratch, int appends, int ready)
{
    struct store *store = NULL;
    char *sentence = NULL;

    if (open_as(scratch->db, INSTANCE, "2222222222222222", &store, &sentence) != CHATD_OK)
        _exit(1);
    if (strcmp(store_epoch(store), "1111111111111111") != 0)
        _exit(2);
    for (int i = 0; i < appends; i++) {
        append(store, "a");
        if (i == 0 && write(ready, "x", 1) != 1)
            _exit(3);
    }
    store_close(store);
    _exit(0);
}

static pid_t worker_start(const struct scratch *scratch, int appends, int *ready_out)
{
    int pipes[2];

    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        worker(scratch, appends, pipes[1]);
    close(pipes[1]);
    *ready_out = pipes[0];
    return pid;
}

static void test_turns(void **state)
{
    const struct scratch *scratch = *state;
    pid_t pids[WORKERS];
    int ready[WORKERS], status;
    struct rows rows;

    store_close(open_ok(scratch, "1111111111111111"));
    for (int i = 0; i < WORKERS; i++)
        pids[i] = worker_start(scratch, APPENDS, &ready[i]);
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
        close(ready[i]);
    }
    struct store *store = open_ok(scratch, "3333333333333333");

    assert_string_equal(store_epoch(store), "1111111111111111");
    /* Trimmed now and then: the newest hundred are there, without a hole. */
    assert_int_equal(range(store, "a", 0, 100, STORE_BEFORE, &rows).top, WORKERS * APPENDS);
    assert_int_equal(rows.n, 100);
    for (uint32_t i = 0; i < rows.n; i++)
        assert_int_equal(rows.seqs[i], WORKERS * APPENDS - i);
    store_close(store);
}

/* A writer that has its turn keeps the others out, by the side file alone. */
static void test_turn_is_waited_for(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");
    struct pollfd ready = {.events = POLLIN};
    int status;
    char byte;

    assert_int_equal(lockfile_turn_begin(&store->lock), CHATD_OK);
    pid_t pid = worker_start(scratch, 1, &ready.fd);

    assert_int_equal(poll(&ready, 1, 200), 0);
    lockfile_turn_end(&store->lock);
    assert_int_equal(read(ready.fd, &byte, 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ready.fd);
    store_close(store);
}

/* A worker that is replaced comes up while another writes, or cannot. */
static void test_opening_waits_for_nobody(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store = open_ok(scratch, "1111111111111111");

    assert_int_equal(store_begin(store, true), CHATD_OK);
    struct store *later = open_ok(scratch, "2222222222222222");

    assert_string_equal(store_epoch(later), "1111111111111111");
    store_rollback(store);
    assert_int_equal(append(later, "a"), 1);
    store_close(later);
    store_close(store);
}

static void test_killed(void **state)
{
    const struct scratch *scratch = *state;
    int ready, status;
    char byte;
    struct rows rows;

    store_close(open_ok(scratch, "1111111111111111"));
    for (int i = 0; i < 5; i++) {
        pid_t pid = worker_start(scratch, 100000, &ready);

        assert_int_equal(read(ready, &byte, 1), 1); /* it is in the middle of writing */
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(ready);
        struct store *store = open_ok(scratch, "3333333333333333");

        assert_string_equal(store_epoch(store), "1111111111111111");
        uint64_t top = range(store, "a", 0, 1, STORE_BEFORE, &rows).top;

        assert_int_equal(rows.seqs[0], top);
        assert_int_equal(append(store, "a"), top + 1);
        store_close(store);
    }
}

/* --- a server whose master was killed ---------------------------------------------------------- */

static void note_wait(void *arg, const char *text)
{
    assert_non_null(strstr(text, "waiting"));
    ++*(int *)arg;
}

static int open_as_server(const struct scratch *scratch, const char *instance, pid_t server,
                          uint32_t patience_ms, int *waits, struct store **out, char **err_out)
{
    const struct store_options options = {.path = scratch->db,
                                          .instance = str_of(instance),
                                          .server_pid = server,
                                          .patience_ms = patience_ms,
                                          .fresh_epoch = "1111111111111111",
                                          .history_max = 100,
                                          .notice = note_wait,
                                          .arg = waits};

    return store_open(&options, out, err_out);
}

/* A process id that nobody has any more. */
static pid_t gone_pid(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

/* A worker of a server that has ended, which leaves when `leave` is closed. */
static pid_t orphan_start(const struct scratch *scratch, pid_t server, int *leave_out)
{
    int up[2], leave[2];
    char byte;

    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(leave), 0);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store;
        char *sentence = NULL;

        close(leave[1]);
        if (open_as_server(scratch, INSTANCE, server, 0, NULL, &store, &sentence) != CHATD_OK ||
            write(up[1], "x", 1) != 1)
            _exit(1);
        _exit(read(leave[0], &byte, 1) == 0 ? 0 : 2); /* without closing: as in a crash */
    }
    close(up[1]);
    close(leave[0]);
    assert_int_equal(read(up[0], &byte, 1), 1);
    close(up[0]);
    *leave_out = leave[1];
    return pid;
}

static void test_outlives_orphans(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store;
    char *sentence = NULL;
    int leave, status, waits = 0;
    pid_t orphan = orphan_start(scratch, gone_pid(), &leave);

    assert_int_equal(
        open_as_server(scratch, "00000000000000bb", getpid(), 100, &waits, &store, &sentence),
        CHATD_E_BUSY);
    assert_non_null(strstr(sentence, "of a chatd that is gone"));
    assert_int_equal(waits, 1);
    free(sentence);

    close(leave);
    assert_int_equal(
        open_as_server(scratch, "00000000000000bb", getpid(), 60000, &waits, &store, &sentence),
        CHATD_OK);
    assert_int_equal(waitpid(orphan, &status, 0), orphan);
    assert_int_equal(status, 0);
    store_close(store);
}

/* The pid to stop is the server's, and while that is there nobody waits. */
static void test_server_is_named(void **state)
{
    const struct scratch *scratch = *state;
    struct store *store;
    char *sentence = NULL, named[32];
    int leave, waits = 0;
    pid_t worker = orphan_start(scratch, getppid(), &leave);

    assert_int_equal(
        open_as_server(scratch, "00000000000000bb", getpid(), 60000, &waits, &store, &sentence),
        CHATD_E_BUSY);
    snprintf(named, sizeof(named), "(pid %ld)", (long)getppid());
    assert_non_null(strstr(sentence, named));
    assert_int_equal(waits, 0);
    free(sentence);
    close(leave);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_turns),  TEST(test_turn_is_waited_for), TEST(test_opening_waits_for_nobody),
        TEST(test_killed), TEST(test_outlives_orphans),   TEST(test_server_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
