/* SPDX-License-Identifier: MIT */
/* The classic dialect: one socket is in one room (docs: protocol, part 2). */
#ifndef ROOMS_CLASSIC_H
#define ROOMS_CLASSIC_H

#include "rooms.h"

/* [init] Claims /ws without a subprotocol and hooks what belongs to it. */
int classic_register(struct rooms *rooms);

#endif
