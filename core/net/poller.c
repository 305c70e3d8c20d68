/* SPDX-License-Identifier: MIT */
/* Sockets in an epoll descriptor inside the loop's own. */
#include "net/poller.h"

#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Told in one turn at most; what is left is told in the next, the kernel goes round. One call for all of them: a second
 * one would tell again of those that the first left ready. */
enum { EVENTS_A_TURN = 4096 };

/* As libevent reads it. */
static unsigned what_of(uint32_t events)
{
    unsigned what = 0;

    if ((events & EPOLLERR) || (events & (EPOLLHUP | EPOLLRDHUP)) == EPOLLHUP)
        return POLLER_READ | POLLER_WRITE;
    if (events & EPOLLIN)
        what |= POLLER_READ;
    if (events & EPOLLOUT)
        what |= POLLER_WRITE;
    if (events & EPOLLRDHUP)
        what |= POLLER_CLOSED;
    return what;
}

static uint32_t events_of(unsigned what)
{
    uint32_t events = 0;

    if (what & POLLER_READ)
        events |= EPOLLIN;
    if (what & POLLER_WRITE)
        events |= EPOLLOUT;
    if (what & POLLER_CLOSED)
        events |= EPOLLRDHUP;
    if (what & POLLER_EDGES)
        events |= EPOLLET;
    return events;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct poller *p = arg;
    int i, n = epoll_wait(fd, p->events, EVENTS_A_TURN, 0);

    (void)what;
    for (i = 0; i < n; i++)
        p->ready(p->arg, p->events[i].data.u64, what_of(p->events[i].events));
}

void poller_init(struct poller *p, struct event_base *base,
                 void (*ready)(void *arg, uint64_t id, unsigned what), void *arg)
{
    *p = (struct poller){.fd = epoll_create1(EPOLL_CLOEXEC), .ready = ready, .arg = arg};
    if (p->fd < 0) {
        fprintf(stderr, "chatd: no epoll descriptor for connections: %s\n", strerror(errno));
        abort();
    }
    p->events = mem_alloc(EVENTS_A_TURN * sizeof(*p->events));
    p->event = event_new(base, p->fd, EV_READ | EV_PERSIST, on_ready, p);
    event_add(p->event, NULL);
}

void poller_deinit(struct poller *p)
{
    event_free(p->event);
    mem_free(p->events);
    close(p->fd);
}

bool poller_set(struct poller *p, int fd, uint64_t id, unsigned before, unsigned what)
{
    struct epoll_event event = {.events = events_of(what), .data = {.u64 = id}};

    return epoll_ctl(p->fd, before != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0;
}

void poller_remove(struct poller *p, int fd)
{
    struct epoll_event unused = {0};

    epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &unused);
}
