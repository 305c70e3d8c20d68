/* SPDX-License-Identifier: MIT */
/* The queue and the group commit: order, sharing, deadlines, cancelling, failures. */
#include "batch.h"
#include "scratch.h"
#include "store_internal.h"

#include <chatd/testhost.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1790000000000

struct world {
    struct scratch scratch;
    struct testhost *t;
    struct store *store;
    struct batch batch;
    struct commit_result last;
    int ended, stuck, destroyed;
    char story[256]; /* one letter per answer, with its error if any: "a b! c?" */
};

/* An operation that puts (ns "t", key = its letter) or reads a letter. */
struct probe {
    struct op op;
    struct world *world;
    char key[2];
    int result; /* returned after the work was done */
    int found;  /* of a reader: what store_kv_get() said */
    bool settled;
};

static struct store_key key_of(const struct probe *probe)
{
    return (struct store_key){
        .ns = CHATD_STR("t"), .key = {probe->key, 1}, .ttl_ms = 0, .now_ms = NOW};
}

static int write_run(struct op *op, struct store *store)
{
    struct probe *probe = (struct probe *)op;
    struct store_key key = key_of(probe);
    int err = store_kv_put(store, &key, CHATD_STR("x"));

    return err == CHATD_OK ? probe->result : err;
}

static int read_run(struct op *op, struct store *store)
{
    struct probe *probe = (struct probe *)op;
    struct store_key key = key_of(probe);
    struct arena arena = {0};
    chatd_str value;

    probe->found = store_kv_get(store, &key, &arena, &value);
    arena_free(&arena);
    return probe->found;
}

static void probe_settle(struct op *op)
{
    ((struct probe *)op)->settled = true;
}

static void probe_answer(struct op *op, int err)
{
    struct probe *probe = (struct probe *)op;
    char *story = probe->world->story;
    size_t n = strlen(story);
    const char *mark = err == CHATD_OK            ? ""
                       : err == CHATD_E_BACKEND   ? "!"
                       : err == CHATD_E_TIMEOUT   ? "?"
                       : err == CHATD_E_CANCELLED ? "#"
                       : err == CHATD_E_NOTFOUND  ? "0"
                                                  : "-";

    snprintf(story + n, sizeof(probe->world->story) - n, "%s%s ", probe->key, mark);
}

static void probe_destroy(struct op *op)
{
    ((struct probe *)op)->world->destroyed++;
    free(op);
}

static const struct op_class writer = {.writes = true,
                                       .run = write_run,
                                       .settle = probe_settle,
                                       .answer = probe_answer,
                                       .destroy = probe_destroy};
static const struct op_class reader = {
    .writes = false, .run = read_run, .answer = probe_answer, .destroy = probe_destroy};

/* `room` is borrowed; may be NULL. */
static int submit_for(struct world *world, const struct op_class *class, char letter, int result,
                      const char *room)
{
    struct probe *probe = calloc(1, sizeof(*probe));

    assert_non_null(probe);
    probe->op.class = class;
    probe->world = world;
    probe->key[0] = letter;
    probe->result = result;
    if (room != NULL)
        probe->op.room = (chatd_str){room, strlen(room)};
    int err = batch_submit(&world->batch, &probe->op, false);

    if (err != CHATD_OK)
        free(probe);
    return err;
}

static int submit(struct world *world, const struct op_class *class, char letter, int result)
{
    return submit_for(world, class, letter, result, NULL);
}

static void put(struct world *world, char letter)
{
    assert_int_equal(submit(world, &writer, letter, CHATD_OK), CHATD_OK);
}

static void put_for(struct world *world, char letter, const char *room)
{
    assert_int_equal(submit_for(world, &writer, letter, CHATD_OK, room), CHATD_OK);
}

static void get(struct world *world, char letter)
{
    assert_int_equal(submit(world, &reader, letter, CHATD_OK), CHATD_OK);
}

static void ended(void *arg, const struct commit_result *result)
{
    struct world *world = arg;

    world->last = *result;
    world->ended++;
}

