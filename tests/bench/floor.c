/* SPDX-License-Identifier: MIT */
/*
 * bench_floor: the least a chat server can do, one send() of one ready frame for each reader. With --coalesce: one
 * for each reader and turn of the loop, of all that came in for it. With --ping-ms: pings to all, so often.
 */
#include "floor_message.h"
#include "floor_upgrade.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES   (256 * 1024)
#define MESSAGE_MAX    65536
#define PENDING_MAX    (8u << 20)
#define EVENTS_AT_ONCE 512
#define ROOM_BUCKETS   4096

struct room {
    struct room *next;
    uint64_t seq;
    struct conn **member; /* dense */
    size_t count, capacity;
    uint8_t *turn; /* --coalesce: the frames of this turn */
    size_t turn_bytes, turn_capacity;
    struct room *next_dirty;
    char name[FLOOR_ROOM_MAX + 1];
};

struct conn {
    int fd;
    unsigned number;
    struct room *room; /* NULL until the upgrade */
    size_t index;      /* in room->member */
    uint8_t *input;    /* an incomplete frame or head, NULL without one */
    size_t input_bytes;
    uint8_t *pending; /* what the socket did not take, NULL while the reader keeps up */
    size_t pending_bytes;
    uint8_t *own; /* --coalesce: answers of this turn */
    size_t own_bytes, own_capacity;
    struct conn *next_dirty;
    struct conn *next_dead;
    bool dead;
    bool is_v1;
};

struct server {
    int epoll_fd, listen_fd;
    unsigned accepted;
    struct conn *dead; /* freed after the events of this turn, which may still name them */
    struct room *bucket[ROOM_BUCKETS];
    bool coalesce;
    uint64_t ping_ms, ping_at_ms; /* 0: none */
    struct room *dirty_room;      /* those with something of this turn */
    struct conn *dirty_conn;
    uint8_t buffer[BUFFER_BYTES];
    uint8_t frame[MESSAGE_MAX + 512];
};

static void *must_realloc(void *memory, size_t bytes)
{
    memory = realloc(memory, bytes);
    if (!memory)
        abort();
    return memory;
}

static struct room *room_get(struct server *server, const char *name)
{
    uint32_t hash = 2166136261u;

    for (const char *at = name; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    struct room **slot = &server->bucket[hash % ROOM_BUCKETS];
    for (struct room *room = *slot; room; room = room->next)
        if (strcmp(room->name, name) == 0)
            return room;
    struct room *room = must_realloc(NULL, sizeof(*room));
    *room = (struct room){.next = *slot};
    memcpy(room->name, name, strlen(name) + 1);
    *slot = room;
    return room;
}

static void room_add(struct room *room, struct conn *conn)
{
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? room->capacity * 2 : 4;
        room->member = must_realloc(room->member, room->capacity * sizeof(struct conn *));
    }
    conn->room = room;
    conn->index = room->count;
    room->member[room->count++] = conn;
}

/* Only marks: a fan-out may be walking the members, and events of this turn may be to come. */
static void conn_kill(struct server *server, struct conn *conn)
{
    if (conn->dead)
        return;
    conn->dead = true;
    conn->next_dead = server->dead;
    server->dead = conn;
}

static void free_dead(struct server *server)
{
    struct conn *conn;

    while ((conn = server->dead)) {
        server->dead = conn->next_dead;
        if (conn->room) {
            struct conn *last = conn->room->member[--conn->room->count];
            conn->room->member[conn->index] = last;
            last->index = conn->index;
        }
        close(conn->fd);
        free(conn->input);
        free(conn->pending);
        free(conn->own);
        free(conn);
    }
}

