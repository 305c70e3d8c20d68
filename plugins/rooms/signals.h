/* SPDX-License-Identifier: MIT */
/* Signals: what happens in a room beside its log, such as typing. */
#ifndef ROOMS_SIGNALS_H
#define ROOMS_SIGNALS_H

#include "member.h"

#include <chatd/fields.h>

/* Raises `signal` and, if it was claimed and allowed, tells all workers. With a connection it must be
 * a member (CHATD_E_NOTFOUND); CHATD_E_INVAL: a name is not good. A denial is CHATD_OK: it is
 * silent. */
int signals_send(struct rooms *rooms, chatd_conn conn, chatd_str room, chatd_str user,
                 chatd_str kind, uint32_t on);

/* Shows a signal to the members here, without more ado. */
void signals_show(struct rooms *rooms, chatd_str room, chatd_str user, chatd_str kind, uint32_t on);

/* One came over the bus: raises `signaled`, then shows it to the members here but the one it came
 * from. */
void signals_receive(struct room *room, const struct chatd_fields *fields);

#endif
