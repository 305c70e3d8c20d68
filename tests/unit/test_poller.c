/* SPDX-License-Identifier: MIT */
/* Descriptors watched through one event of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/poller.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 300 };

static struct event_base *base;
static struct poller poller;
static int ours[PAIRS], theirs[PAIRS];
static unsigned told[PAIRS], times;
static void (*then)(uint64_t id);

static void ready(void *arg, uint64_t id, unsigned what)
{
    assert_ptr_equal(arg, &poller);
    told[id] |= what;
    times++;
    if (then != NULL)
        then(id);
}

static void turn(void)
{
    memset(told, 0, sizeof(told));
    times = 0;
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int setup(void **state)
{
    int i, fd[2];

    (void)state;
    base = event_base_new();
    poller_init(&poller, base, ready, &poller);
    then = NULL;
    for (i = 0; i < PAIRS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
        ours[i] = fd[0];
        theirs[i] = fd[1];
        assert_true(poller_set(&poller, ours[i], (uint64_t)i, 0, POLLER_READ));
    }
    return 0;
}

static int teardown(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < PAIRS; i++) {
        close(ours[i]);
        close(theirs[i]);
    }
    poller_deinit(&poller);
    event_base_free(base);
    return 0;
}

static void say(int i)
{
    assert_int_equal(write(theirs[i], "x", 1), 1);
}

static void tells_what_is_waited_for(void **state)
{
    (void)state;
    turn();
    assert_int_equal(times, 0);
    say(7);
    turn();
    assert_int_equal(times, 1);
    assert_int_equal(told[7], POLLER_READ);
    turn();
    assert_int_equal(told[7], POLLER_READ); /* it stays true */
    assert_true(poller_set(&poller, ours[7], 7, POLLER_READ, POLLER_READ | POLLER_WRITE));
    turn();
    assert_int_equal(told[7], POLLER_READ | POLLER_WRITE);
    poller_remove(&poller, ours[7]);
    turn();
    assert_int_equal(times, 0);
    assert_true(poller_set(&poller, ours[7], 9, 0, POLLER_WRITE)); /* under another number */
    turn();
    assert_int_equal(told[9], POLLER_WRITE);
}

static void edges_are_told_once(void **state)
{
    (void)state;
    assert_true(
        poller_set(&poller, ours[3], 3, POLLER_READ, POLLER_READ | POLLER_CLOSED | POLLER_EDGES));
    say(3);
    turn();
    assert_int_equal(told[3], POLLER_READ);
    turn();
    assert_int_equal(times, 0);
    shutdown(theirs[3], SHUT_WR);
    turn();
    assert_int_equal(told[3], POLLER_READ | POLLER_CLOSED);
    assert_true(
        poller_set(&poller, ours[3], 3, POLLER_EDGES, POLLER_READ)); /* what is there counts anew */
    turn();
    assert_int_equal(told[3], POLLER_READ);
}

/* Nobody reads what came: it is told again, but in another turn. */
static void each_is_told_once_in_a_turn(void **state)
{
    int i, turns;

    (void)state;
    for (i = 0; i < PAIRS; i++)
        say(i);
    for (turns = 0; turns < 3; turns++) {
        turn();
        assert_int_equal(times, PAIRS);
        for (i = 0; i < PAIRS; i++)
            assert_int_equal(told[i], POLLER_READ);
    }
}

static void close_all(uint64_t id)
{
    int i;

    (void)id;
    for (i = 0; i < PAIRS; i++) {
        poller_remove(&poller, ours[i]);
        close(ours[i]);
        ours[i] = -1;
    }
    then = NULL;
}

/* The rest of the batch is told by numbers, which whoever has none any more does not find. */
static void all_may_be_closed_meanwhile(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 10; i++)
        say(i);
    then = close_all;
    turn();
    assert_int_equal(times, 10);
    turn();
    assert_int_equal(times, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(tells_what_is_waited_for),
        T(edges_are_told_once),
        T(each_is_told_once_in_a_turn),
        T(all_may_be_closed_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