static void watch(struct server *server, struct conn *conn, uint32_t events)
{
    struct epoll_event event = {.events = events};

    event.data.ptr = conn;
    epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static void conn_keep(struct server *server, struct conn *conn, const uint8_t *data, size_t bytes)
{
    if (conn->pending_bytes + bytes > PENDING_MAX) {
        conn_kill(server, conn);
        return;
    }
    if (!conn->pending)
        watch(server, conn, EPOLLIN | EPOLLOUT);
    conn->pending = must_realloc(conn->pending, conn->pending_bytes + bytes);
    memcpy(conn->pending + conn->pending_bytes, data, bytes);
    conn->pending_bytes += bytes;
}

/* Writes two stretches in one call, of which either may be empty, and keeps what is not taken. */
static void conn_send_both(struct server *server, struct conn *conn, const uint8_t *data,
                           size_t bytes, const uint8_t *more, size_t more_bytes)
{
    struct iovec part[2] = {{(void *)(uintptr_t)data, bytes},
                            {(void *)(uintptr_t)more, more_bytes}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
    size_t done = 0;

    if (conn->dead)
        return;
    if (!conn->pending) {
        ssize_t n = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            conn_kill(server, conn);
            return;
        }
        done = n > 0 ? (size_t)n : 0;
        if (done == bytes + more_bytes)
            return;
    }
    if (done < bytes)
        conn_keep(server, conn, data + done, bytes - done);
    done = done > bytes ? done - bytes : 0;
    if (done < more_bytes)
        conn_keep(server, conn, more + done, more_bytes - done);
}

static void conn_send(struct server *server, struct conn *conn, const uint8_t *data, size_t bytes)
{
    ssize_t n = 0;

    if (conn->dead)
        return;
    if (!conn->pending) {
        n = send(conn->fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == (ssize_t)bytes)
            return;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            conn_kill(server, conn);
            return;
        }
    }
    size_t done = n > 0 ? (size_t)n : 0;
    conn_keep(server, conn, data + done, bytes - done);
}

static void conn_flush(struct server *server, struct conn *conn)
{
    ssize_t n = send(conn->fd, conn->pending, conn->pending_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_kill(server, conn);
        return;
    }
    conn->pending_bytes -= (size_t)n;
    memmove(conn->pending, conn->pending + n, conn->pending_bytes);
    if (conn->pending_bytes == 0) {
        free(conn->pending);
        conn->pending = NULL;
        watch(server, conn, EPOLLIN);
    }
}

static void append(uint8_t **buffer, size_t *bytes, size_t *capacity, const uint8_t *data, size_t n)
{
    if (*bytes + n > *capacity) {
        *capacity = 2 * (*bytes + n);
        *buffer = must_realloc(*buffer, *capacity);
    }
    memcpy(*buffer + *bytes, data, n);
    *bytes += n;
}

static void answer(struct server *server, struct conn *conn, const uint8_t *frame, size_t bytes)
{
    if (!server->coalesce) {
        conn_send(server, conn, frame, bytes);
        return;
    }
    if (conn->own_bytes == 0) {
        conn->next_dirty = server->dirty_conn;
        server->dirty_conn = conn;
    }
    append(&conn->own, &conn->own_bytes, &conn->own_capacity, frame, bytes);
}

static void fan_out(struct server *server, struct room *room, const uint8_t *frame, size_t bytes)
{
    if (!server->coalesce) {
        for (size_t i = 0; i < room->count; i++)
            conn_send(server, room->member[i], frame, bytes);
        return;
    }
    if (room->turn_bytes == 0) {
        room->next_dirty = server->dirty_room;
        server->dirty_room = room;
    }
    append(&room->turn, &room->turn_bytes, &room->turn_capacity, frame, bytes);
}

/* --coalesce: what this turn has for everyone goes out. */
static void flush_turn(struct server *server)
{
    for (struct room *room; (room = server->dirty_room); server->dirty_room = room->next_dirty) {
        for (size_t i = 0; i < room->count; i++) {
            struct conn *conn = room->member[i];
            if (conn->own_bytes == 0) {
                conn_send(server, conn, room->turn, room->turn_bytes);
                continue;
            }
            conn_send_both(server, conn, conn->own, conn->own_bytes, room->turn, room->turn_bytes);
            conn->own_bytes = 0;
        }
        room->turn_bytes = 0;
    }
    for (struct conn *conn; (conn = server->dirty_conn); server->dirty_conn = conn->next_dirty) {
        if (conn->own_bytes > 0)
            conn_send(server, conn, conn->own, conn->own_bytes);
        conn->own_bytes = 0;
    }
}

