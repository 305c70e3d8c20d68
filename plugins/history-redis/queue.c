/* SPDX-License-Identifier: MIT */
/* The requests between the services and the link for commands. */
#include "queue.h"

#include "text.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000u

static void deadline_arm(struct queue *queue);

void queue_init(struct queue *queue, chatd_plugin *self, const struct queue_events *events,
                void *arg, uint32_t count_max, size_t bytes_max)
{
    *queue = (struct queue){
        .self = self, .events = events, .arg = arg, .count_max = count_max, .bytes_max = bytes_max};
    TAILQ_INIT(&queue->waiting);
    TAILQ_INIT(&queue->redo);
    TAILQ_INIT(&queue->flight);
}

void *request_new(size_t size, const struct request_class *class, enum script script, int keys,
                  int argc, const chatd_str *argv)
{
    size_t bytes = size;

    for (int i = 0; i < argc; i++)
        bytes += argv[i].n + 1;
    struct request *request = calloc(1, bytes);

    if (request == NULL)
        return NULL;
    request->class = class;
    request->script = script;
    request->keys = keys;
    request->argc = argc;
    request->bytes = bytes;
    char *at = (char *)request + size;

    for (int i = 0; i < argc; i++) {
        if (argv[i].n > 0)
            memcpy(at, argv[i].p, argv[i].n);
        request->argv[i] = at;
        request->argn[i] = argv[i].n;
        at += argv[i].n + 1;
    }
    return request;
}

static void answer(struct request *request, int err, redisReply *reply)
{
    if (request->answered)
        return;
    request->answered = true;
    request->class->answer(request, err, reply);
}

/* Of a request that is in no list any more. */
static void end(struct queue *queue, struct request *request)
{
    queue->count--;
    queue->bytes -= request->bytes;
    request->class->destroy(request);
}

static void move(struct request_list *from, struct request_list *to, struct request *request)
{
    TAILQ_REMOVE(from, request, link);
    TAILQ_INSERT_TAIL(to, request, link);
}

/* --- sending ----------------------------------------------------------------------------------- */

/* A script goes as EVALSHA hash, or as EVAL text while its hash is not known. */
static bool send(struct queue *queue, const struct request *request)
{
    const char *argv[QUEUE_ARGS_MAX + 3];
    size_t argn[QUEUE_ARGS_MAX + 3];
    char keys[TEXT_DIGITS];
    chatd_str n_keys;
    int argc = 0;

    if (request->script != SCRIPT_NONE) {
        const char *hash = queue->hash[request->script];
        bool as_text = request->as_text || hash[0] == '\0';

        n_keys = text_decimal(keys, request->keys);
        argv[0] = as_text ? "EVAL" : "EVALSHA";
        argv[1] = as_text ? script_text(request->script) : hash;
        argn[0] = strlen(argv[0]);
        argn[1] = strlen(argv[1]);
        argv[2] = n_keys.p;
        argn[2] = n_keys.n;
        argc = 3;
    }
    for (int i = 0; i < request->argc; i++, argc++) {
        bool is_run_id = request->run_id_at > 0 && i == request->run_id_at;

        argv[argc] = is_run_id ? queue->run_id : request->argv[i];
        argn[argc] = is_run_id ? strlen(queue->run_id) : request->argn[i];
    }
    return queue->events->send(queue->arg, argc, argv, argn);
}

static bool send_all(struct queue *queue, struct request_list *list)
{
    struct request *request;

    while ((request = TAILQ_FIRST(list)) != NULL) {
        if (!send(queue, request))
            return false;
        request->was_sent = true;
        request->sends++;
        request->unexecuted = false;
        move(list, &queue->flight, request);
    }
    return true;
}

/* What Redis did not know the script of comes before what was made later, so nothing is sent until
 * those under way are answered: who appends twice finds both in that order. */
static void pump(struct queue *queue)
{
    if (!queue->events->is_up(queue->arg) || queue->closed)
        return;
    if (!TAILQ_EMPTY(&queue->redo) &&
        (!TAILQ_EMPTY(&queue->flight) || !send_all(queue, &queue->redo)))
        return;
    send_all(queue, &queue->waiting);
}

