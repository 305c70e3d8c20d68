/* SPDX-License-Identifier: MIT */
/* A chatd.bus between several fake cores, stepped by a test, which may reorder or lose messages. */
#ifndef FAKEBUS_H
#define FAKEBUS_H

#include <chatd/chatd.h>
#include <chatd/svc/bus.h>
#include <stdbool.h>

struct fakebus;

extern const struct chatd_bus_api fakebus_api;

struct fakebus *fakebus_new(void);
void fakebus_free(struct fakebus *bus);
chatd_plugin *fakebus_plugin(struct fakebus *bus);

/* Delivers what was published, in order, and the `lost` of fresh subscriptions. False: nothing was
 * there. */
bool fakebus_run(struct fakebus *bus);

size_t fakebus_waiting(const struct fakebus *bus);

/* Turns round the order of what waits. */
void fakebus_reverse(struct fakebus *bus);

/* Forgets what waits; `told`: every subscriber gets a `lost`. */
void fakebus_lose(struct fakebus *bus, bool told);

/* How many listen. */
size_t fakebus_subscribers(const struct fakebus *bus);

/* Puts a message there that nobody published, on the topic of the first subscriber. */
void fakebus_forge(struct fakebus *bus, const char *data);

#endif
