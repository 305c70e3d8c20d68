/* SPDX-License-Identifier: MIT */
/* Sends through an io_uring: what went, to the byte, whatever became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/uring.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WHO_MAX = 2048, BIG = 8 << 20 };

static struct uring *ring;
static uint8_t *big;
static size_t left_of[WHO_MAX]; /* what was told: bytes sent, and one more */
static unsigned told;

static void on_left(void *arg, uint32_t who, size_t sent)
{
    assert_ptr_equal(arg, &told);
    assert_true(who < WHO_MAX);
    assert_int_equal(left_of[who], 0);
    left_of[who] = sent + 1;
    told++;
}

static bool submit(void)
{
    memset(left_of, 0, sizeof(left_of));
    told = 0;
    return uring_submit(ring, on_left, &told);
}

static void open_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* Everything that is there. */
static size_t receive(int fd, uint8_t *out, size_t size)
{
    size_t n = 0;
    ssize_t came;

    while (n < size && (came = recv(fd, out + n, size - n, MSG_DONTWAIT)) > 0)
        n += (size_t)came;
    return n;
}

static int setup(void **state)
{
    const char *why;
    uint32_t i;

    (void)state;
    ring = uring_new(&why);
    if (ring == NULL)
        return -1;
    big = malloc(BIG);
    for (i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 2654435761u >> 24);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    uring_free(&ring);
    assert_null(ring);
    free(big);
    return 0;
}

static void what_goes_whole_is_not_told(void **state)
{
    int a[2], b[2];
    uint8_t got[16];
    struct iovec part[2] = {{big, 3}, {big + 3, 2}};
    struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};

    (void)state;
    open_pair(a);
    open_pair(b);
    assert_true(uring_send(ring, a[0], big, 4, 1));
    assert_true(uring_sendmsg(ring, b[0], &msg, 2));
    assert_true(uring_send(ring, a[0], big + 4, 2, 3)); /* in order on one socket */
    assert_int_equal(receive(a[1], got, sizeof(got)), 0);
    assert_true(submit());
    assert_int_equal(told, 0);
    assert_int_equal(receive(a[1], got, sizeof(got)), 6);
    assert_memory_equal(got, big, 6);
    assert_int_equal(receive(b[1], got, sizeof(got)), 5);
    assert_memory_equal(got, big, 5);
    assert_true(submit()); /* of nothing */
    assert_int_equal(told, 0);
    close_pair(a);
    close_pair(b);
}

static void what_goes_in_part_is_told_to_the_byte(void **state)
{
    struct iovec part[2] = {{big, 100}, {big + 100, BIG - 100}};
    struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};
    uint8_t *got = malloc(BIG);
    int as_message;

    (void)state;
    for (as_message = 0; as_message < 2; as_message++) {
        int slow[2], fast[2];
        size_t n, sent;

        open_pair(slow);
        open_pair(fast);
        assert_true(as_message ? uring_sendmsg(ring, slow[0], &msg, 9)
                               : uring_send(ring, slow[0], big, BIG, 9));
        assert_true(uring_send(ring, fast[0], big, 10, 10));
        assert_true(submit());
        assert_int_equal(told, 1);
        assert_true(left_of[9] > 1);
        sent = left_of[9] - 1;
        assert_true(uring_send(ring, slow[0], big + sent, BIG - sent, 4)); /* full, or nearly */
        assert_true(submit());
        assert_int_equal(told, 1);
        sent += left_of[4] - 1;
        assert_true(sent < BIG);
        n = receive(slow[1], got, BIG);
        assert_int_equal(n, sent);
        assert_memory_equal(got, big, n);
        assert_int_equal(receive(fast[1], got, BIG), 10);
        close_pair(slow);
        close_pair(fast);
    }
    free(got);
}

static void whoever_left_is_told(void **state)
{
    int pair[2];

    (void)state;
    open_pair(pair);
    close(pair[1]);
    assert_true(uring_send(ring, pair[0], big, 10, 5));
    assert_true(uring_send(ring, -1, big, 10, 6));
    assert_true(submit());
    assert_int_equal(told, 2);
    assert_int_equal(left_of[5], 1);
    assert_int_equal(left_of[6], 1);
    close(pair[0]);
}

static void it_says_when_it_is_full(void **state)
{
    int full[2], pair[2];
    uint32_t n = 0, i;
    uint8_t got[WHO_MAX + 1];

    (void)state;
    open_pair(full);
    open_pair(pair);
    assert_true(uring_send(ring, full[0], big, BIG, 0));
    assert_true(submit());
    while (n < WHO_MAX &&
           uring_send(ring, n % 2 ? pair[0] : full[0], big, 1 + BIG / 2 * (n % 2 == 0), n))
        n++;
    assert_true(n > 2 && n < WHO_MAX);
    assert_true(submit());
    assert_int_equal(told, (n + 1) / 2); /* more than half of them did not go */
    for (i = 0; i < n; i++)
        assert_true(i % 2 ? left_of[i] == 0 : left_of[i] > 0);
    assert_int_equal(receive(pair[1], got, sizeof(got)), n / 2);
    assert_true(uring_send(ring, pair[0], big, 1, 0));
    assert_true(submit());
    assert_int_equal(told, 0);
    close_pair(full);
    close_pair(pair);
}

/* The descriptor of the ring, as the kernel names it. */
static int ring_fd(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int fd = -1;

    while ((entry = readdir(dir)) != NULL) {
        char path[300], link[64] = "";

        snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        if (readlink(path, link, sizeof(link) - 1) > 0 && strstr(link, "io_uring") != NULL)
            fd = atoi(entry->d_name);
    }
    closedir(dir);
    assert_true(fd >= 0);
    return fd;
}

static void what_the_kernel_did_not_take_is_told(void **state)
{
    int pair[2], fd = ring_fd(), spare;
    uint8_t got[16];

    (void)state;
    open_pair(pair);
    spare = dup(pair[0]);
    assert_true(uring_send(ring, pair[0], big, 5, 1));
    assert_true(uring_send(ring, pair[0], big, 5, 2));
    dup2(spare, fd); /* which is no ring */
    assert_false(submit());
    assert_int_equal(told, 2);
    assert_int_equal(left_of[1], 1);
    assert_int_equal(left_of[2], 1);
    assert_int_equal(receive(pair[1], got, sizeof(got)), 0);
    close(spare);
    close_pair(pair);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_goes_whole_is_not_told),
        T(what_goes_in_part_is_told_to_the_byte),
        T(whoever_left_is_told),
        T(it_says_when_it_is_full),
        T(what_the_kernel_did_not_take_is_told),
    };
    const char *why;

    ring = uring_new(&why);
    if (ring == NULL) {
        printf("skipped: no io_uring here: %s\n", why);
        return 0;
    }
    uring_free(&ring);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
