/* SPDX-License-Identifier: MIT */
/*
 * The order of one connection's requests: they take effect and are answered as they were sent.
 *
 * Messages are under way together, since the store keeps their order, and publish.h answers them in it.
 * Every other request is under way alone, but that messages may follow a join whose page is being read:
 * only their answers wait. What cannot begin yet is put off here; of whom too much is put off nothing
 * more is read.
 */
#ifndef ROOMS_TURN_H
#define ROOMS_TURN_H

#include "member.h"

enum turn_kind { TURN_MESSAGE, TURN_JOIN, TURN_OTHER };

/* Carries out a request. True: it is answered, or a message; else turn_over() follows. */
typedef bool (*turn_run)(struct rooms *rooms, struct seat *seat,
                         const struct chatd_verb_call *call);

/* [init] Defines the event by which the core is asked to read nothing more. */
int turn_register(struct rooms *rooms);

/* Runs a request in its turn, which may be now. */
void turn_take(struct rooms *rooms, const struct chatd_verb_call *call, enum turn_kind kind,
               turn_run run);

/* One that is no message is answered. For a connection that has none under way it does nothing. */
void turn_over(struct rooms *rooms, chatd_conn conn);

/* A message is answered, or hooks have decided: what was put off may be able to begin. It is run in this
 * call. */
void turn_go_on(struct rooms *rooms, chatd_conn conn);

/* The connection ends: what was put off is forgotten. */
void turn_end(struct seat *seat);

#endif
