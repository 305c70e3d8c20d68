/* SPDX-License-Identifier: MIT */
/* What systemd is told of the server, by the process that it started. */
#ifndef WORKER_NOTIFY_H
#define WORKER_NOTIFY_H

#include <stdint.h>

/* Sends "READY=1" and the like, lines between LF, as sd_notify(3) describes them. Nothing happens without
 * NOTIFY_SOCKET; nothing waits, and what cannot be sent is lost. */
void notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int64_t notify_watchdog_ms(void); /* it wants WATCHDOG=1 so often; 0: it does not */

#endif
