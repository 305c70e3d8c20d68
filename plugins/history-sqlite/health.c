/* SPDX-License-Identifier: MIT */
/* The store's state for /readyz and the log, and the canary write while it is not well. */
#include "health.h"

#include <chatd/log.h>
#include <stdlib.h>

struct canary {
    struct op op;
    struct health *health;
};

static int canary_run(struct op *op, struct store *store)
{
    (void)op;
    return store_touch(store);
}

/* The batch reports how it went; here it only matters that it is over. */
static void canary_answer(struct op *op, int err)
{
    (void)err;
    ((struct canary *)op)->health->probing = false;
}

static void canary_destroy(struct op *op)
{
    free(op);
}

static const struct op_class canary_class = {
    .writes = true, .run = canary_run, .answer = canary_answer, .destroy = canary_destroy};

static void probe(chatd_plugin *self, void *arg)
{
    struct health *health = arg;

    (void)self;
    if (health->probing)
        return;
    struct canary *canary = calloc(1, sizeof(*canary));

    if (canary == NULL)
        return;
    canary->op.class = &canary_class;
    canary->health = health;
    health->probing = true;
    if (batch_submit(health->batch, &canary->op, true) != CHATD_OK) {
        health->probing = false;
        free(canary);
    }
}

void health_init(struct health *health, chatd_plugin *self, struct batch *batch)
{
    *health = (struct health){.self = self, .batch = batch, .state = CHATD_READY};
    chatd_ready(self, CHATD_READY, "the database is open");
}

void health_well(struct health *health)
{
    if (health->state == CHATD_READY)
        return;
    health->state = CHATD_READY;
    chatd_timer_cancel(health->self, health->timer);
    health->timer.v = 0;
    chatd_log(health->self, CHATD_LOG_INFO, "the database works again");
    chatd_ready(health->self, CHATD_READY, "the database works again");
}

void health_ill(struct health *health, enum chatd_ready state, const char *failure)
{
    if (health->state != state)
        chatd_log(health->self, state == CHATD_AWAY ? CHATD_LOG_ERROR : CHATD_LOG_WARN,
                  "%s; trying again every %u s", failure, HEALTH_CANARY_MS / 1000);
    health->state = state;
    chatd_ready(health->self, state, failure);
    if (health->timer.v == 0)
        chatd_timer_start(health->self, HEALTH_CANARY_MS, HEALTH_CANARY_MS, probe, health,
                          &health->timer);
}
