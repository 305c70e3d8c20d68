/* SPDX-License-Identifier: MIT */
/* Jobs and posts: done exactly once, release last, whatever ends them. Run under TSan too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/clock.h"
#include "host/host.h"
#include "host/metric.h"
#include "host/work.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { PATIENCE_MS = 20000 };

static struct host h;
static struct plugin a, b;
static struct plugin *plugins[2];
static atomic_int gate; /* run() of a gated job returns when it is open */

struct work {
    atomic_int ran;
    int rc, done, done_rc, released, gated;
};

static int run(void *arg)
{
    struct work *w = arg;

    while (w->gated && !atomic_load(&gate))
        sched_yield();
    assert_int_equal(work_thread(), work_pack(WORK_JOB, 0, 3));
    atomic_fetch_add(&w->ran, 1);
    return w->rc;
}

static void on_done(chatd_plugin *self, int rc, void *arg)
{
    struct work *w = arg;

    assert_true(self == &a.pub || self == &b.pub);
    assert_true(pthread_equal(pthread_self(), h.loop_thread));
    assert_int_equal(w->released, 0);
    assert_int_equal(h.seat->work, work_pack(WORK_JOB_DONE, 0, 3));
    assert_int_equal(work_thread(), 0);
    w->done++;
    w->done_rc = rc;
}

static void on_release(void *arg)
{
    struct work *w = arg;

    assert_int_equal(w->done, 1);
    w->released++;
}

static int submit(struct plugin *p, struct work *w, uint32_t queue, uint32_t deadline)
{
    const struct chatd_job job = {.size = sizeof(job),
                                  .queue = queue,
                                  .deadline_ms = deadline,
                                  .run = run,
                                  .done = on_done,
                                  .release = on_release,
                                  .arg = w};

    return job_submit(&p->pub, &job);
}

static void until(const int *what, int value)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    while (*what != value && clock_mono_ms() < end)
        event_base_loop(h.base, EVLOOP_ONCE);
    assert_int_equal(*what, value);
}

static void make(struct plugin *p)
{
    memset(p, 0, sizeof(*p));
    p->host = &h;
    p->state = PLUGIN_STARTED;
    p->row = 3;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static struct event *ticker;

static int setup(void **state)
{
    static const struct timeval often = {0, 50000};

    (void)state;
    memset(&h, 0, sizeof(h));
    h.base = event_base_new();
    h.loop_thread = pthread_self();
    h.opt.cpu_threads = 3;
    h.opt.job_queue_max = 8;
    make(&a);
    make(&b);
    plugins[0] = &a;
    plugins[1] = &b;
    h.plugin = plugins;
    h.n_plugins = 2;
    atomic_store(&gate, 0);
    metric_init(&h);
    job_init(&h);
    ticker = event_new(h.base, -1, EV_PERSIST, tick, NULL); /* so that until() gets its turn */
    event_add(ticker, &often);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    atomic_store(&gate, 1);
    if (h.jobs != NULL)
        job_deinit(&h);
    assert_int_equal(h.seat->work, 0);
    metric_deinit(&h);
    event_free(ticker);
    event_base_free(h.base);
    return 0;
}

static void both_queues_return(void **state)
{
    struct work w[6] = {{.rc = 7}, {.rc = 8}, {.rc = 9}, {.rc = 10}, {.rc = 11}, {.rc = 12}};
    int i;

    (void)state;
    for (i = 0; i < 6; i++)
        assert_int_equal(submit(i % 2 ? &a : &b, &w[i], i < 3 ? CHATD_JOB_CPU : CHATD_JOB_IO, 0),
                         CHATD_OK);
    assert_int_equal(w[0].done, 0); /* never before the call returned */
    for (i = 0; i < 6; i++) {
        until(&w[i].released, 1);
        assert_int_equal(w[i].ran, 1);
        assert_int_equal(w[i].done, 1);
        assert_int_equal(w[i].done_rc, 7 + i);
    }
}

static int order[4], n_order;

static int run_in_order(void *arg)
{
    order[n_order++] = *(int *)arg; /* one thread: TSan would tell otherwise */
    return 0;
}

static void io_jobs_run_one_after_the_other(void **state)
{
    struct work last = {0};
    int number[4] = {0, 1, 2, 3}, i;

    (void)state;
    n_order = 0;
    for (i = 0; i < 4; i++) {
        const struct chatd_job job = {
            .size = sizeof(job), .queue = CHATD_JOB_IO, .run = run_in_order, .arg = &number[i]};

        assert_int_equal(job_submit(&a.pub, &job), CHATD_OK);
    }
    submit(&a, &last, CHATD_JOB_IO, 0);
    until(&last.released, 1);
    for (i = 0; i < 4; i++)
        assert_int_equal(order[i], i);
}

static void deadline_while_running(void **state)
{
    struct work w = {.gated = 1};

    (void)state;
    submit(&a, &w, CHATD_JOB_CPU, 20);
    until(&w.done, 1);
    assert_int_equal(w.done_rc, CHATD_E_TIMEOUT);
    assert_int_equal(w.released, 0); /* run() has its argument still */
    atomic_store(&gate, 1);
    until(&w.released, 1);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.ran, 1);
}

static void deadline_while_queued(void **state)
{
    struct work first = {.gated = 1}, second = {0};

    (void)state;
    submit(&a, &first, CHATD_JOB_IO, 0);
    submit(&a, &second, CHATD_JOB_IO, 20);
    until(&second.released, 1);
    assert_int_equal(second.done_rc, CHATD_E_TIMEOUT);
    assert_int_equal(second.ran, 0);
    atomic_store(&gate, 1);
    until(&first.released, 1);
    assert_int_equal(second.ran, 0);
}

