/* SPDX-License-Identifier: MIT */
/* The other workers of this server, by way of chatd.bus. */
#include "peers.h"

#include <chatd/plugin.h>
#include <stdlib.h>

int peers_start(struct peers *peers, chatd_plugin *self, const struct chatd_service *bus,
                chatd_str epoch)
{
    *peers = (struct peers){.self = self, .epoch = epoch};
    if (bus == NULL)
        return CHATD_OK;
    peers->buffer = malloc(CHATD_BUS_DATA_MAX);
    if (peers->buffer == NULL)
        return CHATD_E_BUSY;
    peers->bus = bus;
    return CHATD_OK;
}

void peers_stop(struct peers *peers)
{
    peers->bus = NULL;
    free(peers->buffer);
    peers->buffer = NULL;
}

void peers_tell(struct peers *peers, chatd_str room, const struct chatd_log_record *record)
{
    const struct hint hint = {
        .seq = record->seq, .ts = record->ts, .room = room, .record = record->record};
    char topic[HINT_TOPIC_BYTES];

    if (peers->bus == NULL)
        return;
    size_t n = hint_write(&hint, peers->buffer, CHATD_BUS_DATA_MAX);

    /* One that the bus did not take is found by the others' next sweep. */
    (void)chatd_bus_publish(peers->self, peers->bus,
                            hint_topic(topic, chatd_instance(peers->self), peers->epoch, room),
                            (chatd_str){peers->buffer, n});
}

chatd_sub peers_listen(struct peers *peers, chatd_str room, chatd_bus_cb cb, void *arg)
{
    char topic[HINT_TOPIC_BYTES];
    chatd_sub sub = {0};

    if (peers->bus != NULL &&
        chatd_bus_subscribe(peers->self, peers->bus,
                            hint_topic(topic, chatd_instance(peers->self), peers->epoch, room), cb,
                            arg, &sub) != CHATD_OK)
        sub.v = 0;
    return sub;
}

void peers_unlisten(struct peers *peers, chatd_sub sub)
{
    if (peers->bus != NULL && sub.v != 0)
        (void)chatd_bus_unsubscribe(peers->self, peers->bus, sub);
}
