/* SPDX-License-Identifier: MIT */
/* Several workers of one server: what one appends, the others' subscribers get, in order, once. */
#include "fakebus.h"
#include "store_internal.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INSTANCE "00000000000000aa"
#define WORKERS  3

struct server {
    struct fakebus *bus;
    struct world worker[WORKERS];
};

static int setup(void **state)
{
    struct server *server = malloc(sizeof(*server));

    server->bus = fakebus_new();
    for (int i = 0; i < WORKERS; i++) {
        struct world *world = &server->worker[i];

        world_make(world);
        world->config.path = server->worker[0].scratch.db;
        world->bus = server->bus;
        assert_int_equal(world_start(world, INSTANCE), CHATD_OK);
    }
    *state = server;
    return 0;
}

static int teardown(void **state)
{
    struct server *server = *state;

    for (int i = 0; i < WORKERS; i++)
        world_stop(&server->worker[i]);
    for (int i = 0; i < WORKERS; i++)
        scratch_remove(&server->worker[i].scratch);
    assert_int_equal(fakebus_subscribers(server->bus), 0);
    fakebus_free(server->bus);
    free(server);
    return 0;
}

static void settle(struct server *server)
{
    do {
        for (int i = 0; i < WORKERS; i++)
            testhost_turn(server->worker[i].t);
    } while (fakebus_run(server->bus));
}

static int64_t refills(const struct world *world)
{
    return testhost_metric(world->t, "refills_total", NULL);
}

/* What the worker told so far must be `text`. */
static void expect(struct server *server, int worker, const char *text)
{
    assert_string_equal(server->worker[worker].story, text);
    server->worker[worker].story[0] = '\0';
}

/* One listener of worker 1 in room a, at the top of an empty room. */
static void listen_one(struct server *server, struct listener *x)
{
    *x = (struct listener){.name = "x"};
    assert_int_equal(world_listen(&server->worker[1], x, "a", "", 0), CHATD_OK);
    settle(server);
    expect(server, 1, "");
}

static void test_next_comes_from_the_bus(void **state)
{
    struct server *server = *state;
    struct listener x, y = {.name = "y"};

    listen_one(server, &x);
    assert_int_equal(world_listen(&server->worker[0], &y, "a", "", 0), CHATD_OK);
    settle(server);
    for (int i = 1; i <= 3; i++)
        world_append(&server->worker[0], "a", "", i);
    world_append(&server->worker[2], "b", "", 1);
    settle(server);
    expect(server, 0, "y1 +1 y2 +2 y3 +3");
    expect(server, 1, "x1 x2 x3");
    expect(server, 2, "+1");
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(refills(&server->worker[i]), 0);
}

static void test_early_is_read(void **state)
{
    struct server *server = *state;
    struct listener x;

    listen_one(server, &x);
    for (int i = 1; i <= 3; i++)
        world_append(&server->worker[0], "a", "", i);
    testhost_turn(server->worker[0].t);
    assert_int_equal(fakebus_waiting(server->bus), 3);
    fakebus_reverse(server->bus);
    settle(server);
    expect(server, 1, "x1 x2 x3");
    assert_int_equal(refills(&server->worker[1]), 1);
}

static void test_own_and_others(void **state)
{
    struct server *server = *state;
    struct listener x;

    listen_one(server, &x);
    for (int i = 0; i < 3; i++) {
        /* Committed in this order, and told later. */
        world_append(&server->worker[0], "a", "", 1);
        testhost_turn(server->worker[0].t);
        world_append(&server->worker[1], "a", "", 2);
        testhost_turn(server->worker[1].t);
        world_append(&server->worker[2], "a", "", 3);
    }
    settle(server);
    assert_int_equal(x.last, 9); /* rising: the listener asserts */
    assert_int_equal(x.heard, 9);
}

static void test_lost(void **state)
{
    struct server *server = *state;
    struct listener x;

    listen_one(server, &x);
    world_append(&server->worker[0], "a", "", 1);
    testhost_turn(server->worker[0].t);
    fakebus_lose(server->bus, true);
    settle(server);
    expect(server, 1, "x1");
    fakebus_lose(server->bus, true);
    settle(server); /* nothing was */
    expect(server, 1, "");
    assert_int_equal(refills(&server->worker[1]), 1);
}

