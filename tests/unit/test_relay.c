/* SPDX-License-Identifier: MIT */
/* The bus between workers: topics go to those that asked, and nobody is left in doubt. */
#include "link/pipe.h"
#include "master/master.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 3, QUEUE_BYTES = 262144 };

static struct {
    struct master m;
    struct {
        struct pipe *pipe;
        struct relay_member *member;
        char heard[8192];
    } worker[WORKERS];
} chat;

static void on_frame(void *arg, const struct pipe_frame *f)
{
    char *heard = arg;
    size_t n = strlen(heard);

    snprintf(heard + n, sizeof(chat.worker[0].heard) - n, "%s%.*s%s%.*s ",
             f->kind == PIPE_LOST ? "?" : "", (int)f->topic_n, f->topic, f->data_n > 0 ? "=" : "",
             (int)(f->data_n < 8 ? f->data_n : 8), f->data);
}

static void on_ended(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    int i, fd[2];

    (void)state;
    memset(&chat, 0, sizeof(chat));
    chat.m.base = event_base_new();
    chat.m.opt.bus_queue = QUEUE_BYTES;
    chat.m.board = board_new(1, true);
    relay_init(&chat.m);
    for (i = 0; i < WORKERS; i++) {
        const struct pipe_calls calls = {on_frame, on_ended, chat.worker[i].heard};

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        chat.worker[i].pipe = pipe_new(chat.m.base, fd[0], 16 * QUEUE_BYTES, &calls);
        chat.worker[i].member = relay_join(&chat.m, fd[1]);
    }
    return 0;
}

static int tear_down(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < WORKERS; i++)
        pipe_free(chat.worker[i].pipe);
    relay_deinit(&chat.m);
    board_free(chat.m.board);
    event_base_free(chat.m.base);
    return 0;
}

static void settle(void)
{
    int i;

    for (i = 0; i < 256; i++) {
        event_base_loop(chat.m.base, EVLOOP_NONBLOCK);
        relay_flush(&chat.m);
    }
}

static void say(int worker, int kind, const char *topic, const char *data)
{
    const struct pipe_frame f = {kind, topic, data, strlen(topic), strlen(data)};

    pipe_put(chat.worker[worker].pipe, &f);
    pipe_flush(chat.worker[worker].pipe);
}

static void heard_is(int worker, const char *text)
{
    assert_string_equal(chat.worker[worker].heard, text);
}

static void test_a_topic_goes_to_the_others_that_asked(void **state)
{
    (void)state;
    say(0, PIPE_SUBSCRIBE, "a", "");
    say(1, PIPE_SUBSCRIBE, "a", "");
    say(2, PIPE_SUBSCRIBE, "b", "");
    settle();
    say(0, PIPE_PUBLISH, "a", "1");
    say(2, PIPE_PUBLISH, "a", "2");
    say(0, PIPE_PUBLISH, "b", "3");
    settle();
    heard_is(0, "?a a=2 ");
    heard_is(1, "?a a=1 a=2 ");
    heard_is(2, "?b b=3 ");
}

/* What was published before it was heard may be missing: the answer says so, in order. */
static void test_a_subscription_is_answered_with_a_doubt(void **state)
{
    (void)state;
    say(0, PIPE_PUBLISH, "a", "early");
    settle();
    say(1, PIPE_SUBSCRIBE, "a", "");
    settle();
    say(0, PIPE_PUBLISH, "a", "later");
    settle();
    heard_is(1, "?a a=later ");
}

static void test_unsubscribed_is_not_heard(void **state)
{
    (void)state;
    say(0, PIPE_SUBSCRIBE, "a", "");
    say(0, PIPE_UNSUBSCRIBE, "a", "");
    say(0, PIPE_UNSUBSCRIBE, "never", "");
    settle();
    say(1, PIPE_PUBLISH, "a", "1");
    settle();
    heard_is(0, "?a ");
}

/* What a dead worker had to say may have died with it. */
static void test_a_member_that_goes_leaves_a_doubt(void **state)
{
    (void)state;
    say(0, PIPE_SUBSCRIBE, "a", "");
    settle();
    relay_leave(&chat.m, chat.worker[2].member);
    settle();
    heard_is(0, "?a ? ");
    heard_is(1, "? ");
    say(1, PIPE_PUBLISH, "a", "on");
    settle();
    heard_is(0, "?a ? a=on ");
}

static void test_who_could_not_say_all_makes_the_others_doubt(void **state)
{
    (void)state;
    say(0, PIPE_LOST, "", "");
    settle();
    heard_is(0, "");
    heard_is(1, "? ");
    heard_is(2, "? ");
}

/* Reads what waits behind a socket, as a worker that wakes up would; counts LOST. */
static int doubts_behind(int fd)
{
    static unsigned char bytes[4 * 1024 * 1024];
    size_t have = 0, at = 0;
    int n_lost = 0, quiet = 0;
    struct pipe_frame f;

    while (quiet < 3) {
        ssize_t n = recv(fd, bytes + have, sizeof(bytes) - have, MSG_DONTWAIT);

        quiet = n > 0 ? 0 : quiet + 1;
        have += n > 0 ? (size_t)n : 0;
        settle();
    }
    for (long n; (n = pipe_parse(bytes + at, have - at, &f)) > 0; at += (size_t)n)
        n_lost += f.kind == PIPE_LOST;
    assert_int_equal(at, have);
    assert_true(have < 100 * 16384); /* not all of it waited */
    return n_lost;
}

/* One that does not read costs no more than its queue, and the others nothing. */
static void test_who_does_not_read_is_told_once_and_others_go_on(void **state)
{
    static char data[16384];
    int fd[2], i;

    (void)state;
    /* A fourth one, behind whose socket nobody reads. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    relay_join(&chat.m, fd[1]);
    assert_int_equal(write(fd[0], "\5\0\0\0\2\0\1\0a", 9), 9); /* SUBSCRIBE a */
    memset(data, 'x', sizeof(data) - 1);
    say(1, PIPE_SUBSCRIBE, "a", "");
    settle();
    for (i = 0; i < 100; i++) { /* 1.6 MB, several times its queue */
        say(2, PIPE_PUBLISH, "a", data);
        settle();
    }
    assert_int_equal(strlen(chat.worker[1].heard), strlen("?a ") + 100 * strlen("a=xxxxxxxx "));
    heard_is(0, "");
    assert_int_equal(doubts_behind(fd[0]),
                     2); /* its subscription's, and one for all that it missed */
    close(fd[0]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_topic_goes_to_the_others_that_asked),
        CASE(test_a_subscription_is_answered_with_a_doubt),
        CASE(test_unsubscribed_is_not_heard),
        CASE(test_a_member_that_goes_leaves_a_doubt),
        CASE(test_who_could_not_say_all_makes_the_others_doubt),
        CASE(test_who_does_not_read_is_told_once_and_others_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
