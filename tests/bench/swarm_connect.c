/* SPDX-License-Identifier: MIT */
/* Opens the swarm's connections, a few at a time, and proves that each is a member of its room. */
#include "swarm.h"

#include "v1.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define JOIN_TIMEOUT_NS (30 * UINT64_C(1000000000))
#define WARM_REPEAT_NS  (2 * UINT64_C(1000000000))
#define TURN_NS         UINT64_C(100000000)
#define PACE_NS         UINT64_C(1000000)

static bool refuse(struct swarm *swarm, const char *what)
{
    if (!swarm->refused)
        fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    swarm->refused = true;
    return false;
}

/* One address and port of the server takes some 28,000 connections from one client address; on the
 * loopback net every 127.0.0.x is at hand. The port is chosen at connect(), where one port may
 * serve several addresses. */
static bool bind_source(struct swarm *swarm, int fd, unsigned index)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;

    if (swarm->options->sources < 2 || strncmp(swarm->options->host, "127.", 4) != 0)
        return true;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index % swarm->options->sources);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&source, sizeof(source)) == 0)
        return true;
    return refuse(swarm, "bind");
}

static bool open_socket(struct swarm *swarm, struct client *client, unsigned index)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(swarm->options->port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int on = 1;

    event.data.u32 = index;
    if (inet_pton(AF_INET, swarm->options->host, &server.sin_addr) != 1) {
        errno = EINVAL;
        return refuse(swarm, "--host wants an IPv4 address");
    }
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return refuse(swarm, "socket");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!bind_source(swarm, client->fd, index))
        return false;
    if (connect(client->fd, (const struct sockaddr *)&server, sizeof(server)) != 0 &&
        errno != EINPROGRESS)
        return refuse(swarm, "connect");
    bool sender = index % swarm->options->members == 0;
    if (epoll_ctl(sender ? swarm->epoll_fd : swarm->member_fd, EPOLL_CTL_ADD, client->fd, &event) !=
        0)
        return refuse(swarm, "epoll_ctl");
    return true;
}

static void start_client(struct swarm *swarm, unsigned index)
{
    struct client *client = &swarm->client[index];

    if (open_socket(swarm, client, index)) {
        client->state = CLIENT_CONNECTING;
        swarm->handshake++;
    }
}

void swarm_connected(struct swarm *swarm, struct client *client)
{
    const struct options *options = swarm->options;
    const struct ws_request request = {.host = options->host,
                                       .port = options->port,
                                       .path_format = options->path_format,
                                       .room = swarm->room[client->room].name,
                                       .cookie = options->cookie,
                                       .deflate = options->deflate,
                                       .protocol =
                                           options->dialect == BENCH_V1 ? V1_PROTOCOL : NULL};
    char text[4096];
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        errno = error;
        refuse(swarm, "connect");
        return;
    }
    size_t bytes = ws_request_build(&request, text, sizeof(text));
    if (bytes == 0) {
        errno = E2BIG;
        refuse(swarm, "request");
        return;
    }
    /* A fresh socket takes the whole request or is broken. */
    if (send(client->fd, text, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) {
        refuse(swarm, "send");
        return;
    }
    client->state = CLIENT_UPGRADING;
}

/* How many of `count` may have begun by now. */
static unsigned paced(const struct swarm *swarm, unsigned count, uint64_t begin_ns)
{
    double due = 1 + (double)(swarm_now_ns() - begin_ns) / 1e9 * swarm->options->connect_rate;

    return swarm->options->connect_rate == 0 || due > count ? count : (unsigned)due;
}

static bool connect_to(struct swarm *swarm, unsigned count)
{
    uint64_t begin_ns = swarm_now_ns(), last_ns = begin_ns;

    while (!swarm->refused && (swarm->started < count || swarm->handshake > 0)) {
        unsigned may = paced(swarm, count, begin_ns);
        while (!swarm->refused && swarm->started < may && swarm->handshake < SWARM_HANDSHAKES)
            start_client(swarm, swarm->started++);
        unsigned waiting = swarm->handshake;
        swarm_turn(swarm, may < count ? PACE_NS : TURN_NS);
        if (swarm->handshake != waiting) {
            last_ns = swarm_now_ns();
        } else if (swarm_now_ns() - last_ns > JOIN_TIMEOUT_NS) {
            errno = ETIMEDOUT;
            refuse(swarm, "upgrade");
        }
    }
    return !swarm->refused && swarm->closed == 0;
}

/* Members that are not warm yet; sends a warm-up to their rooms when `again`. */
static unsigned cold_members(struct swarm *swarm, bool again)
{
    unsigned cold = 0;

    for (unsigned i = 0; i < swarm->options->rooms; i++) {
        struct room *room = &swarm->room[i];
        if (room->open == room->warm)
            continue;
        cold += room->open - room->warm;
        if (again)
            swarm_warm_up(swarm, i);
    }
    return cold;
}

/* A 101 does not say that the server has put the connection into the room already, so a warm-up
 * that a member missed is repeated. */
static bool warm_all(struct swarm *swarm)
{
    uint64_t begin_ns = swarm_now_ns(), sent_ns = 0;
    unsigned cold = 1;

    while (cold > 0 && swarm->closed == 0) {
        uint64_t now_ns = swarm_now_ns();
        bool again = now_ns - sent_ns > WARM_REPEAT_NS;
        cold = cold_members(swarm, again);
        sent_ns = again ? now_ns : sent_ns;
        if (now_ns - begin_ns > JOIN_TIMEOUT_NS) {
            fprintf(stderr, "bench_load: %u members saw no message of their room\n", cold);
            return false;
        }
        if (cold > 0)
            swarm_turn(swarm, TURN_NS / 10);
    }
    return swarm->closed == 0;
}

bool swarm_shake(struct swarm *swarm)
{
    return connect_to(swarm, swarm->options->conns);
}

bool swarm_join(struct swarm *swarm, unsigned count)
{
    return connect_to(swarm, count) && warm_all(swarm);
}
