/* SPDX-License-Identifier: MIT */
/* The swarm's event loop: reads frames, counts stamps, answers pings and sends for the rooms. */
#include "swarm.h"

#include "v1.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 512

uint64_t swarm_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        abort();
    return memory;
}

struct swarm *swarm_new(const struct options *options)
{
    struct swarm *swarm = must_calloc(1, sizeof(*swarm));

    swarm->options = options;
    swarm->budget = options->messages ? options->messages : UINT64_MAX;
    swarm->run =
        options->run ? options->run : (uint32_t)(swarm_now_ns() ^ (uint64_t)getpid() << 16);
    swarm->mask_key = swarm->run | 0x01010101u;
    ws_mark_init(&swarm->mark, swarm->run);
    swarm->client = must_calloc(options->conns, sizeof(*swarm->client));
    for (unsigned i = 0; i < options->conns; i++) {
        swarm->client[i].fd = -1;
        swarm->client[i].room = i / options->members;
        tally_position_init(&swarm->client[i].position);
    }
    swarm->frame_bytes =
        options->text_bytes + (options->dialect == BENCH_V1 ? V1_MESSAGE_EXTRA : WS_MESSAGE_EXTRA);
    swarm->room = must_calloc(options->rooms, sizeof(*swarm->room));
    for (unsigned i = 0; i < options->rooms; i++) {
        struct room *room = &swarm->room[i];
        room->out = must_calloc(1, swarm->frame_bytes);
        tally_position_init(&room->answered);
        snprintf(room->name, sizeof(room->name), "b%08x-%u", (unsigned)swarm->run, i);
    }
    if (options->deflate)
        swarm->inflater = inflater_new();
    swarm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    swarm->member_fd = options->sweep_ms ? epoll_create1(EPOLL_CLOEXEC) : swarm->epoll_fd;
    if (swarm->epoll_fd < 0 || swarm->member_fd < 0)
        abort();
    return swarm;
}

void swarm_free(struct swarm *swarm)
{
    for (unsigned i = 0; i < swarm->options->conns; i++) {
        if (swarm->client[i].fd >= 0)
            close(swarm->client[i].fd);
        free(swarm->client[i].tail);
    }
    for (unsigned i = 0; i < swarm->options->rooms; i++)
        free(swarm->room[i].out);
    if (swarm->member_fd != swarm->epoll_fd)
        close(swarm->member_fd);
    close(swarm->epoll_fd);
    inflater_free(swarm->inflater);
    free(swarm->client);
    free(swarm->room);
    free(swarm);
}

void swarm_lost(struct swarm *swarm, struct client *client, const char *why)
{
    if (client->state == CLIENT_OPEN) {
        if (swarm->closed++ == 0)
            fprintf(stderr, "bench_load: a connection ended: %s\n", why);
        swarm->room[client->room].open--;
        swarm->room[client->room].warm -= client->warm;
    } else if (swarm->options->mode == BENCH_CONNECT) {
        if (swarm->refusals++ == 0)
            fprintf(stderr, "bench_load: a connection was refused: %s\n", why);
        swarm->handshake--;
    } else if (!swarm->refused) {
        fprintf(stderr, "bench_load: a connection failed before it was in its room: %s\n", why);
        swarm->refused = true;
    }
    close(client->fd);
    client->fd = -1;
    client->state = CLIENT_CLOSED;
}

/* In the closed loop a message belongs to the time it is sent. In the open one it belongs to the
 * time it should have been sent, so that a server that stalls the sender does not hide its delay. */
static uint64_t stamp_ns(const struct swarm *swarm, uint32_t room_index, uint64_t counter)
{
    const struct options *options = swarm->options;

    if (options->mode != BENCH_OPEN || counter == 0)
        return swarm_now_ns();
    uint64_t place = (counter - 1) * options->rooms + room_index;
    return swarm->start_ns + (uint64_t)((double)place * 1e9 / options->rate);
}

