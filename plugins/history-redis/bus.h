/* SPDX-License-Identifier: MIT */
/* The service chatd.bus: topics and who listens to them. */
#ifndef HISTORY_REDIS_BUS_H
#define HISTORY_REDIS_BUS_H

#include "channels.h"

#include <chatd/svc/bus.h>

struct bus_sub;
struct bus_topic;

struct bus {
    struct channels *channels;
    struct bus_topic *topics; /* by name */
    struct bus_sub *subs;     /* by id */
    uint64_t last_id;
};

extern const struct chatd_bus_api history_bus_api;

void bus_init(struct bus *bus, struct channels *channels);
void bus_deinit(struct bus *bus);

/* A message of a topic; `lost`: some may have been missed, and `data` is empty. */
void bus_message(struct bus *bus, chatd_str topic, chatd_str data, uint32_t lost);

#endif
