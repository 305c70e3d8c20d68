/* SPDX-License-Identifier: MIT */
/* The list of batches, and how a body is put together. */
#include "queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below what chatd.kv takes as a value, so that a batch of more than one event can be kept there. */
#define BATCH_BYTES 60000u

void queue_init(struct queue *q, const char *life)
{
    *q = (struct queue){0};
    TAILQ_INIT(&q->batches);
    snprintf(q->life, sizeof(q->life), "%s", life);
}

void queue_deinit(struct queue *q)
{
    struct batch *b, *next;

    for (b = TAILQ_FIRST(&q->batches); b != NULL; b = next) {
        next = TAILQ_NEXT(b, link);
        queue_remove(q, b);
    }
}

bool queue_has_room(const struct queue *q, const struct queue_limits *limits, uint64_t events,
                    size_t bytes)
{
    return q->n_events + events <= (uint64_t)limits->events_max &&
           q->bytes + bytes <= (size_t)limits->bytes_max;
}

struct batch *queue_first(const struct queue *q)
{
    return TAILQ_FIRST(&q->batches);
}

struct batch *queue_open(const struct queue *q)
{
    struct batch *last = TAILQ_LAST(&q->batches, batches);

    return last != NULL && !last->is_sealed ? last : NULL;
}

struct batch *queue_find(const struct queue *q, chatd_str id)
{
    struct batch *b;

    for (b = TAILQ_FIRST(&q->batches); b != NULL; b = TAILQ_NEXT(b, link)) {
        if (strlen(b->id) == id.n && memcmp(b->id, id.p, id.n) == 0)
            break;
    }
    return b;
}

/* --- bodies ----------------------------------------------------------------------------------- */

#define TAIL_BYTES 2u /* "]}": a body is whole at any time, and its end moves */

static struct batch *open_one(struct queue *q)
{
    struct batch *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    snprintf(b->id, sizeof(b->id), "%s.%08" PRIx32, q->life, ++q->numbered);
    text_puts(&b->body, "{\"delivery\":\"");
    text_puts(&b->body, b->id);
    text_puts(&b->body, "\",\"events\":[]}");
    if (b->body.has_failed) {
        batch_free(b);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&q->batches, b, link);
    q->bytes += b->body.n;
    return b;
}

/* An event that would make it too large for chatd.kv begins another one. */
static struct batch *batch_for(struct queue *q, size_t bytes)
{
    struct batch *b = queue_open(q);

    if (b != NULL && b->n > 0 && b->body.n + bytes > BATCH_BYTES) {
        b->is_sealed = true;
        b = NULL;
    }
    return b != NULL ? b : open_one(q);
}

static bool append(struct text *body, bool is_first, chatd_str event)
{
    size_t before = body->n;

    body->n -= TAIL_BYTES;
    text_puts(body, is_first ? "" : ",");
    text_add(body, event.p, event.n);
    text_puts(body, "]}");
    if (!body->has_failed)
        return true;
    body->has_failed = false;
    body->n = before - TAIL_BYTES;
    text_puts(body, "]}"); /* for which there was room before */
    return false;
}

struct batch *queue_add(struct queue *q, const struct queue_limits *limits, chatd_str event)
{
    struct batch *b = batch_for(q, event.n);
    size_t before = b != NULL ? b->body.n : 0;

    if (b == NULL || !append(&b->body, b->n == 0, event)) {
        if (b != NULL && b->n == 0)
            queue_remove(q, b);
        return NULL;
    }
    q->bytes += b->body.n - before;
    q->n_events++;
    b->is_sealed = ++b->n >= (uint64_t)limits->batch_max || b->body.n > BATCH_BYTES;
    return b;
}

/* --- batches of others ------------------------------------------------------------------------ */

struct batch *batch_new(chatd_str id, chatd_str body, uint32_t n)
{
    struct batch *b = id.n < BATCH_ID_BYTES ? calloc(1, sizeof(*b)) : NULL;

    if (b == NULL)
        return NULL;
    memcpy(b->id, id.p, id.n);
    text_add(&b->body, body.p, body.n);
    b->n = n;
    b->is_sealed = true;
    if (!b->body.has_failed)
        return b;
    batch_free(b);
    return NULL;
}

void queue_take(struct queue *q, struct batch *batch)
{
    struct batch *at;

    for (at = TAILQ_FIRST(&q->batches); at != NULL; at = TAILQ_NEXT(at, link)) {
        bool is_same_life = strncmp(at->id, batch->id, BATCH_LIFE_BYTES - 1) == 0;

        if (!at->is_sealed || (is_same_life && strcmp(at->id, batch->id) > 0))
            break;
    }
    if (at != NULL)
        TAILQ_INSERT_BEFORE(at, batch, link);
    else
        TAILQ_INSERT_TAIL(&q->batches, batch, link);
    q->n_events += batch->n;
    q->bytes += batch->body.n;
}

void batch_free(struct batch *b)
{
    text_free(&b->body);
    free(b);
}

void queue_remove(struct queue *q, struct batch *b)
{
    TAILQ_REMOVE(&q->batches, b, link);
    q->n_events -= b->n;
    q->bytes -= b->body.n;
    batch_free(b);
}
