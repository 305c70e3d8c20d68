/* SPDX-License-Identifier: MIT */
/* Timers and watches: once, again, cancelled in their own callback, gone with their plugin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/clock.h"
#include "host/host.h"
#include "host/metric.h"
#include "host/work.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct host h;
static struct plugin a, b;
static chatd_timer timer;
static chatd_watch watch;
static int calls, seen, cancel_at, cancel_rc;

static int setup(void **state)
{
    (void)state;
    memset(&h, 0, sizeof(h));
    h.base = event_base_new();
    h.loop_thread = pthread_self();
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    a.host = b.host = &h;
    a.state = b.state = PLUGIN_STARTED;
    metric_init(&h);
    a.row = 7;
    task_init(&h);
    calls = seen = cancel_rc = 0;
    cancel_at = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    task_remove(&h, &a);
    task_remove(&h, &b);
    assert_int_equal(h.timers.n_live, 0);
    assert_int_equal(h.watches.n_live, 0);
    slab_deinit(&h.timers);
    slab_deinit(&h.watches);
    assert_int_equal(h.seat->work, 0);
    metric_deinit(&h);
    event_base_free(h.base);
    return 0;
}

static void on_timer(chatd_plugin *self, void *arg)
{
    assert_ptr_equal(self, &a.pub);
    assert_ptr_equal(arg, &calls);
    assert_int_equal(h.seat->work, work_pack(WORK_TIMER, 0, 7));
    if (++calls == cancel_at)
        cancel_rc = task_timer_cancel(self, timer);
}

static void until(int n)
{
    int64_t end = clock_mono_ms() + 20000;

    while (calls < n && clock_mono_ms() < end)
        event_base_loop(h.base, EVLOOP_ONCE);
    assert_int_equal(calls, n);
}

static void a_timer_runs_once(void **state)
{
    (void)state;
    cancel_at = 1;
    assert_int_equal(task_timer(&a.pub, 1, 0, on_timer, &calls, &timer), CHATD_OK);
    until(1);
    assert_int_equal(cancel_rc, CHATD_E_GONE); /* it has run out in its own callback already */
    event_base_loop(h.base, EVLOOP_ONCE);      /* nothing is left: returns */
    assert_int_equal(calls, 1);
}

static void a_timer_repeats_until_cancelled_in_its_callback(void **state)
{
    (void)state;
    cancel_at = 3;
    assert_int_equal(task_timer(&a.pub, 0, 1, on_timer, &calls, &timer), CHATD_OK);
    until(3);
    assert_int_equal(cancel_rc, CHATD_OK);
    event_base_loop(h.base, EVLOOP_ONCE);
    assert_int_equal(calls, 3);
    assert_int_equal(task_timer_cancel(&a.pub, timer), CHATD_E_GONE);
}

static void timers_are_their_owners(void **state)
{
    (void)state;
    assert_int_equal(task_timer(&a.pub, 1000, 0, on_timer, &calls, &timer), CHATD_OK);
    assert_int_equal(task_timer_cancel(&b.pub, timer), CHATD_E_GONE);
    assert_int_equal(task_timer_cancel(&a.pub, timer), CHATD_OK);
    assert_int_equal(task_timer(&a.pub, 1000, 0, NULL, NULL, &timer), CHATD_E_INVAL);
    assert_int_equal(task_timer(&a.pub, 1000, 0, on_timer, &calls, NULL), CHATD_OK);
    a.state = PLUGIN_STOPPED;
    assert_int_equal(task_timer(&a.pub, 1, 0, on_timer, &calls, &timer), CHATD_E_STATE);
}

static void on_watch(chatd_plugin *self, int fd, int events, void *arg)
{
    char c;

    (void)arg;
    assert_int_equal(h.seat->work, work_pack(WORK_WATCH, 0, 7));
    calls++;
    seen = events;
    if ((events & CHATD_WATCH_READ) && read(fd, &c, 1) < 0)
        seen = -1;
    if (calls == cancel_at)
        cancel_rc = task_watch_cancel(self, watch);
}

static void watches(void **state)
{
    int fd[2];

    (void)state;
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    assert_int_equal(task_watch(&a.pub, fd[0], CHATD_WATCH_READ, on_watch, NULL, &watch), CHATD_OK);
    event_base_loop(h.base, EVLOOP_NONBLOCK);
    assert_int_equal(calls, 0);
    assert_int_equal(write(fd[1], "ab", 2), 2);
    until(1);
    until(2); /* level triggered */
    assert_int_equal(seen, CHATD_WATCH_READ);
    assert_int_equal(task_watch_set(&b.pub, watch, 0), CHATD_E_GONE);
    assert_int_equal(task_watch_set(&a.pub, watch, 0), CHATD_OK);
    assert_int_equal(write(fd[1], "c", 1), 1);
    event_base_loop(h.base, EVLOOP_NONBLOCK);
    assert_int_equal(calls, 2);
    cancel_at = 3;
    assert_int_equal(task_watch_set(&a.pub, watch, CHATD_WATCH_READ), CHATD_OK);
    until(3);
    assert_int_equal(cancel_rc, CHATD_OK);
    assert_int_equal(task_watch_cancel(&a.pub, watch), CHATD_E_GONE);
    assert_int_equal(task_watch(&a.pub, fd[1], CHATD_WATCH_WRITE, on_watch, NULL, &watch),
                     CHATD_OK);
    until(4);
    assert_int_equal(seen, CHATD_WATCH_WRITE);
    task_remove(&h, &a);
    assert_int_equal(task_watch_set(&a.pub, watch, 0), CHATD_E_GONE);
    close(fd[0]);
    close(fd[1]);
}

/* epoll refuses plain files: silence would look like a file that never gets ready. */
static void what_cannot_be_watched_is_said(void **state)
{
    char name[] = "/tmp/chatd-test-task-XXXXXX";
    int fd = mkstemp(name);

    (void)state;
    unlink(name);
    assert_int_equal(task_watch(&a.pub, fd, CHATD_WATCH_READ, on_watch, NULL, &watch),
                     CHATD_E_INVAL);
    assert_int_equal(task_watch(&a.pub, -1, CHATD_WATCH_READ, on_watch, NULL, &watch),
                     CHATD_E_INVAL);
    assert_int_equal(h.watches.n_live, 0);
    close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_timer_runs_once),
        T(a_timer_repeats_until_cancelled_in_its_callback),
        T(timers_are_their_owners),
        T(watches),
        T(what_cannot_be_watched_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
