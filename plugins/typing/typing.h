/* SPDX-License-Identifier: MIT */
/* What the files of this plugin share: its options, its state in one worker. */
#ifndef TYPING_TYPING_H
#define TYPING_TYPING_H

#include "remote.h"
#include "typists.h"

#include <chatd/chatd.h>
#include <chatd/svc/rooms.h>

#define TYPING_KIND CHATD_STR("typing")

struct typing_config {
    int64_t expire_ms;
    int64_t throttle_ms;
};

enum typing_metric { METRIC_SIGNALS, METRIC_THROTTLED, METRIC_EXPIRED, METRIC_COUNT };

/* One worker's state; self->data. */
struct typing {
    chatd_plugin *self;
    const struct chatd_service *rooms; /* NULL: nobody offers it, so no signal is ever raised */
    struct typist_table table;         /* this worker's connections */
    struct remote_table remote;        /* everybody else's, as far as members here see them */
    int slot;
    int metric[METRIC_COUNT];
};

/* verb.c: [init] adds the verb `typing` of chatd.v1. */
int typing_verb_register(chatd_plugin *self);

#endif
