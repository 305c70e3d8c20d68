/* SPDX-License-Identifier: MIT */
/* One connection of an attacker, from connect() to whatever end the server gives it. */
#include "hose.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SENDS_A_TURN = 32, /* of one connection: the others have theirs */
    NS_A_SECOND = 1000000000
};

static unsigned index_of(const struct hose *hose, const struct victim *v)
{
    return (unsigned)(v - hose->victim);
}

static void watch(struct hose *hose, struct victim *v, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = index_of(hose, v)};

    if (events != v->watched)
        epoll_ctl(hose->epoll_fd, EPOLL_CTL_MOD, v->fd, &event);
    v->watched = events;
}

/* Reading, unless it is one that never does; writing, while there is something to be sent at once. */
static void watch_for(struct hose *hose, struct victim *v, bool blocked)
{
    const struct options *o = hose->options;
    bool hears = !o->deaf || v->stage < STAGE_FIRST;
    bool pours = v->stage == STAGE_FIRST || (v->stage == STAGE_POUR && o->rate == 0 && !v->waits);

    watch(hose, v, (hears ? EPOLLIN : 0) | (blocked || pours ? EPOLLOUT : 0));
}

void victim_close(struct hose *hose, struct victim *v)
{
    if (v->stage == STAGE_NONE)
        return;
    if (v->stage != STAGE_CONNECTING)
        hose->tally.held--;
    close(v->fd);
    v->stage = STAGE_NONE;
}

static void ended(struct hose *hose, struct victim *v)
{
    hose->tally.ended++;
    victim_close(hose, v);
}

void victim_open(struct hose *hose, unsigned index)
{
    const struct options *o = hose->options;
    struct victim *v = &hose->victim[index];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    int on = 1, rcvbuf = (int)o->rcvbuf;

    *v = (struct victim){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (v->fd < 0) {
        hose->tally.failed++;
        return;
    }
    v->stage = STAGE_CONNECTING;
    v->watched = event.events;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + o->first_source + index % o->sources);
    setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* The port is chosen at connect(), where one may serve several addresses. */
    setsockopt(v->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (rcvbuf > 0)
        setsockopt(v->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    if (bind(v->fd, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
        (connect(v->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(hose->epoll_fd, EPOLL_CTL_ADD, v->fd, &event) != 0) {
        hose->tally.failed++;
        victim_close(hose, v);
    }
}

/* What it sends now; NULL: nothing at this stage. */
static const struct record *current(const struct hose *hose, const struct victim *v)
{
    const struct records *of = v->stage == STAGE_HEAD    ? &hose->heads
                               : v->stage == STAGE_FIRST ? &hose->first
                               : v->stage == STAGE_POUR  ? &hose->records
                                                         : NULL;

    return of != NULL && of->n > 0 ? &of->row[v->record % of->n] : NULL;
}

/* Goes on to the first stage from `stage` that has something to send. */
static void enter(struct hose *hose, struct victim *v, enum stage stage)
{
    v->record = index_of(hose, v);
    v->at = 0;
    v->left = hose->records.n;
    v->due_ns = hose->now_ns;
    v->stage = stage;
    if (v->stage == STAGE_HEAD && hose->heads.n == 0)
        v->stage = STAGE_FIRST;
    if (v->stage == STAGE_FIRST && hose->first.n == 0)
        v->stage = STAGE_POUR;
    if (v->stage == STAGE_POUR && hose->records.n == 0)
        v->stage = STAGE_DONE;
}

static void sent_record(struct hose *hose, struct victim *v)
{
    const struct options *o = hose->options;

    v->at = 0;
    if (v->stage == STAGE_HEAD) {
        enter(hose, v, o->upgrade ? STAGE_ANSWER : STAGE_FIRST);
    } else if (v->stage == STAGE_FIRST) {
        enter(hose, v, STAGE_POUR);
    } else {
        hose->tally.records++;
        v->record++;
        v->waits = o->lockstep;
        if (o->once && --v->left == 0)
            v->stage = STAGE_DONE;
    }
}

/* One send(). False: no more can go now, or the connection is over. */
static bool send_some(struct hose *hose, struct victim *v)
{
    const struct options *o = hose->options;
    const struct record *r = current(hose, v);
    size_t n;
    ssize_t sent;

    if (r == NULL)
        return false;
    n = r->n - v->at;
    if (v->stage == STAGE_POUR && o->chunk > 0 && n > o->chunk)
        n = o->chunk;
    sent = send(v->fd, r->bytes + v->at, n, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN)
            watch_for(hose, v, true);
        else
            ended(hose, v);
        return false;
    }
    hose->tally.bytes += (uint64_t)sent;
    v->at += (size_t)sent;
    if (v->at == r->n)
        sent_record(hose, v);
    return true;
}

static void pour(struct hose *hose, struct victim *v)
{
    const struct options *o = hose->options;

    for (int i = 0; i < SENDS_A_TURN; i++) {
        if (v->stage == STAGE_POUR && (v->waits || (o->rate > 0 && v->due_ns > hose->now_ns)))
            break;
        if (v->stage == STAGE_POUR && o->rate > 0)
            v->due_ns += NS_A_SECOND / o->rate;
        if (!send_some(hose, v))
            return;
    }
    watch_for(hose, v, false);
}

void victim_due(struct hose *hose, unsigned index)
{
    struct victim *v = &hose->victim[index];

    if (v->stage == STAGE_POUR && !v->waits && !(v->watched & EPOLLOUT))
        pour(hose, v);
}

static unsigned status_of(const char *text, size_t n)
{
    unsigned status = 0;

    if (n < 12 || memcmp(text, "HTTP/1.1 ", 9) != 0)
        return 0;
    for (int i = 9; i < 12; i++)
        status = status * 10 + (unsigned)(text[i] - '0');
    return status < STATUS_MAX ? status : 0;
}

static void read_some(struct hose *hose, struct victim *v)
{
    char text[16384];
    ssize_t n = recv(v->fd, text, sizeof(text), 0);
    unsigned status;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ended(hose, v);
        return;
    }
    hose->tally.answers_bytes += (uint64_t)n;
    status = status_of(text, (size_t)n);
    hose->tally.status[status] += status > 0;
    v->waits = false;
    if (v->stage == STAGE_ANSWER && status == 101) {
        hose->tally.upgraded++;
        enter(hose, v, STAGE_FIRST);
    }
    watch_for(hose, v, false);
}

static void connected(struct hose *hose, struct victim *v)
{
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        hose->tally.failed++;
        victim_close(hose, v);
        return;
    }
    hose->tally.opened++;
    if (++hose->tally.held > hose->tally.held_max)
        hose->tally.held_max = hose->tally.held;
    enter(hose, v, STAGE_HEAD);
    watch_for(hose, v, false);
    pour(hose, v);
}

void victim_event(struct hose *hose, unsigned index, uint32_t events)
{
    struct victim *v = &hose->victim[index];

    if (v->stage == STAGE_CONNECTING) {
        connected(hose, v);
        return;
    }
    if (v->stage != STAGE_NONE && (events & EPOLLIN))
        read_some(hose, v);
    else if (v->stage != STAGE_NONE && (events & (EPOLLERR | EPOLLHUP)))
        ended(hose, v);
    if (v->stage != STAGE_NONE && (events & EPOLLOUT))
        pour(hose, v);
}