/* A worker that died before it told, or a bus that forgot. */
static void test_sweep(void **state)
{
    struct server *server = *state;
    struct listener x;

    listen_one(server, &x);
    testhost_advance(server->worker[1].t, SWEEP_EVERY_MS);
    world_append(&server->worker[0], "a", "", 1);
    world_append(&server->worker[0], "b", "", 1);
    testhost_turn(server->worker[0].t);
    fakebus_lose(server->bus, false);
    settle(server);
    expect(server, 1, "");
    testhost_advance(server->worker[1].t, SWEEP_EVERY_MS);
    expect(server, 1, "x1");
    assert_int_equal(refills(&server->worker[1]), 1);
    world_append(&server->worker[2], "a", "", 2);
    settle(server);
    expect(server, 1, "x2");
    testhost_advance(server->worker[1].t, SWEEP_EVERY_MS);
    expect(server, 1, "");
    assert_int_equal(refills(&server->worker[1]), 1);
}

static void test_too_large_for_the_bus(void **state)
{
    struct server *server = *state;
    struct listener x;
    size_t n = CHATD_BUS_DATA_MAX;
    char *text = malloc(n + 1);

    listen_one(server, &x);
    memset(text, ' ', n);
    text[n] = '\0';
    memcpy(text, "{}", 2);
    struct world *world = &server->worker[0];

    assert_int_equal(world_append(world, "a", "", 1), CHATD_OK);
    assert_int_equal(world_append_text(world, "a", (chatd_str){text, n}), CHATD_OK);
    settle(server);
    expect(server, 0, "+1 +2");
    expect(server, 1, "x1 x2");
    assert_int_equal(refills(&server->worker[1]), 1);
    free(text);
}

static void test_repeats_are_not_told(void **state)
{
    struct server *server = *state;

    world_append(&server->worker[0], "a", "c", 1);
    settle(server);
    world_append(&server->worker[1], "a", "c", 1);
    testhost_turn(server->worker[1].t);
    assert_int_equal(fakebus_waiting(server->bus), 0);
    expect(server, 1, "=1");
}

/* What was never committed keeps nobody waiting, and another room's news is not this one's. */
static void test_nonsense(void **state)
{
    static const char *const nonsense[] = {"",
                                           "{}",
                                           "1 5 1 1 b{}",
                                           "1 9223372036854775807 1 1 a{}",
                                           "1 0 1 1 a{}",
                                           "2 1 1 1 a{}",
                                           "1 7 1 2 a"};
    struct server *server = *state;
    struct listener x;

    listen_one(server, &x);
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
        fakebus_forge(server->bus, nonsense[i]);
    settle(server);
    expect(server, 1, "");
    assert_int_equal(refills(&server->worker[1]), 1); /* for the one that claims to be far ahead */
    world_append(&server->worker[0], "a", "", 1);
    settle(server);
    expect(server, 1, "x1");
    assert_int_equal(refills(&server->worker[1]), 1);
}

static void test_listens_while_somebody_is_there(void **state)
{
    struct server *server = *state;
    struct world *world = &server->worker[1];
    struct listener x, y = {.name = "y", .leave = 1};

    listen_one(server, &x);
    assert_int_equal(world_listen(world, &y, "a", "", 0), CHATD_OK);
    settle(server);
    assert_int_equal(fakebus_subscribers(server->bus), 1);
    chatd_log_unsubscribe(world->caller, world->log, x.sub);
    assert_int_equal(fakebus_subscribers(server->bus), 1);
    world_append(&server->worker[0], "a", "", 1);
    settle(server); /* y leaves in its callback */
    expect(server, 1, "y1");
    assert_int_equal(fakebus_subscribers(server->bus), 0);
    world_append(&server->worker[0], "a", "", 2);
    settle(server);
    expect(server, 1, "");
}

/* A worker starts anew among the others; the epoch goes on. */
static void test_a_worker_comes_later(void **state)
{
    struct server *server = *state;
    struct listener x = {.name = "x"};
    char epoch[32];

    snprintf(epoch, sizeof(epoch), "%s", world_epoch(&server->worker[0]));
    world_append(&server->worker[0], "a", "", 1);
    settle(server);
    world_stop(&server->worker[1]);
    assert_int_equal(world_start(&server->worker[1], INSTANCE), CHATD_OK);
    assert_string_equal(world_epoch(&server->worker[1]), epoch);
    world_listen(&server->worker[1], &x, "a", epoch, 0);
    settle(server);
    world_append(&server->worker[2], "a", "", 2);
    settle(server);
    expect(server, 1, "x1 x2");
}

