/* SPDX-License-Identifier: MIT */
/* One SCAN of chat_history:* at start; step by step, for it walks over all keys. */
#include "seed.h"

#include "text.h"

#include <chatd/log.h>
#include <chatd/svc/kv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_STEP "500" /* keys of a step */

static void step(struct seed *seed);

void seed_init(struct seed *seed, chatd_plugin *self, struct queue *queue,
               const struct chatd_service *kv)
{
    *seed = (struct seed){.self = self, .queue = queue, .kv = kv, .cursor = "0"};
}

static void finish(struct seed *seed)
{
    seed->done = true;
    if (seed->rooms > 0)
        chatd_log(seed->self, CHATD_LOG_DEBUG, "%u rooms were found in Redis", seed->rooms);
}

static void on_timer(chatd_plugin *self, void *arg)
{
    (void)self;
    step(arg);
}

/* The next step when all of this one are entered. */
static void go_on(struct seed *seed)
{
    if (seed->pending > 0 || seed->done)
        return;
    if (strcmp(seed->cursor, "0") == 0 || seed->rooms >= SEED_ROOMS_MAX)
        finish(seed);
    else
        chatd_timer_start(seed->self, SEED_PAUSE_MS, 0, on_timer, seed, &seed->timer);
}

static void on_put(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct seed *seed = arg;

    (void)self, (void)reply;
    seed->pending--;
    if (err == CHATD_E_CANCELLED)
        seed->done = true;
    go_on(seed);
}

static void enter(struct seed *seed, chatd_str key)
{
    chatd_str room;

    if (!text_room_of_list(key, &room) || seed->rooms >= SEED_ROOMS_MAX)
        return;
    seed->rooms++;
    if (chatd_kv_put_absent(seed->self, seed->kv, CHATD_STR("rooms"), room, CHATD_STR("1"), 0,
                            on_put, seed) == CHATD_OK)
        seed->pending++;
}

struct scan {
    struct request request;
    struct seed *seed;
};

static void scan_answer(struct request *request, int err, redisReply *reply)
{
    struct seed *seed = ((struct scan *)request)->seed;

    if (err != CHATD_OK || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_ARRAY) {
        finish(seed); /* refused: the rooms are entered when somebody writes there */
        return;
    }
    snprintf(seed->cursor, sizeof(seed->cursor), "%s", reply->element[0]->str);
    for (size_t i = 0; i < reply->element[1]->elements; i++) {
        const redisReply *key = reply->element[1]->element[i];

        if (key->type == REDIS_REPLY_STRING)
            enter(seed, (chatd_str){key->str, key->len});
    }
    go_on(seed);
}

static void scan_destroy(struct request *request)
{
    free(request);
}

static void step(struct seed *seed)
{
    static const struct request_class class = {.answer = scan_answer, .destroy = scan_destroy};
    const chatd_str argv[] = {CHATD_STR("SCAN"),  {seed->cursor, strlen(seed->cursor)},
                              CHATD_STR("MATCH"), CHATD_STR("chat_history:*"),
                              CHATD_STR("COUNT"), CHATD_STR(SEED_STEP)};
    struct scan *scan = request_new(sizeof(*scan), &class, SCRIPT_NONE, 0, 6, argv);

    if (scan == NULL)
        return;
    scan->request.patient = true;
    scan->request.repeats = true;
    scan->seed = seed;
    queue_submit(seed->queue, &scan->request);
}

void seed_start(struct seed *seed)
{
    if (seed->begun || seed->kv == NULL)
        return;
    seed->begun = true;
    step(seed);
}
