/* SPDX-License-Identifier: MIT */
/* What happens in the server, as the JSON that events_url gets. */
#ifndef WEBHOOK_EVENTS_H
#define WEBHOOK_EVENTS_H

#include <chatd/chatd.h>

/* [init] Hooks what the option `events` names. An unknown name is logged. */
int events_register(chatd_plugin *self, const char *const *names);

#endif
