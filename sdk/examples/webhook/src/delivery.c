/* SPDX-License-Identifier: MIT */
/* One request after the other: what an answer means, and when the next one goes. */
#include "delivery.h"

#include "options.h"

#include <inttypes.h>
#include <stdio.h>

#define LEAVING_MS 200u /* between tries while the server stops */

static const struct options *options_of(const struct deliver *d)
{
    return d->self->config;
}

static void count_delivery(struct deliver *d, enum counter_delivery outcome)
{
    chatd_metric_add(d->self, d->counters->deliveries, (int)outcome, 1);
}

void delivery_count(struct deliver *d, enum counter_event outcome, uint64_t n)
{
    chatd_metric_add(d->self, d->counters->events, (int)outcome, (int64_t)n);
}

void delivery_show_queue(struct deliver *d)
{
    chatd_metric_set(d->self, d->counters->queue, 0, (int64_t)d->queue.n_events);
}

void delivery_keep_all(struct deliver *d)
{
    struct batch *b;

    for (b = TAILQ_FIRST(&d->queue.batches); b != NULL; b = TAILQ_NEXT(b, link)) {
        if (b->is_sealed)
            keep_put(&d->keep, b);
    }
}

bool delivery_is_failing(const struct deliver *d)
{
    return d->attempts > 0;
}

/* --- repetition ------------------------------------------------------------------------------- */

static void on_retry(chatd_plugin *self, void *arg)
{
    struct deliver *d = arg;

    (void)self;
    d->is_waiting = false;
    delivery_go_on(d);
}

/* Twice as long each time, and between half of it and all of it, so that many workers do not come back at once. */
static uint32_t pause_ms(struct deliver *d, int64_t asked_ms)
{
    const struct options *options = options_of(d);
    int64_t ms = options->retry_min_ms;
    uint32_t random, i;

    for (i = 1; i < d->attempts && ms < options->retry_max_ms; i++)
        ms *= 2;
    ms = ms < options->retry_max_ms ? ms : options->retry_max_ms;
    chatd_random(d->self, &random, sizeof(random));
    ms = ms / 2 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
    if (asked_ms > ms)
        ms = asked_ms < options->retry_max_ms ? asked_ms : options->retry_max_ms;
    return (uint32_t)ms;
}

static uint32_t retry_later(struct deliver *d, int64_t asked_ms)
{
    uint32_t ms = d->is_leaving ? LEAVING_MS : pause_ms(d, asked_ms);

    chatd_timer_cancel(d->self, d->retry);
    d->is_waiting = d->is_ending || /* for good */
                    chatd_timer_start(d->self, ms, 0, on_retry, d, &d->retry) == CHATD_OK;
    return ms;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void remove_batch(struct deliver *d, struct batch *b, enum counter_event outcome)
{
    delivery_count(d, outcome, b->n);
    keep_forget(&d->keep, b);
    queue_remove(&d->queue, b);
    delivery_show_queue(d);
}

static void has_room_again(struct deliver *d)
{
    if (d->overflowed == 0 || d->queue.n_events > (uint64_t)options_of(d)->queue_max / 2)
        return;
    chatd_log(d->self, CHATD_LOG_INFO,
              "there is room for events again; %" PRIu64 " were dropped meanwhile", d->overflowed);
    d->overflowed = 0;
}

static void delivered(struct deliver *d, struct batch *b)
{
    count_delivery(d, DELIVERY_DONE);
    remove_batch(d, b, EVENT_SENT);
    if (delivery_is_failing(d) && queue_open(&d->queue) != NULL) {
        d->attempts = 0; /* first: what is open was given longer to fill up */
        deliver_seal_later(d);
    }
    d->attempts = d->refusals = 0;
    health_good(d->health, HEALTH_EVENTS);
}

/* The receiver says that it will never take this one. It is told once, until it takes one again. */
static void refused(struct deliver *d, struct batch *b, int status)
{
    count_delivery(d, DELIVERY_REFUSED);
    if (d->refusals++ == 0)
        chatd_log(d->self, CHATD_LOG_ERROR,
                  "events_url (%s) answers %d to delivery %s: its %" PRIu32 " events are dropped",
                  d->to.where, status, b->id, b->n);
    health_set(d->health, HEALTH_EVENTS, CHATD_DEGRADED,
               "events_url (%s) refuses deliveries with %d: their events are dropped", d->to.where,
               status);
    remove_batch(d, b, EVENT_REFUSED);
    d->attempts = 0;
}

static bool is_too_old(const struct deliver *d, const struct batch *b)
{
    return chatd_mono_ms(d->self) - b->tried_ms > options_of(d)->give_up_ms;
}

static void failed(struct deliver *d, struct batch *b, const char *why, int64_t asked_ms)
{
    uint32_t ms;

    count_delivery(d, DELIVERY_FAILED);
    d->attempts++;
    if (is_too_old(d, b)) {
        chatd_log(d->self, CHATD_LOG_ERROR,
                  "events_url (%s): delivery %s has failed for too long (give_up): its %" PRIu32
                  " events are dropped",
                  d->to.where, b->id, b->n);
        remove_batch(d, b, EVENT_GIVEN_UP);
    }
    if (!d->is_ending)
        delivery_keep_all(d);
    ms = retry_later(d, asked_ms);
    health_set(d->health, HEALTH_EVENTS, CHATD_DEGRADED,
               "events_url (%s): %s; %" PRIu64 " events wait, %s, the next try is in %u ms",
               d->to.where, why, d->queue.n_events,
               d->keep.kv != NULL ? "those in full batches also in chatd.kv" : "in memory alone",
               ms);
}

static void on_answer(chatd_plugin *self, const struct web_answer *answer, void *arg)
{
    struct deliver *d = arg;
    struct batch *b = d->batch;
    int status = answer->status;
    char why[128];

    chatd_metric_observe(self, d->counters->delivery_seconds, 0, answer->seconds);
    d->request = NULL;
    d->batch = NULL;
    if (status / 100 == 2) {
        delivered(d, b);
    } else if (status == 400 || status == 413 || status == 422) {
        refused(d, b, status);
    } else {
        snprintf(why, sizeof(why), "it answers %d%s", status,
                 status / 100 == 3 ? ", and redirects are not followed: write where it leads to"
                                   : "");
        failed(d, b, status != 0 ? why : answer->why, answer->retry_after_ms);
    }
    has_room_again(d);
    delivery_go_on(d);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void send_batch(struct deliver *d, struct batch *b)
{
    const struct web_post post = {.to = &d->to,
                                  .body = text_str(&b->body),
                                  .id = b->id,
                                  .timeout_ms = (uint32_t)options_of(d)->timeout_ms,
                                  .is_status_enough = true,
                                  .done = on_answer,
                                  .arg = d};

    if (b->tried_ms == 0)
        b->tried_ms = chatd_mono_ms(d->self);
    if (!endpoint_is_known(&d->to)) {
        failed(d, b, d->to.why, 0);
        return;
    }
    d->request = web_post(d->web, &post);
    if (d->request != NULL)
        d->batch = b;
    else
        failed(d, b, "there is no memory for a request", 0);
}

void delivery_go_on(struct deliver *d)
{
    struct batch *first = queue_first(&d->queue);

    if (first != NULL && first->is_sealed && d->request == NULL && !d->is_waiting)
        send_batch(d, first);
}
