/* SPDX-License-Identifier: MIT */
/* What /readyz says of this plugin: one sentence for each half of it that has trouble. */
#ifndef WEBHOOK_HEALTH_H
#define WEBHOOK_HEALTH_H

#include <chatd/chatd.h>
#include <stdbool.h>

enum health_part { HEALTH_VERDICTS, HEALTH_EVENTS, HEALTH_PARTS };

struct health;

struct health_of {
    struct health *health;
    enum chatd_ready state;
    char text[640];
    int64_t told_ms; /* when it was last bad */
    chatd_timer calm;
    bool is_calming;
};

struct health {
    chatd_plugin *self;
    struct health_of part[HEALTH_PARTS];
};

void health_init(struct health *health, chatd_plugin *self);

/* The core logs when the state changes, and shows the sentence of now. */
void health_set(struct health *health, enum health_part part, enum chatd_ready state,
                const char *fmt, ...) CHATD_PRINTF(4, 5);

/* It works. Who was degraded stays so until nothing bad was heard for a while: a receiver that fails now and then is not to
 * fill the log. */
void health_good(struct health *health, enum health_part part);

#endif
