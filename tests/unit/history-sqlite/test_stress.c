/* SPDX-License-Identifier: MIT */
/*
 * Several processes append to the same rooms of one database as fast as they can: every seq is there
 * once, and everybody gets its turn. Waits are printed, not judged: they are the machine's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESSES 4
#define APPENDS   500
#define ROOMS     3
#define TOTAL     (PROCESSES * APPENDS)

struct share {
    uint64_t seq[APPENDS]; /* what each append got, in room i % ROOMS */
    double wait_s, worst_s;
    double begun_s, ended_s;
    uint32_t done_when_first_ended;
};

struct board {
    uint32_t ready, ended, begun;
    uint32_t done[PROCESSES];
    struct share share[PROCESSES];
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *room_of(int i)
{
    static const char *const rooms[ROOMS] = {"a", "b", "c"};

    return rooms[i % ROOMS];
}

static struct store *open_large(const struct scratch *scratch)
{
    const struct store_options options = {.path = scratch->db,
                                          .instance = CHATD_STR(INSTANCE),
                                          .fresh_epoch = "1111111111111111",
                                          .history_max = 100000,
                                          .sync = STORE_SYNC_FULL};
    struct store *store = NULL;
    char *sentence = NULL;

    if (store_open(&options, &store, &sentence) != CHATD_OK)
        fprintf(stderr, "%s\n", sentence);
    return store;
}

static bool append_one(struct store *store, struct share *share, int i)
{
    const struct store_entry entry = {.room = str_of(room_of(i)),
                                      .user = CHATD_STR("alice"),
                                      .record = CHATD_STR("{\"type\":\"message\",\"text\":\"hi\"}"),
                                      .now_ms = NOW};
    struct store_appended appended;
    double asked_s = now_s();

    if (store_begin(store, true) != CHATD_OK)
        return false;
    double wait_s = now_s() - asked_s;

    share->wait_s += wait_s;
    share->worst_s = wait_s > share->worst_s ? wait_s : share->worst_s;
    if (store_append(store, &entry, &appended) != CHATD_OK || store_commit(store) != CHATD_OK)
        return false;
    share->seq[i] = appended.seq;
    return true;
}

/* Never returns. */
static void process(const struct scratch *scratch, struct board *board, int me)
{
    struct share *share = &board->share[me];
    struct store *store = open_large(scratch);

    if (store == NULL)
        _exit(1);
    __atomic_add_fetch(&board->ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&board->ready, __ATOMIC_SEQ_CST) < PROCESSES)
        usleep(100);
    share->begun_s = now_s();
    for (int i = 0; i < APPENDS; i++) {
        if (!append_one(store, share, i))
            _exit(2);
        __atomic_store_n(&board->done[me], (uint32_t)(i + 1), __ATOMIC_SEQ_CST);
    }
    share->ended_s = now_s();
    /* How far the others are is how fair it was. */
    if (__atomic_fetch_add(&board->ended, 1, __ATOMIC_SEQ_CST) == 0)
        for (int i = 0; i < PROCESSES; i++)
            board->share[i].done_when_first_ended =
                __atomic_load_n(&board->done[i], __ATOMIC_SEQ_CST);
    store_close(store);
    _exit(0);
}

static void run_all(const struct scratch *scratch, struct board *board)
{
    pid_t pids[PROCESSES];
    int status;

    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            process(scratch, board, i);
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

/* Each seq was given out once, rising for each process, and is in the database. */
static void check_room(struct store *store, const struct board *board, int room)
{
    static bool given[TOTAL + 1];
    struct rows rows;
    uint64_t total = 0;

    memset(given, 0, sizeof(given));
    for (int p = 0; p < PROCESSES; p++) {
        uint64_t last = 0;

        for (int i = room; i < APPENDS; i += ROOMS) {
            uint64_t seq = board->share[p].seq[i];

            assert_true(seq > last && seq <= TOTAL && !given[seq]);
            given[seq] = true;
            last = seq;
            total++;
        }
    }
    for (uint64_t seq = 1; seq <= total; seq++)
        assert_true(given[seq]);
    for (uint64_t after = 0; after < total; after += rows.n) {
        assert_int_equal(range(store, room_of(room), after, 1000, STORE_AFTER, &rows).top, total);
        assert_true(rows.n > 0);
        for (uint32_t i = 0; i < rows.n; i++)
            assert_int_equal(rows.seqs[i], after + i + 1);
    }
}

static void test_turns(void **state)
{
    const struct scratch *scratch = *state;
    struct board *board =
        mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(board != MAP_FAILED);
    run_all(scratch, board);
    struct store *store = open_large(scratch);

    assert_non_null(store);
    for (int room = 0; room < ROOMS; room++)
        check_room(store, board, room);
    store_close(store);
    for (int i = 0; i < PROCESSES; i++) {
        const struct share *share = &board->share[i];

        print_message("process %d: %d appends in %.2f s, wait for a turn %.2f ms on average, %.1f "
                      "at worst; %" PRIu32 " done when the first had all\n",
                      i, APPENDS, share->ended_s - share->begun_s, share->wait_s * 1000 / APPENDS,
                      share->worst_s * 1000, share->done_when_first_ended);
    }
    munmap(board, sizeof(*board));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
