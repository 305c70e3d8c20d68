/* SPDX-License-Identifier: MIT */
/* The queue of requests over a link that the test plays: order, deadlines, what is sent again. */
#include "queue.h"

#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_MAX 4

struct world {
    struct testhost *t;
    struct story story;
    struct queue queue;
    bool is_up;
    int64_t down_ms;
    uint64_t moved; /* bytes */
};

/* Each request is called by its last argument, and tells it when it is sent and answered. */
struct asked {
    struct request request;
    struct world *world;
};

static bool send(void *arg, int argc, const char **argv, const size_t *bytes)
{
    struct world *world = arg;

    assert_int_equal(strlen(argv[argc - 1]), bytes[argc - 1]);
    if (!world->is_up)
        return false;
    story_tell(&world->story, ">%s%s", argv[argc - 1], strcmp(argv[0], "EVAL") == 0 ? "t" : "");
    return true;
}

static bool is_up(void *arg)
{
    return ((struct world *)arg)->is_up;
}

static int64_t away_ms(void *arg)
{
    struct world *world = arg;

    return world->is_up ? 0 : testhost_mono_ms(world->t) - world->down_ms;
}

static void refused(void *arg, const char *error, chatd_str key)
{
    (void)key;
    story_tell(&((struct world *)arg)->story, "!%.4s", error);
}

static void go_down(struct world *world)
{
    world->is_up = false;
    world->down_ms = testhost_mono_ms(world->t);
    queue_down(&world->queue);
}

static void drop(void *arg, const char *error)
{
    struct world *world = arg;

    story_tell(&world->story, "drop%s", error != NULL ? "E" : "");
    go_down(world);
}

static uint64_t moved(void *arg)
{
    return ((struct world *)arg)->moved;
}

static void go_up(struct world *world)
{
    world->is_up = true;
    queue_up(&world->queue);
}

static int setup(void **state)
{
    static const struct queue_events events = {.send = send,
                                               .is_up = is_up,
                                               .away_ms = away_ms,
                                               .moved = moved,
                                               .refused = refused,
                                               .drop = drop};
    struct world *world = calloc(1, sizeof(*world));

    world->t = host_for("queue");
    queue_init(&world->queue, testhost_self(world->t), &events, world, COUNT_MAX, 100000);
    world->queue.run_id = "run";
    assert_int_equal(queue_start(&world->queue), CHATD_OK);
    world->down_ms = testhost_mono_ms(world->t);
    go_up(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    testhost_cancel(world->t);
    queue_deinit(&world->queue);
    assert_int_equal(testhost_free(world->t), 0);
    assert_int_equal(world->queue.count, 0);
    assert_int_equal(world->queue.bytes, 0);
    free(world);
    return 0;
}

static void answered(struct request *request, int err, redisReply *reply)
{
    struct asked *asked = (struct asked *)request;

    assert_true((err == CHATD_OK) == (reply != NULL));
    story_tell(&asked->world->story, "%s=%d", request->argv[request->argc - 1], err);
}

static void destroyed(struct request *request)
{
    free(request);
}

enum how { ONCE, REPEATS, PATIENT };

static struct request *make(struct world *world, const char *name, enum script script, enum how how)
{
    static const struct request_class class = {.answer = answered, .destroy = destroyed};
    const chatd_str argv[] = {CHATD_STR("KEY"), {name, strlen(name)}};
    struct asked *asked = request_new(sizeof(*asked), &class, script, 1, 2, argv);

    asked->world = world;
    asked->request.repeats = how == REPEATS;
    asked->request.patient = how == PATIENT;
    return &asked->request;
}

static int ask(struct world *world, const char *name, enum how how)
{
    return queue_submit(&world->queue, make(world, name, SCRIPT_NONE, how));
}

static int ask_script(struct world *world, const char *name, enum how how)
{
    return queue_submit(&world->queue, make(world, name, SCRIPT_GET, how));
}

static void replies(struct world *world, int type, const char *text)
{
    char copy[128];

    snprintf(copy, sizeof(copy), "%s", text);
    queue_reply(&world->queue, &(redisReply){.type = type, .str = copy, .len = strlen(copy)});
}

static void ok(struct world *world)
{
    world->moved++;
    replies(world, REDIS_REPLY_STATUS, "OK");
}

static void error(struct world *world, const char *text)
{
    replies(world, REDIS_REPLY_ERROR, text);
}

/* --- order and deadlines ----------------------------------------------------------------------- */

static void test_sent_and_answered_in_order(void **state)
{
    struct world *world = *state;

    ask(world, "a", ONCE);
    ask(world, "b", ONCE);
    story_expect(&world->story, ">a >b");
    ok(world);
    ok(world);
    story_expect(&world->story, "a=0 b=0");
}

static void test_an_error_is_told_and_is_the_callers(void **state)
{
    struct world *world = *state;

    ask(world, "a", ONCE);
    error(world, "WRONGTYPE x");
    story_expect(&world->story, ">a !WRON a=-10");
}

static void test_the_deadline_is_exact_and_the_late_reply_is_for_nobody(void **state)
{
    struct world *world = *state;

    ask(world, "a", REPEATS);
    testhost_advance(world->t, 2000);
    ask(world, "b", ONCE);
    world->moved++; /* something comes: it is not stuck */
    testhost_advance(world->t, 2999);
    story_expect(&world->story, ">a >b");
    testhost_advance(world->t, 1);
    story_expect(&world->story, "a=-8");
    ok(world);
    story_expect(&world->story, "");
    ok(world);
    story_expect(&world->story, "b=0");
}

static void test_what_never_left_is_refused_at_its_deadline(void **state)
{
    struct world *world = *state;

    go_down(world);
    ask(world, "a", ONCE);
    testhost_advance(world->t, 4000);
    ask(world, "b", ONCE);
    testhost_advance(world->t, 1000);
    story_expect(&world->story, "a=-10");
    go_up(world);
    story_expect(&world->story, ">b");
}

static void test_away_for_long_is_refused_at_once(void **state)
{
    struct world *world = *state;

    go_down(world);
    testhost_advance(world->t, 4999);
    assert_int_equal(ask(world, "a", ONCE), CHATD_OK);
    testhost_advance(world->t, 1);
    assert_int_equal(ask(world, "b", ONCE), CHATD_E_BACKEND);
    assert_int_equal(ask(world, "p", PATIENT), CHATD_OK);
    go_up(world);
    story_expect(&world->story, ">a >p");
}

static void test_caps(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < COUNT_MAX; i++)
        assert_int_equal(ask(world, "a", ONCE), CHATD_OK);
    assert_int_equal(ask(world, "b", ONCE), CHATD_E_BUSY);
    assert_int_equal(ask(world, "p", PATIENT), CHATD_OK);
    for (int i = 0; i < COUNT_MAX + 1; i++)
        ok(world);
    world->queue.bytes_max = 10;
    assert_int_equal(ask(world, "b", ONCE), CHATD_E_BUSY);
}

