/* SPDX-License-Identifier: MIT */
/* Batches in chatd.kv, and the leases that say whose they are. */
#include "keep.h"

#include "options.h"
#include "webhook.h"

#include <chatd/svc/kv.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS       CHATD_STR("webhook")
#define NS_LEASE CHATD_STR("webhook-lease")

#define PAGE 16u /* entries read at once: up to 1 MiB */

/* A put under way. The batch may end before it. */
struct keeping {
    struct batch *batch; /* NULL: it is not wanted any more */
    char key[KEEP_KEY_BYTES];
};

static chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static chatd_str life_of(const char *id)
{
    return (chatd_str){id, BATCH_LIFE_BYTES - 1};
}

static struct keep *keep_of(chatd_plugin *self)
{
    return &((struct webhook *)self->data)->deliver.keep;
}

static int64_t lease_ms(const struct keep *keep)
{
    return ((const struct options *)keep->self->config)->lease_ms;
}

/* --- leases ----------------------------------------------------------------------------------- */

static bool is_own(const struct keep *keep, chatd_str life)
{
    return memcmp(life.p, keep->queue->life, BATCH_LIFE_BYTES - 1) == 0;
}

static void renew(struct keep *keep, chatd_str life)
{
    keep->has_lease = keep->has_lease || is_own(keep, life);
    chatd_kv_put(keep->self, keep->kv, NS_LEASE, life, str(keep->queue->life), lease_ms(keep), NULL,
                 NULL);
}

/* Calls `fn` for each life of which something is kept; batches of one life mostly follow each other. */
static void each_life(struct keep *keep, void (*fn)(struct keep *keep, chatd_str life))
{
    const struct batch *b;
    char last[BATCH_LIFE_BYTES] = "";

    for (b = TAILQ_FIRST(&keep->queue->batches); b != NULL; b = TAILQ_NEXT(b, link)) {
        if (b->kept == KEPT_NOT || strncmp(last, b->id, sizeof(last) - 1) == 0)
            continue;
        memcpy(last, b->id, sizeof(last) - 1);
        fn(keep, life_of(b->id));
    }
}

static void on_renew(chatd_plugin *self, void *arg)
{
    struct keep *keep = arg;

    (void)self;
    keep->has_lease = false;
    if (!keep->is_leaving)
        each_life(keep, renew);
}

static void give_back(struct keep *keep, chatd_str life)
{
    chatd_kv_del(keep->self, keep->kv, NS_LEASE, life, NULL, NULL);
}

void keep_leave(struct keep *keep)
{
    if (keep->kv != NULL)
        each_life(keep, give_back);
    keep->is_leaving = true;
}

/* --- putting and forgetting ------------------------------------------------------------------- */

static void complain(struct keep *keep, int err)
{
    if (!keep->has_complained && err != CHATD_E_CANCELLED && err != CHATD_E_STATE)
        chatd_log(keep->self, CHATD_LOG_WARN,
                  "chatd.kv does not keep the events that wait (%d): they end with this worker",
                  err);
    keep->has_complained = true;
}

static void drop_entry(struct keep *keep, const char *key)
{
    chatd_kv_del(keep->self, keep->kv, NS, str(key), NULL, NULL);
}

static void on_put(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct keep *keep = keep_of(self);
    struct keeping *k = arg;

    (void)reply;
    if (err == CHATD_OK)
        keep->has_complained = false;
    else
        complain(keep, err);
    if (k->batch != NULL) {
        /* Whether it is there is unknown after these two. */
        bool is_maybe = err == CHATD_E_TIMEOUT || err == CHATD_E_CANCELLED;

        k->batch->keeping = NULL;
        k->batch->kept = err == CHATD_OK ? KEPT_YES : is_maybe ? KEPT_MAYBE : KEPT_NOT;
    } else if (err != CHATD_E_CANCELLED) {
        drop_entry(keep, k->key);
    }
    free(k);
}

static void key_of(const struct batch *batch, char key[KEEP_KEY_BYTES])
{
    snprintf(key, KEEP_KEY_BYTES, "%s.%" PRIu32, batch->id, batch->n);
}

void keep_put(struct keep *keep, struct batch *batch)
{
    bool is_due = batch->kept == KEPT_NOT || (batch->kept == KEPT_MAYBE && batch->keeping == NULL);
    struct keeping *k;
    int err;

    if (keep->kv == NULL || !is_due || batch->body.n > CHATD_KV_VALUE_MAX)
        return;
    if (!keep->has_lease && !keep->is_leaving)
        renew(keep, str(keep->queue->life));
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        return;
    k->batch = batch;
    key_of(batch, k->key);
    err = chatd_kv_put(keep->self, keep->kv, NS, str(k->key), text_str(&batch->body), 0, on_put, k);
    if (err == CHATD_OK) {
        batch->keeping = k;
        batch->kept = KEPT_ASKED;
    } else {
        complain(keep, err);
        free(k);
    }
}

