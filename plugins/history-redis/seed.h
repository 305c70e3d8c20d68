/* SPDX-License-Identifier: MIT */
/* Tells chatd.kv of the rooms that the seed left: lists that nobody has entered into `rooms`. */
#ifndef HISTORY_REDIS_SEED_H
#define HISTORY_REDIS_SEED_H

#include "queue.h"

#define SEED_ROOMS_MAX 10000u /* as many as rooms.so takes by default */
#define SEED_PAUSE_MS  20u    /* between two steps of the scan: Redis has others to serve */

struct seed {
    chatd_plugin *self;
    struct queue *queue;
    const struct chatd_service *kv;
    bool begun, done;
    uint32_t rooms;   /* found */
    uint32_t pending; /* being entered */
    char cursor[24];
    chatd_timer timer;
};

void seed_init(struct seed *seed, chatd_plugin *self, struct queue *queue,
               const struct chatd_service *kv);

/* The link is up: looks through the keys, once in a process' life. */
void seed_start(struct seed *seed);

#endif
