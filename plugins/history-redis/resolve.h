/* SPDX-License-Identifier: MIT */
/* From the address in the configuration to those a socket takes, without keeping the loop waiting. */
#ifndef HISTORY_REDIS_RESOLVE_H
#define HISTORY_REDIS_RESOLVE_H

#include "address.h"

#include <chatd/plugin.h>
#include <stddef.h>
#include <sys/socket.h>

#define RESOLVED_MAX 8

struct resolved {
    struct {
        struct sockaddr_storage address;
        socklen_t bytes;
    } at[RESOLVED_MAX];
    size_t n;
};

/* [loop] `found` is borrowed; NULL: `why` says why not, as the part of a sentence. */
typedef void (*resolve_done)(void *arg, const struct resolved *found, const char *why);

/* [loop] What needs no look-up, a number or a path; false: it does. */
bool resolve_now(const struct address *address, struct resolved *out);

/* [loop] Looks up a name in an io job. `done` comes once, within `deadline_ms`, but not when the
 * server stops. An error: it does not come. */
int resolve_start(chatd_plugin *self, const struct address *address, uint32_t deadline_ms,
                  resolve_done done, void *arg);

#endif