static void room_flush(struct swarm *swarm, uint32_t room_index)
{
    struct room *room = &swarm->room[room_index];
    struct client *sender = &swarm->client[(size_t)room_index * swarm->options->members];

    while (room->out_done < room->out_bytes && sender->state == CLIENT_OPEN) {
        ssize_t n = send(sender->fd, room->out + room->out_done, room->out_bytes - room->out_done,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            swarm_lost(swarm, sender, strerror(errno));
            return;
        }
        room->out_done += (size_t)n;
    }
    room->out_bytes = room->out_done = 0;
}

static void room_send(struct swarm *swarm, uint32_t room_index, uint64_t counter)
{
    struct room *room = &swarm->room[room_index];
    struct ws_stamp stamp = {room_index, counter, stamp_ns(swarm, room_index, counter)};

    swarm->mask_key = swarm->mask_key * 1664525u + 1013904223u;
    if (swarm->options->dialect == BENCH_V1) {
        const struct v1_message message = {.room = room->name,
                                           .stamp = &stamp,
                                           .text_bytes = swarm->options->text_bytes,
                                           .with_cid = counter > 0 && !swarm->options->no_cid};
        room->out_bytes = v1_message_build(&swarm->mark, &message, swarm->mask_key, room->out);
    } else {
        room->out_bytes = ws_message_build(&swarm->mark, &stamp, swarm->options->text_bytes,
                                           swarm->mask_key, room->out);
    }
    room->out_done = 0;
    room_flush(swarm, room_index);
}

void swarm_warm_up(struct swarm *swarm, uint32_t room_index)
{
    if (swarm->room[room_index].out_bytes == 0)
        room_send(swarm, room_index, 0);
}

void swarm_pump(struct swarm *swarm, uint32_t room_index)
{
    struct room *room = &swarm->room[room_index];

    if (room->out_bytes)
        room_flush(swarm, room_index);
    while (room->out_bytes == 0 && room->sent < room->due) {
        room->sent++;
        swarm->sent++;
        swarm->expected += swarm->options->members;
        room_send(swarm, room_index, room->sent);
    }
}

/* With answers a message is through when it came back and was acknowledged, in either order. */
void swarm_next(struct swarm *swarm, uint32_t room_index)
{
    struct room *room = &swarm->room[room_index];
    uint64_t through = room->came;

    if (swarm->options->dialect == BENCH_V1 && room->acks < through)
        through = room->acks;
    if (!swarm->sending)
        return;
    while (swarm->budget > 0 && room->due < through + swarm->options->inflight) {
        swarm->budget--;
        room->due++;
    }
    swarm_pump(swarm, room_index);
}

bool swarm_is_sender(const struct swarm *swarm, const struct client *client)
{
    return client == &swarm->client[(size_t)client->room * swarm->options->members];
}

static void on_stamp(struct swarm *swarm, struct client *client, const struct ws_stamp *stamp,
                     uint64_t now_ns)
{
    if (stamp->room != client->room) {
        swarm_lost(swarm, client, "it got a message of another room");
        return;
    }
    struct room *room = &swarm->room[client->room];
    if (stamp->counter == 0) {
        room->warm += !client->warm;
        client->warm = true;
        return;
    }
    if (!tally_note(&swarm->tally, &client->position, stamp->counter))
        return;
    bool sender = swarm_is_sender(swarm, client);
    /* A member that is read by the sweep would show the sweep's delay, not the server's. */
    if (sender || swarm->options->sweep_ms == 0)
        hist_add(&swarm->hist, now_ns > stamp->time_ns ? now_ns - stamp->time_ns : 0);
    swarm->last_ns = now_ns;
    if (sender) {
        room->came++;
        swarm_next(swarm, client->room);
    }
}

/* A pong must not cut into a message of which a part is sent; the server asks again. */
static void answer_ping(struct swarm *swarm, struct client *client, const struct ws_frame *ping)
{
    uint8_t pong[WS_CONTROL_MAX];

    if (swarm_is_sender(swarm, client) && swarm->room[client->room].out_bytes)
        return;
    size_t bytes = ws_pong_build(ping, swarm->mask_key, pong);
    if (send(client->fd, pong, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)bytes)
        swarm_lost(swarm, client, "a pong could not be sent");
    swarm->pings++;
}

