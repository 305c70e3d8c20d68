/* SPDX-License-Identifier: MIT */
/* The parts of the plugin: what self->data points to. */
#ifndef WEBHOOK_WEBHOOK_H
#define WEBHOOK_WEBHOOK_H

#include "address.h"
#include "counters.h"
#include "deliver.h"
#include "health.h"
#include "verdict.h"
#include "web.h"

struct webhook {
    struct address_list allow;
    struct counters counters;
    struct health health;
    struct web web;
    struct verdicts verdicts;
    struct deliver deliver;
};

#endif