static void stuck(void *arg)
{
    ((struct world *)arg)->stuck++;
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int setup(void **state)
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc),
                                           .abi_major = CHATD_ABI_MAJOR,
                                           .abi_minor = CHATD_ABI_MINOR,
                                           .name = "batch",
                                           .init = init};
    struct world *world = calloc(1, sizeof(*world));
    char *sentence = NULL;

    scratch_make(&world->scratch);
    world->t = testhost_new(&desc);
    assert_int_equal(testhost_init(world->t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(world->t), CHATD_OK);
    const struct store_options options = {.path = world->scratch.db,
                                          .instance = CHATD_STR("00000000000000aa"),
                                          .fresh_epoch = "1111111111111111",
                                          .history_max = 100};
    const struct batch_options batch = {.self = testhost_self(world->t),
                                        .batch_max = 4,
                                        .queue_max = 10,
                                        .ended = ended,
                                        .stuck = stuck,
                                        .arg = world};

    assert_int_equal(store_open(&options, &world->store, &sentence), CHATD_OK);
    batch_init(&world->batch, &batch);
    world->batch.store = world->store;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    testhost_hold_jobs(world->t, 0);
    assert_true(batch_deinit(&world->batch));
    assert_int_equal(testhost_free(world->t), 0);
    store_close(world->store);
    scratch_remove(&world->scratch);
    free(world);
    return 0;
}

static void test_turn_shares_commit(void **state)
{
    struct world *world = *state;

    put(world, 'a');
    get(world, 'b');
    put(world, 'b');
    get(world, 'b');
    assert_string_equal(world->story, ""); /* never before the call returned */
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b0 b b ");
    assert_int_equal(world->ended, 1);
    assert_int_equal(world->destroyed, 4);
    assert_int_equal(world->batch.pending, 0);
}

/* Two that come while a job runs, and one that answers what it wrote: how many commits is that? */
static int commits_of_a_conversation(struct world *world, const char *const rooms[5])
{
    put_for(world, 'a', rooms[0]);
    put_for(world, 'b', rooms[1]);
    assert_true(testhost_step(world->t)); /* the post: the job is under way */
    put_for(world, 'c', rooms[2]);
    put_for(world, 'd', rooms[3]);
    assert_true(testhost_step(world->t)); /* the job */
    assert_string_equal(world->story, "a b ");
    put_for(world, 'e', rooms[4]);
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b c d e ");
    return world->ended;
}

static void test_crowded_room_waits_for_answers(void **state)
{
    const char *const rooms[5] = {"r", "r", "r", "r", "r"};

    assert_int_equal(commits_of_a_conversation(*state, rooms), 2);
}

static void test_many_rooms_wait_for_nobody(void **state)
{
    const char *const rooms[5] = {"r", "s", "r", "s", "r"};

    assert_int_equal(commits_of_a_conversation(*state, rooms), 3);
}

static void test_batch_max(void **state)
{
    struct world *world = *state;

    for (char letter = 'a'; letter <= 'i'; letter++)
        put(world, letter);
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b c d e f g h i ");
    assert_int_equal(world->ended, 3);
}

static void test_queue_max(void **state)
{
    struct world *world = *state;

    for (char letter = 'a'; letter <= 'j'; letter++)
        put(world, letter);
    assert_int_equal(submit(world, &writer, 'k', CHATD_OK), CHATD_E_BUSY);
    testhost_turn(world->t);
    put(world, 'k');
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b c d e f g h i j k ");
}

static void test_refused_job_is_tried_again(void **state)
{
    struct world *world = *state;

    testhost_refuse_jobs(world->t, 2);
    for (char letter = 'a'; letter <= 'e'; letter++)
        put(world, letter);
    testhost_turn(world->t);
    assert_string_equal(world->story, "");
    put(world, 'f');
    testhost_advance(world->t, 20);
    testhost_advance(world->t, 20);
    assert_string_equal(world->story, "a b c d e f ");
}

static void test_bad_one_harms_itself(void **state)
{
    struct world *world = *state;

    put(world, 'a');
    assert_int_equal(submit(world, &writer, 'b', CHATD_E_INVAL), CHATD_OK);
    put(world, 'c');
    testhost_turn(world->t);
    get(world, 'a');
    get(world, 'b');
    get(world, 'c');
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b- c a b0 c ");
    assert_false(world->last.failed);
}

static void test_storage_failure_of_one(void **state)
{
    struct world *world = *state;

    put(world, 'a');
    assert_int_equal(submit(world, &writer, 'b', CHATD_E_BACKEND), CHATD_OK);
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b! ");
    assert_true(world->last.flawed);
    assert_false(world->last.failed);
}

