/* SPDX-License-Identifier: MIT */
/* Walks over the rooms and has old records deleted. */
#include "retention.h"

#include "text.h"

#include <chatd/log.h>
#include <chatd/metric.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK "chatd:retention"

/* A request of the walk, with the room it is about, if any. */
struct ask {
    struct request request;
    struct retention *retention;
    size_t room_n;
    char room[TEXT_NAME_MAX];
};

static void step(struct retention *retention);

static void ask_destroy(struct request *request)
{
    free(request);
}

/* False: no memory, or the server stops. */
static bool submit(struct retention *retention, const struct request_class *class,
                   enum script script, int keys, int argc, const chatd_str *argv, chatd_str room)
{
    struct ask *ask = request_new(sizeof(*ask), class, script, keys, argc, argv);

    if (ask == NULL)
        return false;
    ask->request.repeats = true;
    ask->request.patient = true;
    ask->retention = retention;
    ask->room_n = room.n;
    if (room.n > 0)
        memcpy(ask->room, room.p, room.n);
    return queue_submit(retention->queue, &ask->request) == CHATD_OK;
}

/* --- a room ------------------------------------------------------------------------------------ */

static void on_pause(chatd_plugin *self, void *arg)
{
    (void)self;
    step(arg);
}

/* The next step when all rooms of this one are done. */
static void go_on(struct retention *retention)
{
    if (retention->pending > 0 || !retention->walking)
        return;
    if (strcmp(retention->cursor, "0") == 0 ||
        chatd_timer_start(retention->self, RETENTION_PAUSE_MS, 0, on_pause, retention,
                          &retention->pause) < 0)
        retention->walking = false;
}

static void forget(struct retention *retention, chatd_str room);

static void forget_answer(struct request *request, int err, redisReply *reply)
{
    struct ask *ask = (struct ask *)request;
    struct retention *retention = ask->retention;

    retention->pending--;
    if (err == CHATD_E_CANCELLED) {
        retention->walking = false;
    } else if (err == CHATD_OK && reply->type == REDIS_REPLY_INTEGER) {
        chatd_metric_add(retention->self, retention->expired, 0, reply->integer);
        if (reply->integer > 0) /* there may be more */
            forget(retention, (chatd_str){ask->room, ask->room_n});
    }
    go_on(retention);
}

static void forget(struct retention *retention, chatd_str room)
{
    static const struct request_class class = {.answer = forget_answer, .destroy = ask_destroy};
    struct text list, meta;
    char before[24], age[24], most[12], bytes[12];
    int before_n = snprintf(before, sizeof(before), "%" PRId64, retention->before_ms);
    int age_n = snprintf(age, sizeof(age), "%" PRId64, retention->age_ms);
    int most_n = snprintf(most, sizeof(most), "%d", RETENTION_SLICE);
    int bytes_n = snprintf(bytes, sizeof(bytes), "%d", RETENTION_BYTES);
    const chatd_str argv[] = {text_list(&list, room),     text_meta(&meta, room),
                              {before, (size_t)before_n}, {age, (size_t)age_n},
                              {most, (size_t)most_n},     {bytes, (size_t)bytes_n}};

    if (submit(retention, &class, SCRIPT_FORGET, 2, 6, argv, room))
        retention->pending++;
}

/* --- the walk ---------------------------------------------------------------------------------- */

static void scan_answer(struct request *request, int err, redisReply *reply)
{
    struct retention *retention = ((struct ask *)request)->retention;

    if (err != CHATD_OK || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_ARRAY) {
        retention->walking = false;
        return;
    }
    snprintf(retention->cursor, sizeof(retention->cursor), "%s", reply->element[0]->str);
    for (size_t i = 0; i < reply->element[1]->elements; i++) {
        const redisReply *key = reply->element[1]->element[i];
        chatd_str room;

        if (key->type == REDIS_REPLY_STRING &&
            text_room_of_list((chatd_str){key->str, key->len}, &room))
            forget(retention, room);
    }
    go_on(retention);
}

static void step(struct retention *retention)
{
    static const struct request_class class = {.answer = scan_answer, .destroy = ask_destroy};
    const chatd_str argv[] = {CHATD_STR("SCAN"),  {retention->cursor, strlen(retention->cursor)},
                              CHATD_STR("MATCH"), CHATD_STR("chat_history:*"),
                              CHATD_STR("COUNT"), CHATD_STR(RETENTION_STEP)};

    if (!submit(retention, &class, SCRIPT_NONE, 0, 6, argv, CHATD_STR("")))
        retention->walking = false;
}

static void lock_answer(struct request *request, int err, redisReply *reply)
{
    struct retention *retention = ((struct ask *)request)->retention;

    retention->walking = err == CHATD_OK && reply->type == REDIS_REPLY_STATUS;
    if (!retention->walking)
        return; /* it is another worker's turn */
    snprintf(retention->cursor, sizeof(retention->cursor), "0");
    step(retention);
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

static void on_timer(chatd_plugin *self, void *arg)
{
    static const struct request_class class = {.answer = lock_answer, .destroy = ask_destroy};
    struct retention *retention = arg;
    char period[24];
    int n = snprintf(period, sizeof(period), "%" PRId64, retention->every_ms * 9 / 10);
    const chatd_str argv[] = {CHATD_STR("SET"), CHATD_STR(LOCK), CHATD_STR("1"),
                              CHATD_STR("NX"),  CHATD_STR("PX"), {period, (size_t)n}};

    (void)self;
    retention->before_ms = now(retention) - retention->age_ms;
    if (retention->walking)
        return;
    retention->walking = submit(retention, &class, SCRIPT_NONE, 0, 6, argv, CHATD_STR(""));
}

int retention_start(struct retention *retention, chatd_plugin *self, struct queue *queue,
                    int64_t age_ms, int expired)
{
    int64_t every_ms = age_ms / 10;

    if (every_ms > RETENTION_EVERY_MS_MAX)
        every_ms = RETENTION_EVERY_MS_MAX;
    if (every_ms < RETENTION_EVERY_MS_MIN)
        every_ms = RETENTION_EVERY_MS_MIN;
    *retention = (struct retention){
        .self = self, .queue = queue, .age_ms = age_ms, .every_ms = every_ms, .expired = expired};
    clock_init(&retention->clock, age_ms);
    if (age_ms > 0)
        chatd_log(self, CHATD_LOG_INFO,
                  "messages older than %" PRId64 " s are deleted (history_age)", age_ms / 1000);
    return age_ms == 0 ? CHATD_OK
                       : chatd_timer_start(self, (uint32_t)every_ms, (uint32_t)every_ms, on_timer,
                                           retention, &retention->timer);
}