/* A limit of one connection stands for a disk that has room for what one worker writes only. */
static void pages_max(struct world *world, const char *sql)
{
    struct store *store = world_history(world)->store;

    assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void append_big(struct world *world)
{
    size_t n = 50000;
    char *text = malloc(n + 1);

    memset(text, ' ', n);
    memcpy(text, "{}", 2);
    text[n] = '\0';
    assert_int_equal(world_append_text(world, "a", (chatd_str){text, n}), CHATD_OK);
    free(text);
}

static void test_one_finds_the_disk_full(void **state)
{
    struct server *server = *state;
    struct world *full = &server->worker[0];
    struct listener x;

    listen_one(server, &x);
    world_append(full, "a", "", 1);
    settle(server);
    pages_max(full, "PRAGMA max_page_count = 1"); /* no page more than it has */
    append_big(full);
    settle(server);
    expect(server, 0, "+1 +E-10");
    assert_int_equal(testhost_ready(full->t), CHATD_AWAY);
    world_append(&server->worker[2], "a", "", 2);
    append_big(&server->worker[2]);
    settle(server);
    expect(server, 2, "+2 +3");
    assert_int_equal(testhost_ready(server->worker[2].t), CHATD_READY);
    expect(server, 1, "x1 x2 x3");

    pages_max(full, "PRAGMA max_page_count = 100000");
    testhost_advance(full->t, 5000);
    assert_int_equal(testhost_ready(full->t), CHATD_READY);
    append_big(full);
    settle(server);
    expect(server, 0, "+4");
    expect(server, 1, "x4");
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % below;
}

/* One thing happens somewhere: an append, a step of a worker, or of the bus, which is unkind. */
static void happen(struct server *server, uint32_t *seed, uint64_t *appended)
{
    struct world *world = &server->worker[draw(seed, WORKERS)];
    uint32_t what = draw(seed, 100);

    if (what < 20)
        *appended += world_append(world, "a", "", 1) == CHATD_OK;
    else if (what < 85)
        (void)testhost_step(world->t);
    else if (what < 95)
        (void)fakebus_run(server->bus);
    else if (what < 97)
        fakebus_reverse(server->bus);
    else if (what == 97)
        fakebus_lose(server->bus, true);
    else if (what == 98)
        fakebus_lose(server->bus, false);
    world->story[0] = '\0';
}

static void test_any_order(void **state)
{
    struct server *server = *state;
    struct listener x[WORKERS];
    uint64_t appended = 0;

    for (uint32_t round = 0; round < 20; round++) {
        uint32_t seed = round;

        for (int i = 0; i < WORKERS; i++) {
            testhost_overlap_jobs(server->worker[i].t, round % 2);
            x[i] = (struct listener){.name = "x", .last = appended};
            world_listen(&server->worker[i], &x[i], "a", world_epoch(&server->worker[i]), appended);
        }
        for (int i = 0; i < 500; i++)
            happen(server, &seed, &appended);
        settle(server);
        for (int i = 0; i < WORKERS; i++)
            testhost_advance(server->worker[i].t, SWEEP_EVERY_MS);
        settle(server);
        for (int i = 0; i < WORKERS; i++) {
            assert_int_equal(x[i].last, appended);
            assert_int_equal(x[i].heard, x[i].last - x[i].first + 1); /* without a hole */
            chatd_log_unsubscribe(server->worker[i].caller, server->worker[i].log, x[i].sub);
            server->worker[i].story[0] = '\0';
        }
    }
    assert_true(appended > 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_next_comes_from_the_bus),
        TEST(test_early_is_read),
        TEST(test_own_and_others),
        TEST(test_lost),
        TEST(test_sweep),
        TEST(test_too_large_for_the_bus),
        TEST(test_repeats_are_not_told),
        TEST(test_nonsense),
        TEST(test_listens_while_somebody_is_there),
        TEST(test_a_worker_comes_later),
        TEST(test_one_finds_the_disk_full),
        TEST(test_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