static void test_failed_commit_harms_all_writers(void **state)
{
    struct world *world = *state;

    put(world, 'a');
    testhost_turn(world->t);
    /* COMMIT itself fails: a deferred constraint is the portable way to make it. */
    assert_int_equal(
        sqlite3_exec(world->store->db,
                     "PRAGMA foreign_keys = ON; CREATE TABLE p (i INTEGER PRIMARY KEY);"
                     "CREATE TABLE c (i REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
                     "CREATE TRIGGER t AFTER INSERT ON kv WHEN new.key = 'b' "
                     "BEGIN INSERT INTO c VALUES (1); END",
                     NULL, NULL, NULL),
        SQLITE_OK);
    world->story[0] = '\0';
    put(world, 'b');
    put(world, 'c');
    get(world, 'b');
    get(world, 'a');
    testhost_turn(world->t);
    /* What read saw 'b' in the transaction that was undone, and does not any more. */
    assert_string_equal(world->story, "b! c! b0 a ");
    assert_true(world->last.failed);
    put(world, 'd');
    testhost_turn(world->t);
    assert_false(world->last.failed);
}

static void test_deadline_in_the_queue(void **state)
{
    struct world *world = *state;

    testhost_hold_jobs(world->t, 1);
    for (char letter = 'a'; letter <= 'e'; letter++) /* four in the job, one waits */
        put(world, letter);
    testhost_advance(world->t, 3000);
    put(world, 'f');
    testhost_advance(world->t, 1999);
    assert_string_equal(world->story, "");
    testhost_advance(world->t, 1);
    assert_string_equal(world->story, "a? b? c? d? e? ");
    assert_int_equal(world->stuck, 1);
    assert_int_equal(world->destroyed, 1); /* 'e' alone: the others are in use */
    testhost_advance(world->t, 3000);
    assert_string_equal(world->story, "a? b? c? d? e? f? ");

    world->story[0] = '\0';
    get(world, 'a');
    get(world, 'e');
    testhost_hold_jobs(world->t, 0);
    assert_string_equal(world->story, "a e0 "); /* late results are dropped, not the work */
}

static void test_cancel(void **state)
{
    struct world *world = *state;

    testhost_hold_jobs(world->t, 1);
    for (char letter = 'a'; letter <= 'e'; letter++)
        put(world, letter);
    testhost_turn(world->t);
    batch_flush(&world->batch);
    assert_int_equal(submit(world, &writer, 'f', CHATD_OK), CHATD_OK); /* drain takes calls */
    testhost_cancel(world->t);
    assert_string_equal(world->story, "a# b# c# d# e# f# ");
    assert_int_equal(submit(world, &writer, 'g', CHATD_OK), CHATD_E_STATE);
    assert_false(batch_deinit(&world->batch)); /* run has not returned */
    testhost_hold_jobs(world->t, 0);
    assert_int_equal(world->destroyed, 6);
}

static void over(void *arg)
{
    struct world *world = arg;

    snprintf(world->story, sizeof(world->story), "over");
}

/* The provider has stopped, and with it all who called: late results reach nobody. */
static void test_left_behind(void **state)
{
    struct world *world = *state;

    world->batch.options.over = over;
    testhost_hold_jobs(world->t, 1);
    put(world, 'a');
    testhost_turn(world->t);
    put(world, 'b');
    assert_false(batch_deinit(&world->batch));
    assert_int_equal(submit(world, &writer, 'c', CHATD_OK), CHATD_E_STATE);
    testhost_hold_jobs(world->t, 0);
    assert_string_equal(world->story, "over");
    assert_int_equal(world->destroyed, 2);
}

static void test_flush_finishes(void **state)
{
    struct world *world = *state;

    put(world, 'a');
    put(world, 'b');
    batch_flush(&world->batch);
    testhost_turn(world->t);
    assert_string_equal(world->story, "a b ");
}

static void test_thread(void **state)
{
    struct world *world = *state;

    testhost_overlap_jobs(world->t, 1);
    world->batch.options.queue_max = 1000;
    for (int i = 0; i < 300; i++) {
        put(world, (char)('a' + i % 26));
        if (i % 7 == 0)
            testhost_turn(world->t);
        world->story[0] = '\0';
    }
    testhost_turn(world->t);
    assert_int_equal(world->batch.pending, 0);
    assert_int_equal(world->destroyed, 300);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_turn_shares_commit),
        TEST(test_crowded_room_waits_for_answers),
        TEST(test_many_rooms_wait_for_nobody),
        TEST(test_batch_max),
        TEST(test_queue_max),
        TEST(test_refused_job_is_tried_again),
        TEST(test_bad_one_harms_itself),
        TEST(test_storage_failure_of_one),
        TEST(test_failed_commit_harms_all_writers),
        TEST(test_deadline_in_the_queue),
        TEST(test_cancel),
        TEST(test_left_behind),
        TEST(test_flush_finishes),
        TEST(test_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
