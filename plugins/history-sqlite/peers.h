/* SPDX-License-Identifier: MIT */
/*
 * The other workers of this server, by way of chatd.bus. What is told there is a hint: the store is
 * the truth, and who hears of a record that does not follow reads the store.
 */
#ifndef HISTORY_SQLITE_PEERS_H
#define HISTORY_SQLITE_PEERS_H

#include "hint.h"

#include <chatd/svc/bus.h>
#include <chatd/svc/log.h>

struct peers {
    chatd_plugin *self;
    const struct chatd_service *bus; /* NULL: nobody is told and nobody heard */
    chatd_str epoch;
    char *buffer; /* of CHATD_BUS_DATA_MAX bytes, for what is told */
};

/* [start] `bus` may be NULL; `epoch` is borrowed. CHATD_E_BUSY: no memory. */
int peers_start(struct peers *peers, chatd_plugin *self, const struct chatd_service *bus,
                chatd_str epoch);

/* [loop] From here on the bus is left alone. */
void peers_stop(struct peers *peers);

/* [loop] A record was committed here. It comes back to this worker too. */
void peers_tell(struct peers *peers, chatd_str room, const struct chatd_log_record *record);

/* [loop] Listens to what is told of a room, and of others that share its topic. Zero: nothing will
 * be heard. */
chatd_sub peers_listen(struct peers *peers, chatd_str room, chatd_bus_cb cb, void *arg);
void peers_unlisten(struct peers *peers, chatd_sub sub);

#endif
