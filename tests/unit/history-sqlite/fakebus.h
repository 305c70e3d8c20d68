/* SPDX-License-Identifier: MIT */
/* A chatd.bus between several test hosts, stepped by a test, which may reorder or lose messages. */
#ifndef FAKEBUS_H
#define FAKEBUS_H

#include <chatd/svc/bus.h>
#include <chatd/testhost.h>
#include <stdbool.h>

struct fakebus;

struct fakebus *fakebus_new(void);
void fakebus_free(struct fakebus *bus);

/* Before testhost_start(): the host has this bus instead of its own. */
void fakebus_join(struct fakebus *bus, struct testhost *t);

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
