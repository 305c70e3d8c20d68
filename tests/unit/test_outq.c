/* SPDX-License-Identifier: MIT */
/* The queue of a slow connection: writes of any length, at any cut, keep the bytes in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/outq.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* The seam: what the socket takes. Linked in the place of libc's. */
static size_t takes;     /* bytes of the next call */
static int fails;        /* errno of the next call, 0: none */
static int interrupts;   /* EINTR so many times first */
static char taken[4096]; /* all that left */
static size_t n_taken;

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    size_t i, n = 0;

    (void)fd;
    (void)flags;
    assert_true(msg->msg_iovlen <= 64);
    if (interrupts > 0) {
        interrupts--;
        errno = EINTR;
        return -1;
    }
    if (fails != 0 || takes == 0) {
        errno = fails != 0 ? fails : EAGAIN;
        return -1;
    }
    for (i = 0; i < msg->msg_iovlen; i++) {
        size_t len = msg->msg_iov[i].iov_len < takes ? msg->msg_iov[i].iov_len : takes;

        memcpy(taken + n_taken, msg->msg_iov[i].iov_base, len);
        n_taken += len;
        takes -= len;
        n += len;
    }
    return (ssize_t)n;
}

static void push(struct outq *q, const char *text, uint32_t offset)
{
    struct frame *f = frame_raw(text, strlen(text));

    outq_push(q, f, offset);
    frame_unref(&f);
}

static int setup(void **state)
{
    (void)state;
    takes = n_taken = 0;
    fails = interrupts = 0;
    return 0;
}

static void any_two_cuts_keep_the_stream(void **state)
{
    static const char whole[] = "onetwothreefour";
    size_t a, b, wrote;

    (void)state;
    for (a = 1; a < sizeof(whole) - 1; a++) {
        for (b = 1; b < sizeof(whole) - a; b++) {
            struct outq q = {0};

            n_taken = 0;
            push(&q, "one", 0);
            push(&q, "two", 0);
            push(&q, "three", 0);
            push(&q, "four", 0);
            takes = a;
            assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
            assert_int_equal(wrote, a);
            assert_int_equal(q.bytes, sizeof(whole) - 1 - a);
            takes = b;
            assert_int_equal(outq_write(&q, 0, &wrote),
                             a + b == sizeof(whole) - 1 ? OUTQ_EMPTY : OUTQ_AGAIN);
            takes = 1000;
            assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY);
            assert_int_equal(q.bytes, 0);
            assert_int_equal(q.n, 0);
            assert_int_equal(n_taken, sizeof(whole) - 1);
            assert_memory_equal(taken, whole, n_taken);
            outq_deinit(&q);
            assert_null(q.frame);
        }
    }
}

static void the_first_may_begin_in_the_middle(void **state)
{
    struct outq q = {0};
    size_t wrote;

    (void)state;
    push(&q, "abcdef", 4);
    push(&q, "gh", 0);
    assert_int_equal(q.bytes, 4);
    takes = 1;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
    takes = 100;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY);
    assert_memory_equal(taken, "efgh", 4);
    outq_deinit(&q);
}

static void more_than_one_call_takes(void **state)
{
    struct outq q = {0};
    size_t wrote, i;

    (void)state;
    for (i = 0; i < 200; i++) {
        char digit[2] = {(char)('0' + i % 10), '\0'};

        push(&q, digit, 0);
    }
    takes = 150; /* two calls of 64 vectors and a part of the third */
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
    assert_int_equal(wrote, 150);
    for (i = 0; i < 60; i++)
        push(&q, "x", 0); /* the ring wraps */
    takes = 1000;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY);
    assert_int_equal(n_taken, 260);
    for (i = 0; i < 200; i++)
        assert_int_equal(taken[i], '0' + i % 10);
    outq_deinit(&q);
}

static void errors(void **state)
{
    struct outq q = {0};
    size_t wrote;

    (void)state;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY); /* nothing to do */
    push(&q, "abc", 0);
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
    assert_int_equal(wrote, 0);
    fails = ENOBUFS;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
    fails = EPIPE;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_FAILED);
    assert_int_equal(q.bytes, 3);
    fails = 0;
    interrupts = 3;
    takes = 100;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY);
    outq_deinit(&q);
    outq_deinit(&q); /* NULL is fine */
}

static void cut_keeps_a_begun_frame(void **state)
{
    struct outq q = {0};
    size_t wrote;

    (void)state;
    push(&q, "abc", 0);
    push(&q, "def", 0);
    push(&q, "ghi", 0);
    outq_cut(&q);
    assert_int_equal(q.n, 0);
    assert_int_equal(q.bytes, 0);
    push(&q, "abc", 0);
    push(&q, "def", 0);
    push(&q, "ghi", 0);
    takes = 4; /* one byte into the second */
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
    outq_cut(&q);
    assert_int_equal(q.bytes, 2);
    push(&q, "END", 0);
    takes = 100;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY);
    assert_int_equal(n_taken, 9);
    assert_memory_equal(taken, "abcdefEND", 9);
    outq_deinit(&q);
}

static void frames_are_shared(void **state)
{
    struct outq a = {0}, b = {0};
    struct frame *f = frame_raw("shared", 6);
    size_t wrote;

    (void)state;
    outq_push(&a, f, 0);
    outq_push(&b, f, 0);
    assert_int_equal(f->refs, 3);
    takes = 6;
    assert_int_equal(outq_write(&a, 0, &wrote), OUTQ_EMPTY);
    assert_int_equal(f->refs, 2);
    outq_deinit(&b);
    assert_int_equal(f->refs, 1);
    outq_deinit(&a);
    frame_unref(&f);
    assert_null(f);
}

/* Many small frames are mostly references, which nobody shares. */
static void places_count(void **state)
{
    struct outq q = {0};
    size_t wrote, i;

    (void)state;
    assert_int_equal(outq_weight(&q), 0);
    for (i = 1; i <= 1000; i++) {
        push(&q, "xy", 0);
        assert_true(outq_weight(&q) >= q.bytes + q.cap * sizeof(struct frame *) || q.cap == 4);
    }
    takes = 1999;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_AGAIN);
    assert_int_equal(outq_weight(&q), 1 + OUTQ_PLACE_BYTES);
    outq_cut(&q); /* keeps what was begun */
    assert_int_equal(outq_weight(&q), 1 + OUTQ_PLACE_BYTES);
    takes = 1;
    assert_int_equal(outq_write(&q, 0, &wrote), OUTQ_EMPTY);
    assert_int_equal(outq_weight(&q), 0);
    outq_deinit(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_two_cuts_keep_the_stream, setup),
        cmocka_unit_test_setup(the_first_may_begin_in_the_middle, setup),
        cmocka_unit_test_setup(more_than_one_call_takes, setup),
        cmocka_unit_test_setup(errors, setup),
        cmocka_unit_test_setup(cut_keeps_a_begun_frame, setup),
        cmocka_unit_test_setup(frames_are_shared, setup),
        cmocka_unit_test_setup(places_count, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