/* Head of an unmasked frame, right before the payload; returns where the frame begins. */
static uint8_t *put_head(uint8_t *payload, unsigned opcode, size_t bytes)
{
    uint8_t *at = payload;

    if (bytes < 126) {
        *--at = (uint8_t)bytes;
    } else if (bytes < 65536) {
        *--at = (uint8_t)bytes;
        *--at = (uint8_t)(bytes >> 8);
        *--at = 126;
    } else {
        for (unsigned i = 0; i < 8; i++)
            *--at = (uint8_t)((uint64_t)bytes >> (8 * i));
        *--at = 127;
    }
    *--at = (uint8_t)(0x80 | opcode);
    return at;
}

/* Frames the body that `write` makes; the frame lies in the server's buffer until the next one. */
static const uint8_t *make_frame(struct server *server, const struct floor_message *message,
                                 size_t (*write)(const struct floor_message *, char *, size_t),
                                 size_t *bytes_out)
{
    uint8_t *body = server->frame + 16;
    size_t body_bytes = write(message, (char *)body, sizeof(server->frame) - 16);
    const uint8_t *frame = put_head(body, 1, body_bytes);

    *bytes_out = (size_t)(body - frame) + body_bytes;
    return frame;
}

/* All of a room speak one dialect: the sender's decides. A request without a text is a room.join,
 * which the upgrade has done already. */
static void on_text(struct server *server, struct conn *from, const uint8_t *payload, size_t bytes)
{
    struct room *room = from->room;
    struct floor_message message = {.is_v1 = from->is_v1,
                                    .room = room->name,
                                    .user = from->number,
                                    .json = (const char *)payload,
                                    .json_bytes = bytes};
    bool has_text = floor_message_has_text(message.json, bytes);
    struct timespec now;
    size_t frame_bytes;
    const uint8_t *frame;

    if (has_text) {
        clock_gettime(CLOCK_REALTIME, &now);
        message.ts = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
        message.seq = ++room->seq;
    }
    if (from->is_v1) {
        frame = make_frame(server, &message, floor_message_ack, &frame_bytes);
        answer(server, from, frame, frame_bytes);
    }
    if (!has_text)
        return;
    frame = make_frame(server, &message, floor_message_body, &frame_bytes);
    fan_out(server, room, frame, frame_bytes);
}

static void on_frame(struct server *server, struct conn *conn, unsigned opcode, uint8_t *payload,
                     size_t bytes)
{
    uint8_t reply[10 + 125];

    if (opcode == 1) {
        on_text(server, conn, payload, bytes);
    } else if ((opcode == 8 || opcode == 9) && bytes <= 125) {
        memcpy(reply + 10, payload, bytes);
        const uint8_t *head = put_head(reply + 10, opcode == 9 ? 10 : 8, bytes);
        conn_send(server, conn, head, (size_t)(reply + 10 - head) + bytes);
        if (opcode == 8)
            conn_kill(server, conn);
    }
}

/* One frame from the front: its length, 0 when it is incomplete, -1 when it is not taken here
 * (fragments, extensions, no mask, too long). */
static ssize_t take_frame(struct server *server, struct conn *conn, uint8_t *data, size_t bytes)
{
    size_t head = 6, length;

    if (bytes < head)
        return 0;
    length = data[1] & 0x7f;
    if (!(data[0] & 0x80) || (data[0] & 0x70) || !(data[1] & 0x80) || length == 127)
        return -1;
    if (length == 126) {
        length = (size_t)data[2] << 8 | data[3];
        head = 8;
    }
    if (bytes < head || bytes - head < length)
        return 0;
    const uint8_t *key = data + head - 4;
    for (size_t i = 0; i < length; i++)
        data[head + i] ^= key[i & 3];
    on_frame(server, conn, data[0] & 15, data + head, length);
    return (ssize_t)(head + length);
}

static ssize_t take_upgrade(struct server *server, struct conn *conn, const uint8_t *data,
                            size_t bytes)
{
    struct floor_upgrade upgrade;
    int result = floor_upgrade(data, bytes, &upgrade);

    if (result <= 0)
        return result;
    conn->is_v1 = upgrade.is_v1;
    room_add(room_get(server, upgrade.room), conn);
    conn_send(server, conn, (const uint8_t *)upgrade.answer, upgrade.answer_bytes);
    return (ssize_t)upgrade.head_bytes;
}

