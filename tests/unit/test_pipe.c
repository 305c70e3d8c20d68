/* SPDX-License-Identifier: MIT */
/* The stream between worker and master: frames, a full queue, an end. */
#include "link/pipe.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE_BYTES = 262144 };

struct end {
    struct pipe *pipe;
    char log[4096]; /* "2:topic=data;" for each frame */
    unsigned n, lost;
    bool ended, frees_itself;
};

static struct {
    struct event_base *base;
    struct end a, b;
} both;

static void on_frame(void *arg, const struct pipe_frame *f)
{
    struct end *e = arg;
    size_t used = strlen(e->log);

    e->n++;
    e->lost += f->kind == PIPE_LOST;
    snprintf(e->log + used, sizeof(e->log) - used, "%d:%.*s=%.*s;", f->kind, (int)f->topic_n,
             f->topic, (int)(f->data_n < 16 ? f->data_n : 16), f->data);
    if (e->frees_itself) {
        pipe_free(e->pipe);
        e->pipe = NULL;
    }
}

static void on_ended(void *arg)
{
    struct end *e = arg;

    e->ended = true;
}

static void open_end(struct end *e, int fd)
{
    const struct pipe_calls calls = {.frame = on_frame, .ended = on_ended, .arg = e};

    memset(e, 0, sizeof(*e));
    e->pipe = pipe_new(both.base, fd, QUEUE_BYTES, &calls);
}

static int set_up(void **state)
{
    int fd[2];

    (void)state;
    both.base = event_base_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    open_end(&both.a, fd[0]);
    open_end(&both.b, fd[1]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pipe_free(both.a.pipe);
    pipe_free(both.b.pipe);
    event_base_free(both.base);
    return 0;
}

static struct pipe_frame frame(int kind, const char *topic, const char *data)
{
    return (struct pipe_frame){.kind = kind,
                               .topic = topic,
                               .topic_n = strlen(topic),
                               .data = data,
                               .data_n = strlen(data)};
}

static bool put(struct end *e, int kind, const char *topic, const char *data)
{
    const struct pipe_frame f = frame(kind, topic, data);

    return pipe_put(e->pipe, &f);
}

/* Turns the loop until nothing more happens. */
static void settle(void)
{
    int i;

    for (i = 0; i < 64; i++)
        event_base_loop(both.base, EVLOOP_NONBLOCK);
}

static void test_frames_arrive_as_they_were_put(void **state)
{
    (void)state;
    assert_true(put(&both.a, PIPE_SUBSCRIBE, "room/x", ""));
    assert_true(put(&both.a, PIPE_PUBLISH, "room/x", "hello"));
    assert_true(put(&both.a, PIPE_LOST, "", ""));
    pipe_flush(both.a.pipe);
    settle();
    assert_string_equal(both.b.log, "2:room/x=;1:room/x=hello;4:=;");
}

static void test_nothing_leaves_before_the_flush(void **state)
{
    (void)state;
    put(&both.a, PIPE_PUBLISH, "t", "1");
    settle();
    assert_int_equal(both.b.n, 0);
    pipe_flush(both.a.pipe);
    settle();
    assert_int_equal(both.b.n, 1);
}

static void test_the_largest_frame_goes(void **state)
{
    static char data[PIPE_DATA_MAX + 1], topic[PIPE_TOPIC_MAX + 1];

    (void)state;
    memset(data, 'd', PIPE_DATA_MAX);
    memset(topic, 't', PIPE_TOPIC_MAX);
    assert_true(put(&both.a, PIPE_PUBLISH, topic, data));
    pipe_flush(both.a.pipe);
    settle();
    assert_int_equal(both.b.n, 1);
    assert_false(both.b.ended);
}

/* Who does not read misses frames, is told once, and hears what comes after. */
static void test_a_full_queue_drops_and_tells(void **state)
{
    static char data[16384];
    unsigned sent = 0, dropped = 0, i;

    (void)state;
    memset(data, 'd', sizeof(data) - 1);
    for (i = 0; i < 200; i++) { /* nobody turns the loop: the socket and the queue fill */
        if (put(&both.a, PIPE_PUBLISH, "t", data))
            sent++;
        else
            dropped++;
        pipe_flush(both.a.pipe);
    }
    assert_true(dropped > 0);
    assert_int_equal(pipe_dropped(both.a.pipe), dropped);
    assert_true(put(&both.a, PIPE_SUBSCRIBE, "late", "")); /* always goes */
    settle();
    assert_int_equal(both.b.n, sent + 2);
    assert_int_equal(both.b.lost, 1);
    put(&both.a, PIPE_PUBLISH, "t", "after");
    pipe_flush(both.a.pipe);
    settle();
    assert_int_equal(both.b.n, sent + 3);
    assert_int_equal(both.b.lost, 1);
}

static void test_the_end_is_told_after_what_came_before(void **state)
{
    (void)state;
    put(&both.a, PIPE_PUBLISH, "t", "last");
    pipe_flush(both.a.pipe);
    pipe_free(both.a.pipe);
    both.a.pipe = NULL;
    settle();
    assert_string_equal(both.b.log, "1:t=last;");
    assert_true(both.b.ended);
}

static void test_it_may_be_freed_by_its_own_callback(void **state)
{
    (void)state;
    both.b.frees_itself = true;
    put(&both.a, PIPE_PUBLISH, "t", "1");
    put(&both.a, PIPE_PUBLISH, "t", "2");
    pipe_flush(both.a.pipe);
    settle();
    assert_int_equal(both.b.n, 1);
}

/* --- the frame ---------------------------------------------------------------------------------- */

static void test_what_is_no_frame_is_refused(void **state)
{
    const struct {
        uint32_t length;
        unsigned char kind;
        uint16_t topic_n;
    } bad[] = {{3, 1, 0},     {4, 0, 0},     {4, 5, 0},         {4, 1, 1},
               {300, 1, 257}, {70000, 1, 0}, {UINT32_MAX, 1, 0}};
    unsigned char bytes[16] = {0};
    struct pipe_frame f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(bytes, &bad[i].length, 4);
        bytes[4] = bad[i].kind;
        memcpy(bytes + 6, &bad[i].topic_n, 2);
        assert_int_equal(pipe_parse(bytes, sizeof(bytes), &f), -1);
    }
}

