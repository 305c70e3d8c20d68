/* SPDX-License-Identifier: MIT */
/* Notices that the server stops, in time to tell those who wait for an answer. */
#ifndef HISTORY_REDIS_FAREWELL_H
#define HISTORY_REDIS_FAREWELL_H

#include <chatd/task.h>

/* [drain] `over` will be called once, when the core cancels what is under way, while all plugins are
 * still alive. Takes the plugin's io thread until then. An error: it will not be called. */
int farewell_wait(chatd_plugin *self, void (*over)(void *arg), void *arg);

#endif