static bool inflate_frame(struct swarm *swarm, struct ws_frame *frame)
{
    swarm->deflated++;
    return swarm->inflater && inflater_run(swarm->inflater, frame->payload, frame->payload_bytes,
                                           &frame->payload, &frame->payload_bytes);
}

static void on_frame(struct swarm *swarm, struct client *client, struct ws_frame *frame,
                     uint64_t now_ns)
{
    struct ws_stamp stamp;
    char reason[64];

    if (frame->is_deflated && !inflate_frame(swarm, frame)) {
        swarm_lost(swarm, client, "the server sent what is not compressed as was agreed");
        return;
    }
    if (frame->opcode == WS_TEXT) {
        if (client->state == CLIENT_OPEN && ws_stamp_find(&swarm->mark, frame, &stamp))
            on_stamp(swarm, client, &stamp, now_ns);
        else if (swarm->options->dialect == BENCH_V1)
            swarm_v1_answer(swarm, client, frame, now_ns);
        else if (memmem(frame->payload, frame->payload_bytes, "\"error\":{", 9))
            fprintf(stderr, "bench_load: the server answers %.*s\n", (int)frame->payload_bytes,
                    (const char *)frame->payload);
    } else if (frame->opcode == WS_PING) {
        answer_ping(swarm, client, frame);
    } else if (frame->opcode == WS_CLOSE) {
        unsigned code = frame->payload_bytes < 2
                            ? 1005u
                            : (unsigned)frame->payload[0] << 8 | (unsigned)frame->payload[1];
        snprintf(reason, sizeof(reason), "the server closed it with %u", code);
        swarm_lost(swarm, client, reason);
    }
}

void swarm_opened(struct swarm *swarm, struct client *client)
{
    client->state = CLIENT_OPEN;
    swarm->room[client->room].open++;
    swarm->handshake--;
}

static void shaken(struct swarm *swarm, struct client *client)
{
    close(client->fd);
    client->fd = -1;
    client->state = CLIENT_CLOSED;
    swarm->shaken++;
    swarm->handshake--;
}

/* Takes the answer to the upgrade; 0 when it is not there yet, or is a refusal. */
static size_t consume_reply(struct swarm *swarm, struct client *client, size_t bytes)
{
    bool is_v1 = swarm->options->dialect == BENCH_V1;
    size_t used = 0;
    int result = ws_reply_check(swarm->buffer, bytes, is_v1 ? V1_PROTOCOL : NULL,
                                swarm->options->deflate, &used);

    if (result < 0) {
        if (swarm->refusals == 0)
            fprintf(stderr, "bench_load: no %s%s101 but: %.*s\n", is_v1 ? V1_PROTOCOL " and " : "",
                    swarm->options->deflate ? "compression and " : "",
                    (int)(bytes < 300 ? bytes : 300), (const char *)swarm->buffer);
        swarm_lost(swarm, client, "the upgrade was refused");
    }
    if (result <= 0)
        return 0;
    if (swarm->options->mode == BENCH_CONNECT)
        shaken(swarm, client);
    else if (is_v1)
        swarm_v1_join(swarm, client);
    else
        swarm_opened(swarm, client);
    return used;
}

static bool has_frames(const struct client *client)
{
    return client->state == CLIENT_JOINING || client->state == CLIENT_OPEN;
}

