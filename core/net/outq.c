/* SPDX-License-Identifier: MIT */
/* The queue of a connection that is behind. */
#include "net/outq.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { IOV_CAP = 64, WRITE_CAP = 1 << 20 };

static struct frame **at(const struct outq *q, uint32_t i)
{
    return &q->frame[(q->head + i) & (q->cap - 1)];
}

void outq_deinit(struct outq *q)
{
    uint32_t i;

    for (i = 0; i < q->n; i++)
        frame_unref(at(q, i));
    mem_free(q->frame);
    *q = (struct outq){0};
}

static void grow(struct outq *q)
{
    uint32_t cap = q->cap ? q->cap * 2 : 4, i;
    struct frame **bigger = mem_alloc(cap * sizeof(struct frame *));

    for (i = 0; i < q->n; i++)
        bigger[i] = *at(q, i);
    mem_free(q->frame);
    q->frame = bigger;
    q->cap = cap;
    q->head = 0;
}

void outq_push(struct outq *q, struct frame *f, uint32_t offset)
{
    if (q->n == q->cap)
        grow(q);
    *at(q, q->n) = frame_ref(f);
    if (q->n++ == 0)
        q->offset = offset;
    q->bytes += f->len - offset;
}

static void settle(struct outq *q, size_t n)
{
    q->bytes -= n;
    while (n > 0) {
        size_t left = (*at(q, 0))->len - q->offset;

        if (n < left) {
            q->offset += (uint32_t)n;
            return;
        }
        n -= left;
        frame_unref(at(q, 0));
        q->head = (q->head + 1) & (q->cap - 1);
        q->n--;
        q->offset = 0;
    }
}

static int gather(const struct outq *q, struct iovec *iov, size_t *bytes_out)
{
    size_t bytes = 0;
    int n = 0;

    while (n < IOV_CAP && (uint32_t)n < q->n && bytes < WRITE_CAP) {
        struct frame *f = *at(q, (uint32_t)n);
        uint32_t skip = n == 0 ? q->offset : 0;

        iov[n].iov_base = f->bytes + skip;
        iov[n].iov_len = f->len - skip;
        bytes += iov[n].iov_len;
        n++;
    }
    *bytes_out = bytes;
    return n;
}

enum outq_result outq_write(struct outq *q, int fd, size_t *wrote_out)
{
    *wrote_out = 0;
    while (q->n > 0) {
        struct iovec iov[IOV_CAP];
        struct msghdr msg = {.msg_iov = iov};
        size_t bytes;
        ssize_t n;

        msg.msg_iovlen = (size_t)gather(q, iov, &bytes);
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? OUTQ_AGAIN
                                                                               : OUTQ_FAILED;
        }
        *wrote_out += (size_t)n;
        settle(q, (size_t)n);
        if ((size_t)n < bytes)
            return OUTQ_AGAIN;
    }
    return OUTQ_EMPTY;
}

void outq_cut(struct outq *q)
{
    uint32_t keep = q->n > 0 && q->offset > 0 ? 1 : 0;

    while (q->n > keep) {
        struct frame **last = at(q, q->n - 1);

        q->bytes -= (*last)->len - (q->n == 1 ? q->offset : 0);
        frame_unref(last);
        q->n--;
    }
}
