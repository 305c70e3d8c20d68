/* SPDX-License-Identifier: MIT */
/* What comes into the queue of events, and the queue's beginning and end. */
#include "delivery.h"

#include "options.h"
#include "webhook.h"

#include <inttypes.h>

#define FAILING_SEAL_MS 5000 /* while the receiver fails, batches may fill up for so long */

static const struct options *options_of(const struct deliver *d)
{
    return d->self->config;
}

/* After an event came into `b`, which may have sealed it or the one before it. */
static void keep_last(struct deliver *d, struct batch *b)
{
    struct batch *before = TAILQ_PREV(b, batches, link);

    if (before != NULL && b->n == 1)
        keep_put(&d->keep, before);
    if (b->is_sealed)
        keep_put(&d->keep, b);
}

/* --- time ------------------------------------------------------------------------------------- */

static void on_seal(chatd_plugin *self, void *arg)
{
    struct deliver *d = arg;
    struct batch *open = queue_open(&d->queue);

    (void)self;
    if (open == NULL)
        return;
    open->is_sealed = true;
    if (delivery_is_failing(d))
        keep_put(&d->keep, open);
    delivery_go_on(d);
}

void deliver_seal_later(struct deliver *d)
{
    int64_t after_ms = options_of(d)->batch_time_ms;

    if (delivery_is_failing(d) && after_ms < FAILING_SEAL_MS)
        after_ms = FAILING_SEAL_MS;
    if (d->is_leaving)
        after_ms = 0;
    chatd_timer_cancel(d->self, d->seal);
    chatd_timer_start(d->self, (uint32_t)after_ms, 0, on_seal, d, &d->seal);
}

/* --- events ----------------------------------------------------------------------------------- */

void deliver_begin(struct deliver *d, struct text *event, const char *kind, int64_t ts_ms)
{
    text_puts(event, "{\"id\":\"");
    text_puts(event, d->queue.life);
    text_puts(event, "-");
    text_number(event, (int64_t)++d->numbered);
    text_puts(event, "\",\"event\":\"");
    text_puts(event, kind);
    text_puts(event, "\",\"ts\":");
    text_number(event, ts_ms > 0 ? ts_ms : chatd_wall_ms(d->self));
}

static void overflowed(struct deliver *d, const char *why)
{
    if (d->overflowed++ == 0)
        chatd_log(d->self, CHATD_LOG_ERROR,
                  "events_url (%s): %s: further events are dropped until some are delivered",
                  d->to.where, why);
    delivery_count(d, EVENT_OVERFLOWED, 1);
}

static void read_limits(struct deliver *d)
{
    const struct options *options = options_of(d);

    d->limits = (struct queue_limits){.events_max = options->queue_max,
                                      .bytes_max = options->queue_bytes,
                                      .batch_max = options->batch_max};
}

void deliver_add(struct deliver *d, struct text *event)
{
    struct batch *b = NULL;

    read_limits(d);
    text_puts(event, "}");
    if (!queue_has_room(&d->queue, &d->limits, 1, event->n)) {
        overflowed(d, "as many events wait as queue_max and queue_bytes allow");
        return;
    }
    if (!event->has_failed)
        b = queue_add(&d->queue, &d->limits, text_str(event));
    if (b == NULL) {
        overflowed(d, "there is no memory");
        return;
    }
    delivery_show_queue(d);
    if (!b->is_sealed && b->n == 1)
        deliver_seal_later(d);
    if (delivery_is_failing(d))
        keep_last(d, b);
    delivery_go_on(d);
}

/* --- life ------------------------------------------------------------------------------------- */

int deliver_init(struct deliver *d, chatd_plugin *self, const char *life)
{
    const struct options *options = self->config;

    d->self = self;
    queue_init(&d->queue, life);
    return endpoint_init(&d->to, self, "events_url", options->events_url);
}