/* Handles all complete frames in the buffer and returns how many bytes they took. */
static size_t consume(struct swarm *swarm, struct client *client, size_t bytes)
{
    uint64_t now_ns = swarm_now_ns();
    size_t used = 0;
    struct ws_frame frame;
    int result = 1;

    if (client->state == CLIENT_UPGRADING && (used = consume_reply(swarm, client, bytes)) == 0)
        return 0;
    while (has_frames(client) &&
           (result = ws_frame_next(swarm->buffer + used, bytes - used, &frame)) == 1) {
        used += frame.frame_bytes;
        on_frame(swarm, client, &frame, now_ns);
    }
    if (result < 0 || bytes - used > SWARM_BUFFER_BYTES / 2)
        if (has_frames(client))
            swarm_lost(swarm, client, "the server sent a broken or too long frame");
    return used;
}

static void keep_tail(struct client *client, const uint8_t *rest, size_t bytes)
{
    if (bytes > client->tail_room) {
        free(client->tail);
        client->tail_room = (uint32_t)(bytes < 2048 ? 2048 : bytes);
        client->tail = must_calloc(1, client->tail_room);
    }
    if (bytes)
        memcpy(client->tail, rest, bytes);
    client->tail_bytes = (uint32_t)bytes;
}

/* Events come edge-triggered, which spares the kernel a second look at every socket. A read that
 * does not fill the buffer has emptied the socket, so one recv() is enough, except when the end of
 * the stream is announced. */
static void client_read(struct swarm *swarm, struct client *client, bool until_end)
{
    bool again = true;

    while (again && client->fd >= 0) {
        size_t kept = client->tail_bytes, room = SWARM_BUFFER_BYTES - kept;
        if (kept)
            memcpy(swarm->buffer, client->tail, kept);
        ssize_t n = recv(client->fd, swarm->buffer + kept, room, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            swarm_lost(swarm, client, n ? strerror(errno) : "the server ended it");
            return;
        }
        size_t bytes = kept + (size_t)n, used = consume(swarm, client, bytes);
        if (client->fd >= 0)
            keep_tail(client, swarm->buffer + used, bytes - used);
        again = (size_t)n == room || until_end;
    }
}

static int handle_events(struct swarm *swarm, int epoll_fd, uint64_t wait_ns)
{
    struct epoll_event event[EVENTS_AT_ONCE];
    struct timespec wait = {(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};
    int count = epoll_pwait2(epoll_fd, event, EVENTS_AT_ONCE, &wait, NULL);

    for (int i = 0; i < count; i++) {
        uint32_t index = event[i].data.u32, flags = event[i].events;
        struct client *client = &swarm->client[index];
        if (client->state == CLIENT_CONNECTING && (flags & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
            swarm_connected(swarm, client);
        if (client->fd >= 0 && (flags & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)))
            client_read(swarm, client, (flags & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0);
        if ((flags & EPOLLOUT) && swarm->room[client->room].out_bytes)
            swarm_pump(swarm, client->room);
    }
    return count;
}

/* One recv() for each delivery costs nearly what the server's send() does. In the closed loop only
 * the senders have to be quick; the others are left alone for a moment, so that one recv() takes
 * several messages and nobody is woken for each. Early enough not to fill their sockets. */
void swarm_turn(struct swarm *swarm, uint64_t wait_ns)
{
    const struct options *options = swarm->options;
    uint64_t every_ns = options->sweep_ms * UINT64_C(1000000), now_ns = swarm_now_ns();

    if (every_ns == 0) {
        handle_events(swarm, swarm->epoll_fd, wait_ns);
        return;
    }
    uint64_t left_ns =
        now_ns - swarm->sweep_ns < every_ns ? every_ns - (now_ns - swarm->sweep_ns) : 0;
    handle_events(swarm, swarm->epoll_fd, wait_ns < left_ns ? wait_ns : left_ns);
    now_ns = swarm_now_ns();
    if (now_ns - swarm->sweep_ns < every_ns && swarm->sent < swarm->sweep_at_sent)
        return;
    while (handle_events(swarm, swarm->member_fd, 0) == EVENTS_AT_ONCE)
        continue;
    swarm->sweep_ns = now_ns;
    swarm->sweep_at_sent =
        swarm->sent + (uint64_t)options->rooms * (1 + SWARM_UNREAD_BYTES / swarm->frame_bytes);
}