/* --- disconnects ------------------------------------------------------------------------------- */

static void test_what_may_repeat_is_sent_again_before_what_waits(void **state)
{
    struct world *world = *state;

    ask(world, "a", REPEATS);
    ask(world, "b", ONCE);
    ask(world, "c", REPEATS);
    go_down(world);
    story_expect(&world->story, ">a >b >c b=-8");
    ask(world, "d", ONCE);
    testhost_advance(world->t, 1000);
    go_up(world);
    story_expect(&world->story, ">a >c >d");
    ok(world);
    ok(world);
    ok(world);
    story_expect(&world->story, "a=0 c=0 d=0");
}

static void test_sent_once_and_then_waiting_is_of_unknown_outcome(void **state)
{
    struct world *world = *state;

    ask(world, "a", REPEATS);
    go_down(world);
    testhost_advance(world->t, 5000);
    story_expect(&world->story, ">a a=-8");
    go_up(world);
    story_expect(&world->story, "");
}

static void test_what_redis_did_not_do_is_sent_to_the_next_one(void **state)
{
    struct world *world = *state;

    ask(world, "a", ONCE);
    ask(world, "b", REPEATS);
    error(world, "READONLY You can't write");
    story_expect(&world->story, ">a >b dropE");
    go_up(world);
    story_expect(&world->story, ">a >b");
    ok(world);
    story_expect(&world->story, "a=0");
}

static void test_refused_until_the_deadline_is_not_unknown(void **state)
{
    struct world *world = *state;

    ask(world, "a", ONCE);
    error(world, "LOADING");
    testhost_advance(world->t, 5000);
    story_expect(&world->story, ">a dropE a=-10");
}

static void test_silence_is_given_up_after_seconds_without_a_reply(void **state)
{
    struct world *world = *state;

    ask(world, "a", PATIENT);
    testhost_advance(world->t, 5000);
    story_expect(&world->story, ">a");
    testhost_advance(world->t, 1000);
    story_expect(&world->story, "drop a=-8");
    testhost_advance(world->t, 60000); /* nothing is under way: nothing is missed */
    story_expect(&world->story, "");
}