static void on_lookup(chatd_plugin *self, struct endpoint *to, bool is_news)
{
    struct deliver *d = &((struct webhook *)self->data)->deliver;

    if (to->addresses == NULL)
        health_set(d->health, HEALTH_EVENTS, CHATD_DEGRADED, "events_url (%s): %s", to->where,
                   to->why);
    if (!is_news || d->is_ending)
        return;
    if (!delivery_is_failing(d))
        health_good(d->health, HEALTH_EVENTS);
    chatd_timer_cancel(self, d->retry);
    d->is_waiting = false;
    delivery_go_on(d);
}

static void on_taken(chatd_plugin *self, uint32_t events)
{
    struct deliver *d = &((struct webhook *)self->data)->deliver;

    chatd_log(self, CHATD_LOG_INFO,
              "%u events that a worker left in chatd.kv when it ended are delivered now", events);
    delivery_count(d, EVENT_TAKEN, events);
    delivery_show_queue(d);
    delivery_go_on(d);
}

void deliver_start(struct deliver *d)
{
    if (d->to.url == NULL)
        return;
    read_limits(d);
    endpoint_start(&d->to, on_lookup);
    keep_start(&d->keep, d->self, &d->queue, &d->limits, on_taken);
}

void deliver_drain(struct deliver *d)
{
    struct batch *open = queue_open(&d->queue);

    d->is_leaving = true;
    if (open != NULL)
        open->is_sealed = true;
    if (delivery_is_failing(d))
        delivery_keep_all(d);
    keep_leave(&d->keep);
    chatd_timer_cancel(d->self, d->retry);
    d->is_waiting = false;
    delivery_go_on(d);
}

/* Those that are safe are for the next worker: their entries cannot be ended any more. */
static uint64_t set_aside_kept(struct deliver *d)
{
    struct batch *b, *next;
    uint64_t n = 0;

    for (b = queue_first(&d->queue); b != NULL; b = next) {
        next = TAILQ_NEXT(b, link);
        if (b->kept != KEPT_YES || b == d->batch)
            continue;
        n += b->n;
        queue_remove(&d->queue, b);
    }
    return n;
}

void deliver_end(struct deliver *d)
{
    int64_t until_ms = chatd_mono_ms(d->self) + options_of(d)->stop_wait_ms;
    struct batch *open = queue_open(&d->queue);
    uint64_t kept;

    if (d->request != NULL && d->batch->kept == KEPT_YES) {
        web_abort(d->request);
        d->request = NULL;
        d->batch = NULL;
    }
    d->is_ending = true;
    d->is_waiting = false;
    kept = set_aside_kept(d);
    if (open != NULL)
        open->is_sealed = true;
    delivery_go_on(d);
    while (d->request != NULL && chatd_mono_ms(d->self) < until_ms)
        web_turn(d->web, until_ms);
    if (d->request != NULL)
        web_abort(d->request);
    d->request = NULL;
    d->batch = NULL;
    delivery_count(d, EVENT_KEPT, kept);
    if (kept > 0)
        chatd_log(d->self, CHATD_LOG_INFO,
                  "%" PRIu64 " events wait in chatd.kv and will be delivered after the next start",
                  kept);
}

void deliver_deinit(struct deliver *d)
{
    const struct batch *b;
    uint64_t lost = 0, maybe = 0;

    if (d->self == NULL)
        return;
    for (b = TAILQ_FIRST(&d->queue.batches); b != NULL; b = TAILQ_NEXT(b, link)) {
        lost += b->n;
        maybe += b->kept == KEPT_NOT ? 0 : b->n;
    }
    delivery_count(d, EVENT_LOST, lost - maybe);
    delivery_count(d, EVENT_KEPT, maybe);
    if (lost > maybe)
        chatd_log(d->self, CHATD_LOG_WARN,
                  "%" PRIu64 " events could not be delivered before the end and are lost",
                  lost - maybe);
    if (maybe > 0)
        chatd_log(d->self, CHATD_LOG_WARN,
                  "%" PRIu64 " events could not be delivered before the end; chatd.kv was given "
                  "them, but had no time to say that it has them",
                  maybe);
    queue_deinit(&d->queue);
    endpoint_deinit(&d->to);
}
