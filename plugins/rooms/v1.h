/* SPDX-License-Identifier: MIT */
/* The verbs of chatd.v1 that are about rooms (docs: protocol, part 3): joining, leaving, sending. */
#ifndef ROOMS_V1_H
#define ROOMS_V1_H

#include "rooms.h"

#include <chatd/fields.h>

/* [init] Adds the verbs, and the limits that `hello` tells. */
int v1_register(struct rooms *rooms);

/* Tells new clients the limits of a configuration. */
int v1_limits(struct rooms *rooms, const struct rooms_config *config);

/* Reads a request: its members, to be ended with chatd_fields_close(), and the room it names. False: it was answered. */
bool v1_open(chatd_plugin *self, const struct chatd_verb_call *call,
             struct chatd_fields *fields_out, chatd_str *room_out);

/* Answers a request with a refusal. */
void v1_refuse(chatd_plugin *self, chatd_conn conn, chatd_str id, const struct refusal *why);

#endif