int queue_submit(struct queue *queue, struct request *request)
{
    int err = CHATD_OK;

    if (queue->closed)
        err = CHATD_E_STATE;
    else if (request->patient)
        err = CHATD_OK;
    else if (!queue->events->is_up(queue->arg) &&
             queue->events->away_ms(queue->arg) >= QUEUE_DEADLINE_MS)
        err = CHATD_E_BACKEND;
    else if (queue->count >= queue->count_max || queue->bytes + request->bytes > queue->bytes_max)
        err = CHATD_E_BUSY;
    if (err != CHATD_OK) {
        request->class->destroy(request);
        return err;
    }
    queue->count++;
    queue->bytes += request->bytes;
    request->deadline_ms = request->patient ? 0 : chatd_mono_ms(queue->self) + QUEUE_DEADLINE_MS;
    TAILQ_INSERT_TAIL(&queue->waiting, request, link);
    pump(queue);
    if (!request->patient)
        deadline_arm(queue);
    return CHATD_OK;
}

/* --- deadlines --------------------------------------------------------------------------------- */

static void on_deadline(chatd_plugin *self, void *arg);

/* Arms the timer for the request that is due first: deadlines rise along each list. */
static void deadline_arm(struct queue *queue)
{
    const struct request_list *lists[] = {&queue->flight, &queue->redo, &queue->waiting};
    int64_t due = 0;

    if (queue->deadline.v != 0 || queue->closed)
        return;
    for (size_t i = 0; i < 3; i++) {
        const struct request *r = TAILQ_FIRST(lists[i]);

        while (r != NULL && (r->patient || r->answered))
            r = TAILQ_NEXT(r, link);
        if (r != NULL && (due == 0 || r->deadline_ms < due))
            due = r->deadline_ms;
    }
    int64_t left = due - chatd_mono_ms(queue->self);

    if (due != 0)
        chatd_timer_start(queue->self, left > 0 ? (uint32_t)left : 0, 0, on_deadline, queue,
                          &queue->deadline);
}

static bool is_due(const struct request *request, int64_t now)
{
    return !request->patient && !request->answered && request->deadline_ms <= now;
}

/* Those that wait need not be sent any more. Callbacks may only add at the end of `waiting`. */
static void expire_unsent(struct queue *queue, struct request_list *list, int64_t now)
{
    struct request *request, *next;

    for (request = TAILQ_FIRST(list); request != NULL; request = next) {
        bool due = is_due(request, now);

        if (due)
            answer(request, request->was_sent ? CHATD_E_TIMEOUT : CHATD_E_BACKEND, NULL);
        next = TAILQ_NEXT(request, link);
        if (due) {
            TAILQ_REMOVE(list, request, link);
            end(queue, request);
        }
    }
}

static void on_deadline(chatd_plugin *self, void *arg)
{
    struct queue *queue = arg;
    int64_t now = chatd_mono_ms(self);
    struct request *request;

    queue->deadline.v = 0;
    for (request = TAILQ_FIRST(&queue->flight); request != NULL;
         request = TAILQ_NEXT(request, link))
        if (is_due(request, now)) /* its reply will still come, for nobody */
            answer(request, CHATD_E_TIMEOUT, NULL);
    expire_unsent(queue, &queue->redo, now);
    expire_unsent(queue, &queue->waiting, now);
    deadline_arm(queue);
}

/* Counts seconds that this process saw, rather than trust the clock: it may have been stopped. */
static void on_tick(chatd_plugin *self, void *arg)
{
    struct queue *queue = arg;
    uint64_t moved = queue->events->moved(queue->arg);
    bool is_quiet = !TAILQ_EMPTY(&queue->flight) && moved == queue->seen;

    (void)self;
    queue->quiet_ticks = is_quiet ? queue->quiet_ticks + 1 : 0;
    queue->seen = moved;
    if (queue->quiet_ticks > QUEUE_STUCK_TICKS) {
        queue->quiet_ticks = 0;
        queue->events->drop(queue->arg, NULL);
    }
}

