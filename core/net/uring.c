/* SPDX-License-Identifier: MIT */
/* The io_uring that sends to many. */
#include "net/uring.h"

#ifndef CHATD_HAVE_URING

struct uring *uring_new(const char **why_out)
{
    *why_out = "built without liburing";
    return NULL;
}

void uring_free(struct uring **u)
{
    *u = NULL;
}

bool uring_send(struct uring *u, int fd, const void *bytes, size_t len, uint32_t who)
{
    (void)u, (void)fd, (void)bytes, (void)len, (void)who;
    return false;
}

bool uring_sendmsg(struct uring *u, int fd, const struct msghdr *msg, uint32_t who)
{
    (void)u, (void)fd, (void)msg, (void)who;
    return false;
}

bool uring_submit(struct uring *u, uring_left left, void *arg)
{
    (void)u, (void)left, (void)arg;
    return false;
}

#else

#include "base/mem.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sends that one call does at most. More saves nothing that can be measured, and holds the loop no less. */
enum { URING_ENTRIES = 512 };

struct uring {
    struct io_uring ring;
    uint32_t n;                  /* made and not submitted yet */
    uint32_t who[URING_ENTRIES]; /* of those, in their order */
};

static struct io_uring_sqe *next(struct uring *u, uint32_t who)
{
    struct io_uring_sqe *sqe = u->n < URING_ENTRIES ? io_uring_get_sqe(&u->ring) : NULL;

    if (sqe != NULL)
        u->who[u->n++] = who;
    return sqe;
}

enum { HOW = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL };

bool uring_send(struct uring *u, int fd, const void *bytes, size_t len, uint32_t who)
{
    struct io_uring_sqe *sqe = next(u, who);

    if (sqe == NULL)
        return false;
    io_uring_prep_send(sqe, fd, bytes, len, HOW);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(sqe, who);
    return true;
}

bool uring_sendmsg(struct uring *u, int fd, const struct msghdr *msg, uint32_t who)
{
    struct io_uring_sqe *sqe = next(u, who);

    if (sqe == NULL)
        return false;
    io_uring_prep_sendmsg(sqe, fd, msg, HOW);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(sqe, who);
    return true;
}

static void reap(struct uring *u, uring_left left, void *arg)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;

    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        left(arg, (uint32_t)cqe->user_data, cqe->res > 0 ? (size_t)cqe->res : 0);
        seen++;
    }
    io_uring_cq_advance(&u->ring, seen);
}

bool uring_submit(struct uring *u, uring_left left, void *arg)
{
    uint32_t done = 0, n = u->n;
    int error = 0;

    /* The completion queue has twice the places of the other, and is emptied each time: nothing overflows. */
    while (done < n) {
        int took = io_uring_submit(&u->ring);

        if (took < 0 && took != -EINTR) {
            error = -took;
            break;
        }
        done += took > 0 ? (uint32_t)took : 0;
        reap(u, left, arg);
    }
    u->n = 0;
    for (uint32_t i = done; i < n; i++)
        left(arg, u->who[i], 0);
    errno = error;
    return done == n;
}

/* --- trying it out ------------------------------------------------------------------------------ */

enum { WHO = 7 };

struct told {
    uint32_t n, who;
    size_t sent;
};

static void tell(void *arg, uint32_t who, size_t sent)
{
    struct told *told = arg;

    told->n++;
    told->who = who;
    told->sent = sent;
}

/* One send to the socket: what was told of it. */
static struct told attempt(struct uring *u, int fd, const void *bytes, size_t n, bool as_message)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    struct told told = {0};

    if (as_message ? !uring_sendmsg(u, fd, &msg, WHO) : !uring_send(u, fd, bytes, n, WHO))
        told.n = UINT32_MAX;
    else if (!uring_submit(u, tell, &told))
        told.n = UINT32_MAX;
    return told;
}

/* What the other end of a socket has. */
static size_t drain(int fd)
{
    uint8_t heard[4096];
    size_t sum = 0;
    ssize_t n;

    while ((n = recv(fd, heard, sizeof(heard), MSG_DONTWAIT)) > 0)
        sum += (size_t)n;
    return sum;
}

/* Of a send that fits nothing is told, of one that does not how much of it went, of one into a full socket
 * that nothing did: at once, and as the other end sees it. */
static bool is_exact(struct uring *u, const int pair[2], const void *bytes, size_t n,
                     bool as_message)
{
    enum { TRIES = 64 };
    struct told told = attempt(u, pair[0], bytes, 1, as_message);
    size_t sent = 1;

    if (told.n != 0)
        return false;
    for (int i = 0; i < TRIES; i++) {
        told = attempt(u, pair[0], bytes, n, as_message);
        if (told.n != 1 || told.who != WHO || told.sent >= n)
            return false;
        sent += told.sent;
        if (told.sent == 0)
            return sent > 1 && drain(pair[1]) == sent;
    }
    return false;
}

/* More than a socket's buffer takes, whatever this machine gives it. */
static bool tells_exactly(struct uring *u, bool as_message)
{
    enum { BYTES = 8 << 20 };
    void *bytes = calloc(1, BYTES);
    int pair[2];
    bool exact;

    if (bytes == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        free(bytes);
        return false;
    }
    exact = is_exact(u, pair, bytes, BYTES, as_message);
    close(pair[0]);
    close(pair[1]);
    free(bytes);
    return exact;
}

struct uring *uring_new(const char **why_out)
{
    struct uring *u = mem_alloc(sizeof(*u));
    struct io_uring_params how = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN};
    int err = io_uring_queue_init_params(URING_ENTRIES, &u->ring, &how);

    *why_out = NULL;
    if (err < 0) {
        *why_out = err == -EINVAL ? "this kernel is older than 6.0" : strerror(-err);
        mem_free(u);
        return NULL;
    }
    if ((how.features & IORING_FEAT_CQE_SKIP) == 0 || !tells_exactly(u, false) ||
        !tells_exactly(u, true)) {
        *why_out = "this kernel does not tell what was sent in part";
        uring_free(&u);
    }
    return u;
}

void uring_free(struct uring **u)
{
    if (*u != NULL) {
        io_uring_queue_exit(&(*u)->ring);
        mem_free(*u);
    }
    *u = NULL;
}

#endif