static void test_slow_is_not_silent(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 4; i++)
        ask(world, "a", PATIENT);
    for (int i = 0; i < 4; i++) {
        testhost_advance(world->t, 4000);
        ok(world);
    }
    story_expect(&world->story, ">a >a >a >a a=0 a=0 a=0 a=0");
}

/* A large page over a thin line: bytes come, and no reply for long. */
static void test_a_page_in_mid_transfer_is_not_silence(void **state)
{
    struct world *world = *state;

    ask(world, "a", PATIENT);
    for (int i = 0; i < 20; i++) {
        testhost_advance(world->t, 4000);
        world->moved += 1000;
    }
    story_expect(&world->story, ">a");
    ok(world);
    story_expect(&world->story, "a=0");
}

static void test_a_reply_that_nobody_asked_for_ends_the_connection(void **state)
{
    struct world *world = *state;

    ok(world);
    story_expect(&world->story, "drop");
}

/* --- scripts ----------------------------------------------------------------------------------- */

static void test_a_script_goes_by_its_hash_when_that_is_known(void **state)
{
    struct world *world = *state;

    ask_script(world, "a", ONCE);
    strcpy(world->queue.hash[SCRIPT_GET], "0123");
    ask_script(world, "b", ONCE);
    story_expect(&world->story, ">at >b");
}

/* a and c are not known any more; b was a command; d was made meanwhile. */
static void test_flushed_scripts_keep_their_order(void **state)
{
    struct world *world = *state;

    strcpy(world->queue.hash[SCRIPT_GET], "0123");
    ask_script(world, "a", ONCE);
    ask(world, "b", ONCE);
    ask_script(world, "c", ONCE);
    story_expect(&world->story, ">a >b >c");
    error(world, "NOSCRIPT");
    ask_script(world, "d", ONCE);
    ok(world);
    story_expect(&world->story, "b=0");
    error(world, "NOSCRIPT");
    story_expect(&world->story, ">at >ct >d");
    ok(world);
    ok(world);
    ok(world);
    story_expect(&world->story, "a=0 c=0 d=0");
}

static void test_a_disconnect_while_scripts_are_sent_again(void **state)
{
    struct world *world = *state;

    strcpy(world->queue.hash[SCRIPT_GET], "0123");
    ask_script(world, "a", REPEATS);
    ask_script(world, "b", ONCE);
    ask_script(world, "c", REPEATS);
    error(world, "NOSCRIPT");
    go_down(world);
    story_expect(&world->story, ">a >b >c b=-8");
    go_up(world);
    /* Another server may answer now: its scripts go as text until it has told their hashes. */
    story_expect(&world->story, ">at >ct");
}

/* --- the end ----------------------------------------------------------------------------------- */

static void test_all_are_told_when_the_server_stops(void **state)
{
    struct world *world = *state;

    ask(world, "a", ONCE);
    go_down(world);
    ask(world, "b", REPEATS);
    ask(world, "p", PATIENT);
    queue_cancel(&world->queue);
    story_expect(&world->story, ">a a=-8 b=-9 p=-9");
    assert_int_equal(ask(world, "c", ONCE), CHATD_E_STATE);
    queue_deinit(&world->queue);
    story_expect(&world->story, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_sent_and_answered_in_order),
        TEST(test_an_error_is_told_and_is_the_callers),
        TEST(test_the_deadline_is_exact_and_the_late_reply_is_for_nobody),
        TEST(test_what_never_left_is_refused_at_its_deadline),
        TEST(test_away_for_long_is_refused_at_once),
        TEST(test_caps),
        TEST(test_what_may_repeat_is_sent_again_before_what_waits),
        TEST(test_sent_once_and_then_waiting_is_of_unknown_outcome),
        TEST(test_what_redis_did_not_do_is_sent_to_the_next_one),
        TEST(test_refused_until_the_deadline_is_not_unknown),
        TEST(test_silence_is_given_up_after_seconds_without_a_reply),
        TEST(test_slow_is_not_silent),
        TEST(test_a_page_in_mid_transfer_is_not_silence),
        TEST(test_a_reply_that_nobody_asked_for_ends_the_connection),
        TEST(test_a_script_goes_by_its_hash_when_that_is_known),
        TEST(test_flushed_scripts_keep_their_order),
        TEST(test_a_disconnect_while_scripts_are_sent_again),
        TEST(test_all_are_told_when_the_server_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
