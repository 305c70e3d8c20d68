/* SPDX-License-Identifier: MIT */
/* The requests of deliver.h, between its two files. */
#ifndef WEBHOOK_DELIVERY_H
#define WEBHOOK_DELIVERY_H

#include "deliver.h"

/* Sends the first batch, if it is sealed and nothing is under way or waited for. */
void delivery_go_on(struct deliver *deliver);

/* The open batch is sealed in a while: from its first event on, or anew. */
void deliver_seal_later(struct deliver *deliver);

/* The last request failed. */
bool delivery_is_failing(const struct deliver *deliver);

/* What cannot be delivered now outlives this worker: all sealed batches. */
void delivery_keep_all(struct deliver *deliver);

void delivery_count(struct deliver *deliver, enum counter_event outcome, uint64_t events);
void delivery_show_queue(struct deliver *deliver);

#endif