static void deadline_races_return(void **state)
{
    enum { ROUNDS = 200 };
    int i;

    (void)state;
    atomic_store(&gate, 1);
    for (i = 0; i < ROUNDS; i++) {
        struct work w = {.gated = 1};

        assert_int_equal(submit(&a, &w, CHATD_JOB_CPU, 1), CHATD_OK);
        until(&w.released, 1);
        assert_int_equal(w.done, 1);
        assert_true(w.done_rc == 0 || w.done_rc == CHATD_E_TIMEOUT);
    }
}

static void full_is_busy(void **state)
{
    struct work w[10] = {{0}};
    int i, taken = 0;

    (void)state;
    for (i = 0; i < 10; i++) {
        w[i].gated = 1;
        taken += submit(&a, &w[i], CHATD_JOB_IO, 0) == CHATD_OK;
    }
    assert_in_range(taken, 8, 9); /* one may be in the thread already */
    assert_int_equal(submit(&b, &w[9], CHATD_JOB_IO, 0), CHATD_OK); /* its own queue */
    atomic_store(&gate, 1);
    until(&w[9].released, 1);
    for (i = 0; i < taken; i++)
        until(&w[i].released, 1);
}

static void cancel_ends_one_plugins_jobs(void **state)
{
    struct work mine[3] = {{.gated = 1}, {0}, {0}}, other = {.gated = 1};
    int i;

    (void)state;
    for (i = 0; i < 3; i++)
        submit(&a, &mine[i], CHATD_JOB_IO, 0);
    submit(&b, &other, CHATD_JOB_IO, 0);
    job_cancel(&h, &a);
    for (i = 0; i < 3; i++) {
        assert_int_equal(mine[i].done, 1);
        assert_int_equal(mine[i].done_rc, CHATD_E_CANCELLED);
    }
    assert_int_equal(mine[2].released, 1);
    assert_int_equal(mine[2].ran, 0);
    assert_int_equal(other.done, 0);
    atomic_store(&gate, 1);
    until(&mine[0].released, 1);
    until(&other.released, 1);
    assert_int_equal(other.done_rc, 0);
}

static void deinit_waits_and_releases(void **state)
{
    struct work w = {.gated = 1};

    (void)state;
    submit(&a, &w, CHATD_JOB_IO, 0);
    job_cancel(&h, &a);
    atomic_store(&gate, 1);
    job_deinit(&h);
    h.jobs = NULL;
    assert_int_equal(w.done, 1);
    assert_int_equal(w.released, 1);
}

static void bad_records(void **state)
{
    const struct chatd_job job = {.size = sizeof(job), .queue = 2, .run = run};
    const struct chatd_job none = {.size = sizeof(job)};
    const struct chatd_job cut = {.size = 8, .run = run};
    struct work w = {0};

    (void)state;
    assert_int_equal(job_submit(&a.pub, &job), CHATD_E_INVAL);
    assert_int_equal(job_submit(&a.pub, &none), CHATD_E_INVAL);
    assert_int_equal(job_submit(&a.pub, &cut), CHATD_E_INVAL);
    a.state = PLUGIN_STOPPED;
    assert_int_equal(submit(&a, &w, CHATD_JOB_CPU, 0), CHATD_E_STATE);
}

static int posted;

static void on_post(chatd_plugin *self, void *arg)
{
    assert_ptr_equal(self, &a.pub);
    assert_int_equal((int)(intptr_t)arg, posted); /* in order */
    posted++;
}

static void *post_many(void *arg)
{
    intptr_t i;

    for (i = 0; i < 1000; i++)
        assert_int_equal(job_post(arg, on_post, (void *)i), CHATD_OK);
    return NULL;
}

static void posts_come_in_order_from_any_thread(void **state)
{
    pthread_t thread;

    (void)state;
    posted = 0;
    pthread_create(&thread, NULL, post_many, &a.pub);
    until(&posted, 1000);
    pthread_join(thread, NULL);
}

static void posts_to_the_stopped_are_dropped(void **state)
{
    (void)state;
    posted = 0;
    assert_int_equal(job_post(&a.pub, on_post, (void *)(intptr_t)0), CHATD_OK);
    until(&posted, 1);
    assert_int_equal(job_post(&a.pub, on_post, (void *)(intptr_t)1), CHATD_OK);
    a.state = PLUGIN_STOPPED;
    job_flush(&h);
    assert_int_equal(posted, 1);
}

static int late;

static void post_again(chatd_plugin *self, void *arg)
{
    (void)arg;
    posted++;
    late = job_post(self, post_again, NULL);
}

/* What was told CHATD_OK is run; what would not be run any more is refused. */
static void the_flush_runs_what_it_took(void **state)
{
    (void)state;
    posted = 0;
    assert_int_equal(job_post(&a.pub, post_again, NULL), CHATD_OK);
    job_flush(&h);
    assert_int_equal(posted, 1);
    assert_int_equal(late, CHATD_E_STATE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(both_queues_return),
        T(io_jobs_run_one_after_the_other),
        T(deadline_while_running),
        T(deadline_while_queued),
        T(deadline_races_return),
        T(full_is_busy),
        T(cancel_ends_one_plugins_jobs),
        T(deinit_waits_and_releases),
        T(bad_records),
        T(posts_come_in_order_from_any_thread),
        T(posts_to_the_stopped_are_dropped),
        T(the_flush_runs_what_it_took),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
