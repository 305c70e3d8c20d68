/* SPDX-License-Identifier: MIT */
/* Rogue plugin: keeps the loop for a while with every message. */
#define _GNU_SOURCE 1 /* nanosleep() */
#include <chatd/chatd.h>

#include <time.h>

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    const struct timespec nap = {0, 150000000};

    (void)self;
    (void)msg;
    nanosleep(&nap, NULL);
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "slow-hook", .version = "1.0", .license = "MIT", .init = init);
