/* SPDX-License-Identifier: MIT */
/* Before a message is published: what verdict_url says of it. */
#ifndef WEBHOOK_VERDICT_H
#define WEBHOOK_VERDICT_H

#include "counters.h"
#include "endpoint.h"
#include "health.h"
#include "web.h"

struct verdicts {
    chatd_plugin *self;
    struct web *web;
    struct health *health;
    const struct counters *counters;
    struct endpoint to;
    int64_t waiting;
    uint32_t failures; /* in a row */
    uint64_t asked;
    char life[17]; /* makes the ids of the questions unique */
};

/* [init] Hooks `message` if verdict_url is set; to.url is NULL if not. verdicts_deinit() ends it either way. */
int verdicts_init(struct verdicts *verdicts, chatd_plugin *self);
void verdicts_deinit(struct verdicts *verdicts);

/* [start] */
void verdicts_start(struct verdicts *verdicts);

#endif
