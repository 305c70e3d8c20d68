/* SPDX-License-Identifier: MIT */
/* What chatd.v1 adds to the swarm: joining by request, and answers to what the senders send. */
#include "swarm.h"

#include "v1.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(SWARM_ROOM_NAME <= V1_ROOM_MAX, "a room's name fits a request");

/* A fresh socket takes the whole request or is broken. */
void swarm_v1_join(struct swarm *swarm, struct client *client)
{
    uint8_t frame[V1_JOIN_MAX];
    size_t bytes = v1_join_build(swarm->room[client->room].name, swarm->options->since,
                                 swarm->mask_key, frame);

    client->state = CLIENT_JOINING;
    if (send(client->fd, frame, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        swarm_lost(swarm, client, strerror(errno));
}

/* Only a timeout leaves open whether the message is kept. All other refusals are final, and nobody
 * is owed what was refused. */
static void count_error(struct swarm *swarm, const struct v1_answer *answer,
                        const struct ws_frame *frame)
{
    bool is_timeout = answer->code_bytes == 7 && memcmp(answer->code, "timeout", 7) == 0;

    if (answers_add_error(&swarm->answers, answer->code, answer->code_bytes))
        fprintf(stderr, "bench_load: the server answers %.*s\n", (int)frame->payload_bytes,
                (const char *)frame->payload);
    if (!is_timeout)
        swarm->expected -= swarm->options->members;
}

/* Refusals may overtake: only acknowledgements come in order. */
static void count_ack(struct swarm *swarm, struct room *room, const struct ws_stamp *stamp,
                      uint64_t now_ns)
{
    if (stamp->counter < room->last_ack)
        swarm->answers.reordered++;
    else
        room->last_ack = stamp->counter;
    answers_add_ack(&swarm->answers, now_ns > stamp->time_ns ? now_ns - stamp->time_ns : 0);
    room->acks++;
}

/* In the closed loop a refused message is not replaced: its room goes on with fewer in flight, rather
 * than to ask again as fast as it is refused. */
static void on_message_answer(struct swarm *swarm, struct client *client,
                              const struct v1_answer *answer, const struct ws_frame *frame,
                              uint64_t now_ns)
{
    struct room *room = &swarm->room[client->room];

    if (!tally_note(&swarm->answers.tally, &room->answered, answer->stamp.counter))
        return;
    if (answer->is_ack)
        count_ack(swarm, room, &answer->stamp, now_ns);
    else
        count_error(swarm, answer, frame);
    swarm_next(swarm, client->room);
}

void swarm_v1_answer(struct swarm *swarm, struct client *client, const struct ws_frame *frame,
                     uint64_t now_ns)
{
    struct v1_answer answer;

    if (!v1_answer_read(frame, &answer))
        return;
    if (answer.is_join && answer.is_ack && client->state == CLIENT_JOINING) {
        swarm_opened(swarm, client);
    } else if (answer.stamp.counter > 0 && swarm_is_sender(swarm, client)) {
        on_message_answer(swarm, client, &answer, frame, now_ns);
    } else if (!answer.is_ack) {
        fprintf(stderr, "bench_load: the server answers %.*s\n", (int)frame->payload_bytes,
                (const char *)frame->payload);
        if (client->state == CLIENT_JOINING)
            swarm_lost(swarm, client, "the room could not be joined");
    }
}
