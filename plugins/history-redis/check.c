/* SPDX-License-Identifier: MIT */
/* Asks Redis where the rooms stand. */
#include "check.h"

#include <chatd/metric.h>
#include <stdlib.h>
#include <string.h>

struct question {
    struct request request;
    struct check *check;
    size_t room_n;
    char room[TEXT_NAME_MAX];
};

enum { SEQ, EPOCH, RUN, LENGTH, ANSWERS };

static void ask_on(struct check *check);

static chatd_str str_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (chatd_str){reply->str, reply->len} : CHATD_STR("");
}

/* A room without a hash has no messages, or what it had was deleted: a page tells. The same where
 * another server answers, since the next page will begin a new epoch. */
static void take(struct question *question, const redisReply *reply)
{
    struct check *check = question->check;
    chatd_str room = {question->room, question->room_n};
    uint64_t seq, n;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < LENGTH)
        return;
    chatd_str run = str_of(reply->element[RUN]);
    bool is_told = text_number(str_of(reply->element[SEQ]), &seq) &&
                   strlen(check->queue->run_id) == run.n &&
                   memcmp(check->queue->run_id, run.p, run.n) == 0;

    subs_stands_at(check->subs, room, is_told ? str_of(reply->element[EPOCH]) : CHATD_STR(""),
                   is_told ? seq : 0);
    if (is_told && reply->elements == ANSWERS && text_number(str_of(reply->element[LENGTH]), &n) &&
        n <= seq)
        subs_forgotten(check->subs, room, str_of(reply->element[EPOCH]), seq - n + 1);
}

static void question_answer(struct request *request, int err, redisReply *reply)
{
    struct question *question = (struct question *)request;

    question->check->pending--;
    if (err == CHATD_OK)
        take(question, reply);
    if (err != CHATD_E_CANCELLED)
        ask_on(question->check);
}

static void question_destroy(struct request *request)
{
    free(request);
}

static bool ask(struct check *check, chatd_str room)
{
    static const struct request_class class = {.answer = question_answer,
                                               .destroy = question_destroy};
    struct text list, meta;
    const chatd_str plain[] = {CHATD_STR("HMGET"), text_meta(&meta, room), CHATD_STR("seq"),
                               CHATD_STR("epoch"), CHATD_STR("run")};
    const chatd_str keys[] = {text_list(&list, room), plain[1]};
    struct question *question =
        check->with_first ? request_new(sizeof(*question), &class, SCRIPT_STAND, 2, 2, keys)
                          : request_new(sizeof(*question), &class, SCRIPT_NONE, 0, 5, plain);

    if (question == NULL)
        return false;
    question->request.repeats = true;
    question->request.patient = true;
    question->check = check;
    question->room_n = room.n;
    memcpy(question->room, room.p, room.n);
    check->pending++;
    if (queue_submit(check->queue, &question->request) == CHATD_OK)
        return true;
    check->pending--;
    return false;
}

static void on_settled(chatd_plugin *self, void *arg)
{
    struct check *check = arg;
    uint32_t rooms;

    check->settle.v = 0;
    rooms = subs_catch_up(check->subs);
    if (rooms > 0)
        chatd_metric_add(self, check->missed, 0, rooms);
}

/* The next batch when all of this one are answered; at the end, time for what is on its way. */
static void ask_on(struct check *check)
{
    chatd_str room;
    uint32_t n;

    if (!check->walking || check->pending > 0)
        return;
    for (n = 0; n < CHECK_BATCH && subs_check_next(check->subs, &room); n++)
        if (!ask(check, room))
            break;
    if (check->pending > 0)
        return;
    check->walking = false;
    if (check->settle.v == 0)
        chatd_timer_start(check->self, CHECK_SETTLE_MS, 0, on_settled, check, &check->settle);
}

/* While Redis is away the questions of one walk wait for it, and there is no second one. */
static void on_timer(chatd_plugin *self, void *arg)
{
    struct check *check = arg;

    (void)self;
    if (check->walking)
        return;
    check->walking = true;
    subs_check_begin(check->subs);
    ask_on(check);
}

int check_start(struct check *check, chatd_plugin *self, struct queue *queue, struct subs *subs,
                uint32_t interval_ms, bool with_first, int missed)
{
    *check = (struct check){
        .self = self, .queue = queue, .subs = subs, .with_first = with_first, .missed = missed};
    return chatd_timer_start(self, interval_ms, interval_ms, on_timer, check, &check->timer);
}
