/* SPDX-License-Identifier: MIT */
/* Timers, posts, jobs, watches, and the clock they go by. */
#include "plugin.h"

#include <semaphore.h>
#include <unistd.h>

static char story[256];

static void note(chatd_plugin *self, void *arg)
{
    (void)self;
    strncat(story, arg, sizeof(story) - strlen(story) - 1);
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int setup(void **state)
{
    story[0] = '\0';
    *state = host_with(init);
    return 0;
}

static int teardown(void **state)
{
    return testhost_free(*state);
}

static chatd_timer timer(struct testhost *t, uint32_t after, uint32_t every, char *word)
{
    chatd_timer id;

    assert_int_equal(chatd_timer_start(testhost_self(t), after, every, note, word, &id), CHATD_OK);
    return id;
}

static void test_timers(void **state)
{
    struct testhost *t = *state;
    char a[] = "a", b[] = "b", c[] = "c";
    chatd_timer every = timer(t, 100, 100, a);
    int64_t wall = testhost_wall_ms(t);

    timer(t, 250, 0, b);
    chatd_timer_cancel(testhost_self(t), timer(t, 50, 0, c));
    testhost_advance(t, 299);
    assert_string_equal(story, "aab");
    testhost_advance(t, 1);
    assert_string_equal(story, "aaba");
    assert_int_equal(testhost_wall_ms(t), wall + 300);
    assert_int_equal(chatd_timer_cancel(testhost_self(t), every), CHATD_OK);
    assert_int_equal(chatd_timer_cancel(testhost_self(t), every), CHATD_E_GONE);
    testhost_advance(t, 1000);
    assert_string_equal(story, "aaba");
    testhost_set_wall(t, 5);
    assert_int_equal(chatd_wall_ms(testhost_self(t)), 5);
}

static void test_posts(void **state)
{
    char a[] = "a";

    assert_int_equal(chatd_post(testhost_self(*state), note, a), CHATD_OK);
    assert_string_equal(story, "");
    assert_int_equal(testhost_step(*state), 1);
    assert_string_equal(story, "a");
    assert_int_equal(testhost_step(*state), 0);
}

static void turn_within(void *arg)
{
    static char post[] = "post ";

    assert_int_equal(chatd_post(testhost_self(arg), note, post), CHATD_OK);
    testhost_turn(arg);
    strcat(story, "later ");
}

/* As a fake may, by a function that ends with a turn: the plugin has not returned yet. */
static void test_no_turn_within_a_call(void **state)
{
    testhost_later(*state, turn_within, *state);
    testhost_turn(*state);
    assert_string_equal(story, "later post ");
}

static void test_step_by_step(void **state)
{
    struct testhost *t = *state;
    char a[] = "a", b[] = "b";

    testhost_hold(t, 1);
    assert_int_equal(chatd_post(testhost_self(t), note, a), CHATD_OK);
    timer(t, 0, 0, b);
    testhost_turn(t);
    testhost_advance(t, 1);
    assert_string_equal(story, "");
    assert_int_equal(testhost_step(t), 1);
    assert_string_equal(testhost_stepped(t), "post");
    assert_string_equal(story, "a");
    testhost_hold(t, 0);
    assert_string_equal(story, "ab");
    assert_int_equal(testhost_step(t), 0);
    assert_string_equal(testhost_stepped(t), "");
}

static void again(chatd_plugin *self, void *arg)
{
    chatd_post(self, again, arg);
}

static void test_never_at_rest(void **state)
{
    chatd_post(testhost_self(*state), again, NULL);
    testhost_turn(*state);
    only_fault(*state, "never comes to rest");
    testhost_stop(*state);
    while (testhost_excuse(*state, "never comes to rest"))
        continue;
}

/* --- jobs ----------------------------------------------------------------------------------------- */

struct work {
    chatd_plugin *self;
    int does_wrong;
};

static int run(void *arg)
{
    struct work *work = arg;
    chatd_timer id;

    if (work->does_wrong)
        chatd_timer_start(work->self, 1, 0, note, story + 1, &id);
    strcat(story, "run ");
    return 7;
}

static void done(chatd_plugin *self, int rc, void *arg)
{
    (void)self, (void)arg;
    strcat(story, rc == 7                   ? "done "
                  : rc == CHATD_E_TIMEOUT   ? "timeout "
                  : rc == CHATD_E_CANCELLED ? "cancelled "
                                            : "? ");
}

static void release(void *arg)
{
    (void)arg;
    strcat(story, "release ");
}

static int job(struct testhost *t, struct work *work)
{
    work->self = testhost_self(t);
    return chatd_job(work->self, &(struct chatd_job){.size = sizeof(struct chatd_job),
                                                     .queue = CHATD_JOB_IO,
                                                     .deadline_ms = 100,
                                                     .run = run,
                                                     .done = done,
                                                     .release = release,
                                                     .arg = work});
}

static void test_job(void **state)
{
    struct work work = {0};

    assert_int_equal(job(*state, &work), CHATD_OK);
    assert_string_equal(story, "");
    testhost_turn(*state);
    assert_string_equal(story, "run done release ");
}

static int job_run_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void test_job_without_its_size(void **state)
{
    const struct chatd_job no_size = {.run = job_run_nothing};

    assert_int_equal(chatd_job(testhost_self(*state), &no_size), CHATD_E_INVAL);
    only_fault(*state, "gives chatd_job() a record of 0 bytes; write .size");
}

static void test_job_that_hangs(void **state)
{
    struct work work = {0};

    testhost_hold_jobs(*state, 1);
    assert_int_equal(job(*state, &work), CHATD_OK);
    testhost_advance(*state, 99);
    assert_string_equal(story, "");
    testhost_advance(*state, 1);
    assert_string_equal(story, "timeout ");
    testhost_hold_jobs(*state, 0);
    assert_string_equal(story, "timeout run release ");
}

static void test_job_at_the_end(void **state)
{
    static struct work work;
    struct testhost *t = host_with(init);

    (void)state;
    story[0] = '\0';
    testhost_hold_jobs(t, 1);
    assert_int_equal(job(t, &work), CHATD_OK);
    testhost_stop(t);
    assert_string_equal(story, "cancelled ");
    assert_int_equal(testhost_free(t), 0);
    assert_string_equal(story, "cancelled release ");
}

/* One thread: what waits behind the one that hangs has not begun, and never does. */
static void test_job_behind_one_that_hangs(void **state)
{
    struct testhost *t = *state;
    struct work hangs = {0}, waits = {0};

    testhost_hold_jobs(t, 1);
    assert_int_equal(job(t, &hangs), CHATD_OK);
    testhost_advance(t, 50);
    assert_int_equal(job(t, &waits), CHATD_OK);
    testhost_advance(t, 50);
    assert_string_equal(story, "timeout ");
    testhost_advance(t, 50);
    assert_string_equal(story, "timeout timeout release ");
    assert_int_equal(job(t, &waits), CHATD_OK);
    testhost_cancel(t);
    assert_string_equal(story, "timeout timeout release cancelled release ");
    testhost_hold_jobs(t, 0);
    assert_string_equal(story, "timeout timeout release cancelled release run release ");
}

static int run_waits(void *arg)
{
    return sem_wait(arg) == 0 ? 7 : 0;
}

/* It would never end if the test did not go on meanwhile. */
static void test_job_that_overlaps(void **state)
{
    struct testhost *t = *state;
    sem_t may_end;
    const struct chatd_job def = {.size = sizeof(def),
                                  .queue = CHATD_JOB_IO,
                                  .run = run_waits,
                                  .done = done,
                                  .arg = &may_end};

    assert_int_equal(sem_init(&may_end, 0, 0), 0);
    testhost_overlap_jobs(t, 1);
    assert_int_equal(chatd_job(testhost_self(t), &def), CHATD_OK);
    assert_int_equal(chatd_job(testhost_self(t), &def), CHATD_OK);
    testhost_hold_jobs(t, 1); /* the next: this one has begun */
    sem_post(&may_end);
    assert_int_equal(testhost_step(t), 1);
    assert_string_equal(story, "done ");
    assert_int_equal(testhost_step(t), 0);
    sem_post(&may_end);
    testhost_hold_jobs(t, 0);
    assert_string_equal(story, "done done ");
    assert_int_equal(chatd_job(testhost_self(t), &def), CHATD_OK);
    sem_post(&may_end);
    testhost_stop(t); /* and this one is waited for */
    assert_string_equal(story, "done done done ");
    sem_destroy(&may_end);
}

static struct work late;

/* The last post that is run, and what it asks for. */
static void post_last(chatd_plugin *self, void *arg)
{
    (void)arg;
    strcat(story, chatd_post(self, note, story) == CHATD_E_STATE ? "too late " : "? ");
}

static void done_last(chatd_plugin *self, int rc, void *arg)
{
    const struct chatd_job def = {.size = sizeof(def), .queue = CHATD_JOB_IO, .run = run};

    (void)arg;
    assert_int_equal(chatd_job(self, &def), CHATD_E_STATE);
    assert_int_equal(chatd_post(self, post_last, NULL), CHATD_OK);
    strcat(story, rc == CHATD_E_CANCELLED ? "cancelled " : "? ");
}

/* As in the core: nothing comes by the clock any more, jobs are refused, and a post in a callback of
 * theirs is the last. */
static void test_cancelled(void **state)
{
    struct testhost *t = *state;
    char a[] = "a";

    late.self = testhost_self(t);
    testhost_hold_jobs(t, 1);
    timer(t, 0, 0, a);
    assert_int_equal(chatd_job(late.self, &(struct chatd_job){.size = sizeof(struct chatd_job),
                                                              .queue = CHATD_JOB_IO,
                                                              .run = run,
                                                              .done = done_last,
                                                              .arg = &late}),
                     CHATD_OK);
    testhost_drain(t);
    assert_string_equal(story, "a");
    timer(t, 1, 0, a);
    testhost_cancel(t);
    assert_string_equal(story, "acancelled too late ");
    testhost_advance(t, 1000);
    testhost_hold_jobs(t, 0);
    assert_string_equal(story, "acancelled too late run ");
}

static void test_full_queue(void **state)
{
    struct work work = {0};

    testhost_refuse_jobs(*state, 1);
    assert_int_equal(job(*state, &work), CHATD_E_BUSY);
    assert_int_equal(job(*state, &work), CHATD_OK);
    testhost_turn(*state);
}

static void test_wrong_thread(void **state)
{
    struct work work = {.does_wrong = 1};

    assert_int_equal(job(*state, &work), CHATD_OK);
    testhost_turn(*state);
    only_fault(*state, "called chatd_timer_start() from a job's thread");
}

/* --- watches -------------------------------------------------------------------------------------- */

static void on_readable(chatd_plugin *self, int fd, int events, void *arg)
{
    char byte;

    (void)self, (void)arg;
    assert_int_equal(events, CHATD_WATCH_READ);
    assert_int_equal(read(fd, &byte, 1), 1);
    strncat(story, &byte, 1);
}

static void on_writable(chatd_plugin *self, int fd, int events, void *arg)
{
    (void)self, (void)fd, (void)events;
    ++*(int *)arg;
}

static void test_watches(void **state)
{
    struct testhost *t = *state;
    chatd_watch in, out;
    int pair[2], written = 0;

    assert_int_equal(pipe(pair), 0);
    assert_int_equal(
        chatd_watch_start(testhost_self(t), pair[0], CHATD_WATCH_READ, on_readable, NULL, &in),
        CHATD_OK);
    testhost_turn(t);
    assert_string_equal(story, "");
    assert_int_equal(testhost_wait_watch(t, 1), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(testhost_wait_watch(t, 1000), 1);
    assert_string_equal(story, "x");
    assert_int_equal(write(pair[1], "y", 1), 1);
    testhost_turn(t);
    assert_string_equal(story, "xy");
    assert_int_equal(chatd_watch_start(testhost_self(t), pair[1], CHATD_WATCH_WRITE, on_writable,
                                       &written, &out),
                     CHATD_OK);
    testhost_turn(t);
    assert_int_equal(written, 1); /* once in a turn, however long it can be written */
    assert_int_equal(chatd_watch_set(testhost_self(t), out, 0), CHATD_OK);
    testhost_turn(t);
    assert_int_equal(written, 1);
    assert_int_equal(chatd_watch_cancel(testhost_self(t), in), CHATD_OK);
    assert_int_equal(chatd_watch_cancel(testhost_self(t), in), CHATD_E_GONE);
    close(pair[0]);
    close(pair[1]);
}

static void test_closed_too_early(void **state)
{
    struct testhost *t = *state;
    chatd_watch in;
    int pair[2];

    assert_int_equal(pipe(pair), 0);
    assert_int_equal(
        chatd_watch_start(testhost_self(t), pair[0], CHATD_WATCH_READ, on_readable, NULL, &in),
        CHATD_OK);
    close(pair[0]);
    close(pair[1]);
    testhost_turn(t);
    only_fault(t, "closed a descriptor before chatd_watch_cancel()");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_timers),
        TEST(test_posts),
        TEST(test_step_by_step),
        TEST(test_never_at_rest),
        TEST(test_no_turn_within_a_call),
        TEST(test_job),
        TEST(test_job_without_its_size),
        TEST(test_job_that_hangs),
        TEST(test_full_queue),
        TEST(test_wrong_thread),
        TEST(test_watches),
        TEST(test_closed_too_early),
        cmocka_unit_test(test_job_at_the_end),
        TEST(test_cancelled),
        TEST(test_job_that_overlaps),
        TEST(test_job_behind_one_that_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