void keep_forget(struct keep *keep, struct batch *batch)
{
    char key[KEEP_KEY_BYTES];

    if (batch->keeping != NULL) { /* the entry ends when it is known to be there */
        batch->keeping->batch = NULL;
        batch->keeping = NULL;
    } else if (batch->kept != KEPT_NOT) {
        key_of(batch, key);
        drop_entry(keep, key);
    }
    batch->kept = KEPT_NOT;
}

/* --- taking over ------------------------------------------------------------------------------ */

static void scan(struct keep *keep);

static void round_over(struct keep *keep)
{
    uint32_t found = keep->found;

    if (keep->is_scanning || keep->asking > 0)
        return;
    keep->found = 0;
    if (found > 0)
        keep->taken(keep->self, found);
}

/* The lease is this worker's now, or was since another batch of that life. */
static bool is_mine(const struct keep *keep, int err, const struct chatd_kv_reply *reply)
{
    const char *life = keep->queue->life;

    return err == CHATD_OK || (err == CHATD_E_EXISTS && reply->value.n == strlen(life) &&
                               memcmp(reply->value.p, life, reply->value.n) == 0);
}

static void on_lease(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct keep *keep = keep_of(self);
    struct batch *batch = arg;

    keep->asking--;
    if (is_mine(keep, err, reply) && !keep->is_leaving &&
        queue_find(keep->queue, str(batch->id)) == NULL) {
        batch->kept = KEPT_YES;
        keep->found += batch->n;
        queue_take(keep->queue, batch);
    } else {
        batch_free(batch);
    }
    round_over(keep);
}

/* "LIFE.NUMBER.EVENTS": the number of events; 0: it is something else. */
static uint32_t events_of(chatd_str key)
{
    size_t at = BATCH_ID_BYTES, i;
    uint32_t n = 0;

    if (key.n <= at || key.n >= KEEP_KEY_BYTES || key.p[BATCH_LIFE_BYTES - 1] != '.' ||
        key.p[at - 1] != '.')
        return 0;
    for (i = at; i < key.n && n < 1000000; i++) {
        if (key.p[i] < '0' || key.p[i] > '9')
            return 0;
        n = n * 10 + (uint32_t)(key.p[i] - '0');
    }
    return n;
}

static void consider(struct keep *keep, const struct chatd_kv_item *item)
{
    uint32_t n = events_of(item->key);
    chatd_str id = {item->key.p, BATCH_ID_BYTES - 1};
    struct batch *batch;

    if (n == 0 || is_own(keep, id) || queue_find(keep->queue, id) != NULL ||
        !queue_has_room(keep->queue, keep->limits, n, item->value.n))
        return;
    batch = batch_new(id, item->value, n);
    if (batch == NULL)
        return;
    if (chatd_kv_put_absent(keep->self, keep->kv, NS_LEASE, life_of(batch->id),
                            str(keep->queue->life), lease_ms(keep), on_lease, batch) == CHATD_OK)
        keep->asking++;
    else
        batch_free(batch);
}

static void on_page(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    struct keep *keep = keep_of(self);
    uint32_t i;

    (void)arg;
    keep->is_scanning = false;
    for (i = 0; err == CHATD_OK && i < page->n && !keep->is_leaving; i++) {
        const void *at = (const char *)page->items + (size_t)i * page->stride;

        consider(keep, at);
    }
    keep->cursor_n = 0;
    if (err == CHATD_OK && page->more && page->cursor.n < sizeof(keep->cursor)) {
        memcpy(keep->cursor, page->cursor.p, page->cursor.n);
        keep->cursor_n = page->cursor.n;
        scan(keep);
    }
    round_over(keep);
}

static void scan(struct keep *keep)
{
    chatd_str cursor = {keep->cursor, keep->cursor_n};

    if (keep->is_scanning || keep->is_leaving)
        return;
    keep->is_scanning =
        chatd_kv_scan(keep->self, keep->kv, NS, cursor, PAGE, on_page, NULL) == CHATD_OK;
}

static void on_scan(chatd_plugin *self, void *arg)
{
    (void)self;
    scan(arg);
}

void keep_start(struct keep *keep, chatd_plugin *self, struct queue *queue,
                const struct queue_limits *limits,
                void (*taken)(chatd_plugin *self, uint32_t events))
{
    uint32_t every_ms;

    *keep = (struct keep){.self = self, .queue = queue, .limits = limits, .taken = taken};
    keep->kv = chatd_service(self, CHATD_KV_SERVICE);
    if (keep->kv == NULL) {
        chatd_log(self, CHATD_LOG_INFO,
                  "no chatd.kv: events that wait are lost when their worker ends");
        return;
    }
    every_ms = (uint32_t)lease_ms(keep);
    chatd_timer_start(self, every_ms / 4, every_ms / 4, on_renew, keep, NULL);
    chatd_timer_start(self, 0, every_ms / 2, on_scan, keep, NULL);
}
