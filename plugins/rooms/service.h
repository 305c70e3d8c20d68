/* SPDX-License-Identifier: MIT */
/* The service chatd.rooms (chatd/svc/rooms.h) for other plugins. */
#ifndef ROOMS_SERVICE_H
#define ROOMS_SERVICE_H

#include "rooms.h"

/* [init] Offers it. */
int service_register(struct rooms *rooms);

#endif
