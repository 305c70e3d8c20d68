/* SPDX-License-Identifier: MIT */
/* Looks for old records, and deletes them. */
#include "retention.h"

#include <chatd/log.h>
#include <chatd/metric.h>
#include <inttypes.h>
#include <stdlib.h>

/* A room with subscribers here, and what the store says of it. */
struct place {
    chatd_str name;
    uint64_t first;
};

/* A look: what there is to tell, and whether there is something to delete. */
struct look {
    struct op op;
    struct retention *retention;
    int64_t before_ms;
    struct place *places;
    size_t n, room;
    struct arena arena;
    bool has_older;
};

struct forget {
    struct op op;
    struct retention *retention;
    int64_t before_ms;
    int64_t n; /* a result */
};

static void look_start(struct retention *retention);

/* --- deleting ---------------------------------------------------------------------------------- */

static int forget_run(struct op *op, struct store *store)
{
    struct forget *forget = (struct forget *)op;

    return store_forget(store, forget->before_ms, &forget->n);
}

/* There may be more; and what is gone is told by the next look. */
static void forget_answer(struct op *op, int err)
{
    const struct forget *forget = (const struct forget *)op;
    struct retention *retention = forget->retention;

    if (err == CHATD_OK) {
        chatd_metric_add(retention->self, retention->expired, 0, forget->n);
        look_start(retention);
    } else if (err != CHATD_E_CANCELLED) {
        retention->under_way = false;
    }
}

static void forget_destroy(struct op *op)
{
    free(op);
}

static void forget_start(struct retention *retention, int64_t before_ms)
{
    static const struct op_class class = {
        .writes = true, .run = forget_run, .answer = forget_answer, .destroy = forget_destroy};
    struct forget *forget = calloc(1, sizeof(*forget));

    retention->under_way = false;
    if (forget == NULL)
        return;
    forget->op.class = &class;
    forget->retention = retention;
    forget->before_ms = before_ms;
    retention->under_way = batch_submit(retention->batch, &forget->op, true) == CHATD_OK;
    if (!retention->under_way)
        free(forget); /* the server stops */
}

/* --- looking ----------------------------------------------------------------------------------- */

static bool no_record(void *arg, uint64_t seq, int64_t ts, chatd_str record)
{
    (void)arg, (void)seq, (void)ts, (void)record;
    return false;
}

static int look_run(struct op *op, struct store *store)
{
    struct look *look = (struct look *)op;
    int err = store_has_older(store, look->before_ms, &look->has_older);

    for (size_t i = 0; i < look->n && err == CHATD_OK; i++) {
        struct store_room room;

        err = store_range(store, look->places[i].name, 0, 0, STORE_AFTER, no_record, NULL, &room);
        look->places[i].first = room.first;
    }
    return err;
}

static void look_answer(struct op *op, int err)
{
    struct look *look = (struct look *)op;
    struct retention *retention = look->retention;

    if (err == CHATD_E_CANCELLED)
        return;
    retention->under_way = false;
    if (err != CHATD_OK)
        return; /* /readyz tells, and the next one comes */
    for (size_t i = 0; i < look->n; i++)
        subs_forgotten(retention->subs, look->places[i].name, look->places[i].first);
    if (look->has_older)
        forget_start(retention, look->before_ms);
}

static void look_destroy(struct op *op)
{
    struct look *look = (struct look *)op;

    arena_free(&look->arena);
    free(look->places);
    free(look);
}

static void take_room(void *arg, chatd_str name)
{
    struct look *look = arg;

    if (look->n == look->room) {
        size_t room = look->room > 0 ? 2 * look->room : 64;
        struct place *places = realloc(look->places, room * sizeof(*places));

        if (places == NULL)
            return; /* the next look */
        look->places = places;
        look->room = room;
    }
    if (arena_copy(&look->arena, name.p, name.n, &look->places[look->n].name))
        look->places[look->n++].first = 0;
}

static int64_t now(struct retention *retention)
{
    bool began;
    int64_t now_ms = clock_judge(&retention->clock, chatd_wall_ms(retention->self),
                                 chatd_mono_ms(retention->self), &began);

    if (began)
        chatd_log(
            retention->self, CHATD_LOG_WARN,
            "the clock was set ahead, or the machine slept: the new time is not believed for an "
            "hour, lest history_age delete what is not old; if it is wrong, set it right before that");
    return now_ms;
}

static void look_start(struct retention *retention)
{
    static const struct op_class class = {
        .writes = false, .run = look_run, .answer = look_answer, .destroy = look_destroy};
    struct look *look = calloc(1, sizeof(*look));

    retention->under_way = false;
    if (look == NULL)
        return;
    look->op.class = &class;
    look->retention = retention;
    look->before_ms = now(retention) - retention->age_ms;
    subs_each_room(retention->subs, take_room, look);
    retention->under_way = batch_submit(retention->batch, &look->op, true) == CHATD_OK;
    if (!retention->under_way)
        look_destroy(&look->op); /* the server stops */
}

static void on_timer(chatd_plugin *self, void *arg)
{
    struct retention *retention = arg;

    (void)self;
    if (!retention->under_way)
        look_start(retention);
}

int retention_start(struct retention *retention, chatd_plugin *self, struct batch *batch,
                    struct subs *subs, int64_t age_ms, int expired)
{
    int64_t every_ms = age_ms / 10;
    chatd_timer timer;

    *retention = (struct retention){
        .self = self, .batch = batch, .subs = subs, .age_ms = age_ms, .expired = expired};
    if (age_ms == 0)
        return CHATD_OK;
    clock_init(&retention->clock, age_ms);
    chatd_log(self, CHATD_LOG_INFO, "messages older than %" PRId64 " s are deleted (history_age)",
              age_ms / 1000);
    if (every_ms > RETENTION_EVERY_MS_MAX)
        every_ms = RETENTION_EVERY_MS_MAX;
    if (every_ms < RETENTION_EVERY_MS_MIN)
        every_ms = RETENTION_EVERY_MS_MIN;
    return chatd_timer_start(self, (uint32_t)every_ms, (uint32_t)every_ms, on_timer, retention,
                             &timer);
}
