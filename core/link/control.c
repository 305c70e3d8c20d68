/* SPDX-License-Identifier: MIT */
/* Sends and receives control messages, descriptors along with them. */
#include "link/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union fd_space {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
};

int control_send(int fd, const struct control *m, const int *fds, unsigned n_fds)
{
    struct iovec part = {(void *)(uintptr_t)m, sizeof(*m)};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    union fd_space space;
    ssize_t n;

    if (n_fds > 0) {
        struct cmsghdr *c;

        memset(&space, 0, sizeof(space));
        msg.msg_control = space.bytes;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*m) ? 0 : -1;
}

static void take_fds(struct msghdr *msg, int *fds)
{
    struct cmsghdr *c;
    unsigned i, n;

    for (i = 0; i < CONTROL_FDS; i++)
        fds[i] = -1;
    for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), (n < CONTROL_FDS ? n : CONTROL_FDS) * sizeof(int));
    }
}

int control_recv(int fd, struct control *m, int *fds)
{
    struct iovec part = {m, sizeof(*m)};
    union fd_space space;
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = space.bytes,
                         .msg_controllen = sizeof(space.bytes)};
    unsigned i;
    ssize_t n;

    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        for (i = 0; i < CONTROL_FDS; i++)
            fds[i] = -1;
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
    take_fds(&msg, fds);
    /* HELLO of another protocol may be of another size; its first members are where they always are. */
    if (n >= (ssize_t)(2 * sizeof(uint32_t)) && m->kind == CONTROL_HELLO) {
        if (n < (ssize_t)sizeof(*m))
            memset((char *)m + n, 0, sizeof(*m) - (size_t)n);
        m->text[CONTROL_TEXT_BYTES - 1] = '\0';
        return 1;
    }
    m->text[CONTROL_TEXT_BYTES - 1] = '\0';
    if (n == (ssize_t)sizeof(*m))
        return 1;
    for (i = 0; i < CONTROL_FDS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
    return -1;
}