int queue_start(struct queue *queue)
{
    return chatd_timer_start(queue->self, TICK_MS, TICK_MS, on_tick, queue, &queue->tick);
}

/* --- replies ----------------------------------------------------------------------------------- */

static void take_error(struct queue *queue, struct request *request, redisReply *reply)
{
    const struct trouble *trouble = trouble_of(reply->str);

    if (trouble->kind == TROUBLE_NO_SCRIPT && request->script != SCRIPT_NONE && !request->as_text &&
        !request->answered) {
        request->as_text = true;
        move(&queue->flight, &queue->redo, request);
        return;
    }
    if (trouble->kind == TROUBLE_PLACE && trouble->is_unexecuted) {
        request->unexecuted = true; /* it stays first in line for the next connection */
        queue->events->drop(queue->arg, reply->str);
        return;
    }
    TAILQ_REMOVE(&queue->flight, request, link);
    int key = request->script == SCRIPT_NONE && request->argc > 1 ? 1 : 0;

    queue->events->refused(queue->arg, reply->str,
                           (chatd_str){request->argv[key], request->argn[key]});
    answer(request, CHATD_E_BACKEND, NULL);
    end(queue, request);
}

void queue_reply(struct queue *queue, redisReply *reply)
{
    struct request *request = TAILQ_FIRST(&queue->flight);

    if (request == NULL) { /* nothing was asked */
        queue->events->drop(queue->arg, reply->type == REDIS_REPLY_ERROR ? reply->str : NULL);
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        take_error(queue, request, reply);
    } else {
        TAILQ_REMOVE(&queue->flight, request, link);
        answer(request, CHATD_OK, reply);
        end(queue, request);
    }
    if (!TAILQ_EMPTY(&queue->redo))
        pump(queue);
}

/* Another server may have taken over that has not seen the scripts: their text goes with the calls until it
 * says their hashes, for a call that it does not know would have to be sent again, after later ones. */
void queue_up(struct queue *queue)
{
    memset(queue->hash, 0, sizeof(queue->hash));
    queue->quiet_ticks = 0;
    pump(queue);
}

void queue_down(struct queue *queue)
{
    struct request_list lost = TAILQ_HEAD_INITIALIZER(lost), again = TAILQ_HEAD_INITIALIZER(again);
    struct request *request;

    while ((request = TAILQ_FIRST(&queue->flight)) != NULL) {
        bool keep = !request->answered && (request->repeats || request->unexecuted);

        /* What Redis refused to do was not sent, as far as its caller is concerned. */
        if (request->unexecuted && !request->repeats)
            request->was_sent = false;
        move(&queue->flight, keep ? &again : &lost, request);
    }
    /* In the order they were made: what is to be redone came before what was still under way. */
    TAILQ_CONCAT(&queue->redo, &again, link);
    TAILQ_CONCAT(&queue->redo, &queue->waiting, link);
    TAILQ_CONCAT(&queue->waiting, &queue->redo, link);
    while ((request = TAILQ_FIRST(&lost)) != NULL) {
        answer(request, CHATD_E_TIMEOUT, NULL);
        TAILQ_REMOVE(&lost, request, link);
        end(queue, request);
    }
}

/* --- the end ----------------------------------------------------------------------------------- */

void queue_cancel(struct queue *queue)
{
    struct request_list *lists[] = {&queue->flight, &queue->redo, &queue->waiting};
    struct request *request;

    queue->closed = true;
    for (size_t i = 0; i < 3; i++)
        for (request = TAILQ_FIRST(lists[i]); request != NULL; request = TAILQ_NEXT(request, link))
            answer(request, CHATD_E_CANCELLED, NULL);
}

void queue_deinit(struct queue *queue)
{
    struct request_list *lists[] = {&queue->flight, &queue->redo, &queue->waiting};
    struct request *request;

    queue->closed = true;
    for (size_t i = 0; i < 3; i++)
        while ((request = TAILQ_FIRST(lists[i])) != NULL) {
            TAILQ_REMOVE(lists[i], request, link);
            if (request->patient) /* the plugin's own: those who wait for it are still here */
                answer(request, CHATD_E_CANCELLED, NULL);
            end(queue, request);
        }
}
