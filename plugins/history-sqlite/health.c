/* SPDX-License-Identifier: MIT */
/* The store's state for /readyz and the log, and the canary. */
#include "health.h"

#include <stdio.h>
#include <stdlib.h>

struct canary {
    struct op op;
    struct health *health;
    bool thorough;
};

static int canary_run(struct op *op, struct store *store)
{
    return store_touch(store, ((struct canary *)op)->thorough);
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

static const struct op_class canary_class = {.writes = true,
                                             .trial = true,
                                             .run = canary_run,
                                             .answer = canary_answer,
                                             .destroy = canary_destroy};

static void probe(struct health *health)
{
    struct canary *canary = calloc(1, sizeof(*canary));

    if (canary == NULL)
        return;
    canary->op.class = &canary_class;
    canary->health = health;
    canary->thorough = health->state != CHATD_READY;
    health->probing = true;
    health->probed_ms = chatd_mono_ms(health->self);
    if (batch_submit(health->batch, &canary->op, true) != CHATD_OK) {
        health->probing = false;
        free(canary);
    }
}

/* Time alone proves nothing: the whole process may have been stopped for a while. */
static bool is_overdue(const struct health *health, int64_t passed_ms)
{
    return (health->probing || health->failure[0] != '\0') &&
           2 * passed_ms > (int64_t)(2 * HEALTH_CANARIES - 1) * health->every_ms;
}

static void on_timer(chatd_plugin *self, void *arg)
{
    struct health *health = arg;
    int64_t passed_ms = chatd_mono_ms(self) - health->well_ms;
    char text[512];

    if (health->state != CHATD_AWAY && is_overdue(health, passed_ms)) {
        snprintf(text, sizeof(text), "%s has not answered for %lld s", health->path,
                 (long long)(passed_ms / 1000));
        health_ill(health, CHATD_AWAY, health->failure[0] != '\0' ? health->failure : text);
    }
    if (!health->probing)
        probe(health);
}

int health_start(struct health *health, chatd_plugin *self, struct batch *batch, const char *path,
                 uint32_t every_ms)
{
    chatd_timer timer;

    *health = (struct health){.self = self,
                              .batch = batch,
                              .path = path,
                              .every_ms = every_ms,
                              .state = CHATD_READY,
                              .well_ms = chatd_mono_ms(self)};
    chatd_ready(self, CHATD_READY, "the database is open");
    return chatd_timer_start(self, every_ms, every_ms, on_timer, health, &timer);
}

void health_well(struct health *health, bool trial)
{
    health->well_ms = trial ? health->probed_ms : chatd_mono_ms(health->self);
    health->failure[0] = '\0';
    if (health->state == CHATD_READY)
        return;
    health->state = CHATD_READY;
    chatd_ready(health->self, CHATD_READY, "the database works again");
}

void health_ill(struct health *health, enum chatd_ready state, const char *failure)
{
    health->state = state;
    chatd_ready(health->self, state, failure);
}

void health_trial_failed(struct health *health, const char *failure)
{
    snprintf(health->failure, sizeof(health->failure), "%s", failure);
    health_ill(health, health->state == CHATD_AWAY ? CHATD_AWAY : CHATD_DEGRADED, failure);
}