static void test_a_part_of_a_frame_is_waited_for(void **state)
{
    const unsigned char bytes[] = {7, 0, 0, 0, 1, 0, 1, 0, 't', 'x', 'y'};
    struct pipe_frame f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bytes); i++)
        assert_int_equal(pipe_parse(bytes, i, &f), 0);
    assert_int_equal(pipe_parse(bytes, sizeof(bytes), &f), sizeof(bytes));
    assert_int_equal(f.topic_n, 1);
    assert_int_equal(f.data_n, 2);
    assert_memory_equal(f.data, "xy", 2);
}

static void ends_the_pipe(const void *bytes, size_t n)
{
    int fd[2];
    struct end e;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    open_end(&e, fd[0]);
    assert_int_equal(write(fd[1], bytes, n), n);
    settle();
    assert_true(e.ended);
    assert_int_equal(e.n, 0);
    close(fd[1]);
    pipe_free(e.pipe);
}

static void test_nonsense_ends_the_pipe(void **state)
{
    (void)state;
    ends_the_pipe("GET / HTTP/1.1\r\n", 16);
}

/* Found by fuzz_bus: the rest of a frame that could be none any more was waited for. */
static void test_a_bad_head_ends_the_pipe_before_the_rest_comes(void **state)
{
    /* 65537 bytes of data, one more than there may be. */
    static const unsigned char head[] = {6, 0, 1, 0, PIPE_PUBLISH, 0, 1, 0};

    (void)state;
    ends_the_pipe(head, sizeof(head));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_frames_arrive_as_they_were_put),
        CASE(test_nothing_leaves_before_the_flush),
        CASE(test_the_largest_frame_goes),
        CASE(test_a_full_queue_drops_and_tells),
        CASE(test_the_end_is_told_after_what_came_before),
        CASE(test_it_may_be_freed_by_its_own_callback),
        CASE(test_nonsense_ends_the_pipe),
        CASE(test_a_bad_head_ends_the_pipe_before_the_rest_comes),
        cmocka_unit_test(test_what_is_no_frame_is_refused),
        cmocka_unit_test(test_a_part_of_a_frame_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