static void conn_read(struct server *server, struct conn *conn)
{
    size_t used = 0, bytes = conn->input_bytes;
    ssize_t n, taken = 1;

    if (bytes)
        memcpy(server->buffer, conn->input, bytes);
    n = recv(conn->fd, server->buffer + bytes, BUFFER_BYTES - bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_kill(server, conn);
        return;
    }
    bytes += (size_t)n;
    while (!conn->dead && used < bytes && taken > 0) {
        taken = conn->room ? take_frame(server, conn, server->buffer + used, bytes - used)
                           : take_upgrade(server, conn, server->buffer + used, bytes - used);
        used += taken > 0 ? (size_t)taken : 0;
    }
    if (taken < 0)
        conn_kill(server, conn);
    free(conn->input);
    conn->input = NULL;
    conn->input_bytes = bytes - used;
    if (conn->input_bytes) {
        conn->input = must_realloc(NULL, conn->input_bytes);
        memcpy(conn->input, server->buffer + used, conn->input_bytes);
    }
}

static void accept_all(struct server *server)
{
    int fd, on = 1;

    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = must_realloc(NULL, sizeof(*conn));
        struct epoll_event event = {.events = EPOLLIN};

        *conn = (struct conn){.fd = fd, .number = ++server->accepted};
        event.data.ptr = conn;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            conn_kill(server, conn);
    }
}

static bool server_listen(struct server *server, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN};
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return bind(server->listen_fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
           listen(server->listen_fd, 4096) == 0 &&
           epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) == 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void ping_all(struct server *server)
{
    static const uint8_t ping[] = {0x89, 0};

    for (unsigned i = 0; i < ROOM_BUCKETS; i++)
        for (struct room *room = server->bucket[i]; room; room = room->next)
            for (size_t j = 0; j < room->count; j++)
                conn_send(server, room->member[j], ping, sizeof(ping));
}

/* Pings when it is time, and returns how long it may be waited, in milliseconds; -1: for ever. */
static int ping_due(struct server *server)
{
    if (server->ping_ms == 0)
        return -1;
    uint64_t now = now_ms();
    if (now >= server->ping_at_ms) {
        ping_all(server);
        server->ping_at_ms = now + server->ping_ms;
    }
    return (int)(server->ping_at_ms - now);
}

static void server_turn(struct server *server)
{
    struct epoll_event event[EVENTS_AT_ONCE];
    int count = epoll_wait(server->epoll_fd, event, EVENTS_AT_ONCE, ping_due(server));

    for (int i = 0; i < count; i++) {
        struct conn *conn = event[i].data.ptr;
        if (!conn) {
            accept_all(server);
            continue;
        }
        if (!conn->dead && conn->pending && (event[i].events & EPOLLOUT))
            conn_flush(server, conn);
        if (!conn->dead && (event[i].events & ~(uint32_t)EPOLLOUT))
            conn_read(server, conn);
    }
    flush_turn(server);
    free_dead(server);
}

/* 0: not a number from 1 to `max`. */
static unsigned long parse(const char *text, unsigned long max)
{
    char *end = NULL;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;

    return value > 0 && value <= max && *end == '\0' ? value : 0;
}

static bool parse_flags(struct server *server, char **flag)
{
    for (; *flag; flag++) {
        if (strcmp(*flag, "--coalesce") == 0)
            server->coalesce = true;
        else if (strcmp(*flag, "--ping-ms") == 0 && (server->ping_ms = parse(flag[1], 1000000)))
            flag++;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct server *server = calloc(1, sizeof(*server));
    unsigned long port = argc > 1 ? parse(argv[1], 65535) : 0;
    struct rlimit limit;

    if (!server)
        abort();
    if (port == 0 || !parse_flags(server, argv + 2)) {
        fputs("usage: bench_floor PORT [--coalesce] [--ping-ms N]\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (!server_listen(server, (uint16_t)port)) {
        fprintf(stderr, "bench_floor: port %lu: %s\n", port, strerror(errno));
        return EXIT_FAILURE;
    }
    for (;;)
        server_turn(server);
}
