/* SPDX-License-Identifier: MIT */
/* Looks every few seconds whether other workers appended. */
#include "sweep.h"

#include <stdlib.h>

struct grown {
    chatd_str room;
    uint64_t top;
};

struct look {
    struct op op;
    struct sweep *sweep;
    int64_t version, since_ms, now_ms;

    /* Results. */
    int64_t version_now;
    struct grown *grown;
    size_t n, places;
    bool starved;
    struct arena arena;
};

static void look_clear(struct look *look)
{
    arena_free(&look->arena);
    free(look->grown);
    look->grown = NULL;
    look->n = look->places = 0;
    look->starved = false;
}

static bool look_take(void *arg, chatd_str room, uint64_t top)
{
    struct look *look = arg;
    chatd_str copy;

    if (look->n == look->places) {
        size_t places = look->places > 0 ? 2 * look->places : 64;
        struct grown *grown = realloc(look->grown, places * sizeof(*grown));

        if (grown == NULL) {
            look->starved = true;
            return false;
        }
        look->grown = grown;
        look->places = places;
    }
    look->starved = !arena_copy(&look->arena, room.p, room.n, &copy);
    if (look->starved)
        return false;
    look->grown[look->n++] = (struct grown){.room = copy, .top = top};
    return true;
}

static int look_run(struct op *op, struct store *store)
{
    struct look *look = (struct look *)op;

    look_clear(look);
    int err = store_data_version(store, &look->version_now);

    if (err == CHATD_OK && look->version_now != look->version)
        err = store_rooms_since(store, look->since_ms, look_take, look);
    return err == CHATD_OK && look->starved ? CHATD_E_BUSY : err;
}

static void look_answer(struct op *op, int err)
{
    struct look *look = (struct look *)op;
    struct sweep *sweep = look->sweep;

    if (err == CHATD_E_CANCELLED)
        return;
    sweep->under_way = false;
    if (err != CHATD_OK)
        return; /* the next one looks as far back */
    sweep->version = look->version_now;
    sweep->since_ms = look->now_ms;
    for (size_t i = 0; i < look->n; i++)
        subs_hint(sweep->subs, look->grown[i].room, look->grown[i].top);
}

static void look_destroy(struct op *op)
{
    look_clear((struct look *)op);
    free(op);
}

static const struct op_class look_class = {
    .writes = false, .run = look_run, .answer = look_answer, .destroy = look_destroy};

static void on_timer(chatd_plugin *self, void *arg)
{
    struct sweep *sweep = arg;
    struct look *look;

    if (sweep->under_way || sweep->subs->rooms == NULL)
        return;
    look = calloc(1, sizeof(*look));
    if (look == NULL)
        return;
    look->op.class = &look_class;
    look->sweep = sweep;
    look->version = sweep->version;
    look->now_ms = chatd_wall_ms(self);
    /* The clock may have been set back since. */
    look->since_ms =
        (sweep->since_ms < look->now_ms ? sweep->since_ms : look->now_ms) - SWEEP_SLACK_MS;
    sweep->under_way = batch_submit(sweep->batch, &look->op, true) == CHATD_OK;
    if (!sweep->under_way)
        free(look); /* the server stops */
}

int sweep_start(struct sweep *sweep, chatd_plugin *self, struct batch *batch, struct subs *subs)
{
    chatd_timer timer;

    *sweep = (struct sweep){
        .self = self, .batch = batch, .subs = subs, .version = -1, .since_ms = chatd_wall_ms(self)};
    return chatd_timer_start(self, SWEEP_EVERY_MS, SWEEP_EVERY_MS, on_timer, sweep, &timer);
}
