/* SPDX-License-Identifier: MIT */
/* The queue between the loop and the io thread: jobs, answers, deadlines. */
#include "batch.h"

#include <string.h>

#define BATCH_RETRY_MS 20u /* the core's job queue is full */

static void kick(struct batch *batch);

void batch_init(struct batch *batch, const struct batch_options *options)
{
    *batch = (struct batch){.options = *options};
    TAILQ_INIT(&batch->queued);
    TAILQ_INIT(&batch->running);
}

static void answer(struct op *op, int err)
{
    if (op->answered)
        return;
    op->answered = true;
    op->class->answer(op, err);
}

static void destroy(struct batch *batch, struct op_list *list, struct op *op)
{
    TAILQ_REMOVE(list, op, link);
    batch->pending--;
    op->class->destroy(op);
}

static void destroy_all(struct batch *batch, struct op_list *list)
{
    while (!TAILQ_EMPTY(list))
        destroy(batch, list, TAILQ_FIRST(list));
}

/* --- deadlines --------------------------------------------------------------------------------- */

static bool overdue(const struct op *op, int64_t now)
{
    return op->deadline_ms != 0 && op->deadline_ms <= now && !op->answered;
}

static void deadline_passed(chatd_plugin *self, void *arg);

/* Arms the timer for the operation that is due first. Deadlines rise along the lists. */
static void deadline_arm(struct batch *batch)
{
    chatd_plugin *self = batch->options.self;
    const struct op_list *lists[] = {&batch->running, &batch->queued};
    const struct op *op;

    if (batch->deadline.v != 0)
        return;
    for (int i = 0; i < 2; i++)
        for (op = TAILQ_FIRST(lists[i]); op != NULL; op = TAILQ_NEXT(op, link)) {
            if (op->deadline_ms == 0 || op->answered)
                continue;
            int64_t left = op->deadline_ms - chatd_mono_ms(self);

            chatd_timer_start(self, left > 0 ? (uint32_t)left : 0, 0, deadline_passed, batch,
                              &batch->deadline);
            return;
        }
}

static void deadline_passed(chatd_plugin *self, void *arg)
{
    struct batch *batch = arg;
    int64_t now = chatd_mono_ms(self);
    struct op *op, *next;
    bool stuck = false;

    batch->deadline.v = 0;
    for (op = TAILQ_FIRST(&batch->running); op != NULL; op = TAILQ_NEXT(op, link))
        if (overdue(op, now)) {
            answer(op, CHATD_E_TIMEOUT);
            stuck = true;
        }
    /* Never begun: it need not be done any more. Callbacks may only add at the end. */
    for (op = TAILQ_FIRST(&batch->queued); op != NULL; op = next) {
        if (overdue(op, now))
            answer(op, CHATD_E_TIMEOUT);
        next = TAILQ_NEXT(op, link);
        if (op->answered)
            destroy(batch, &batch->queued, op);
    }
    if (stuck)
        batch->options.stuck(batch->options.arg);
    deadline_arm(batch);
}

/* --- jobs -------------------------------------------------------------------------------------- */

static int job_run(void *arg)
{
    struct batch *batch = arg;

    commit_run(batch->store, &batch->running, &batch->result);
    return CHATD_OK;
}

static void cancel_all(struct batch *batch)
{
    struct op *op;

    batch->closed = true;
    batch->cancelled = true;
    for (op = TAILQ_FIRST(&batch->running); op != NULL; op = TAILQ_NEXT(op, link))
        answer(op, CHATD_E_CANCELLED);
    for (op = TAILQ_FIRST(&batch->queued); op != NULL; op = TAILQ_NEXT(op, link))
        answer(op, CHATD_E_CANCELLED);
    destroy_all(batch, &batch->queued);
}

static bool is_crowded(const struct op_list *ops)
{
    const struct op *op, *before = NULL;
    uint32_t n = 0, same = 0;

    for (op = TAILQ_FIRST(ops); op != NULL; op = TAILQ_NEXT(op, link)) {
        if (op->room.n == 0)
            continue;
        same += before != NULL && before->room.n == op->room.n &&
                memcmp(before->room.p, op->room.p, op->room.n) == 0;
        before = op;
        n++;
    }
    return 2 * same >= n && n > 1;
}

static void job_done(chatd_plugin *self, int rc, void *arg)
{
    struct batch *batch = arg;
    struct op *op;

    (void)self;
    batch->crowded = is_crowded(&batch->running);
    if (rc != CHATD_OK || batch->left) {
        cancel_all(batch); /* run may still be using what is in `running` */
        return;
    }
    batch->options.ended(batch->options.arg, &batch->result);
    for (op = TAILQ_FIRST(&batch->running); op != NULL; op = TAILQ_NEXT(op, link)) {
        if (op->err == CHATD_OK && op->class->settle != NULL)
            op->class->settle(op);
        answer(op, op->err);
    }
}

static void posted(chatd_plugin *self, void *arg)
{
    struct batch *batch = arg;

    (void)self;
    batch->posted = false;
    kick(batch);
}

static void waited(chatd_plugin *self, void *arg)
{
    if (chatd_post(self, posted, arg) != CHATD_OK)
        posted(self, arg);
}

/* After a job: the next one, now or in two turns of the loop. */
static void kick_next(struct batch *batch)
{
    if (batch->crowded && !TAILQ_EMPTY(&batch->queued) &&
        chatd_post(batch->options.self, waited, batch) == CHATD_OK)
        batch->posted = true;
    else
        kick(batch);
}

static void job_release(void *arg)
{
    struct batch *batch = arg;

    destroy_all(batch, &batch->running);
    batch->busy = false;
    if (!batch->left)
        kick_next(batch);
    else if (batch->options.over != NULL)
        batch->options.over(batch->options.arg);
}

static void retry(chatd_plugin *self, void *arg)
{
    struct batch *batch = arg;

    (void)self;
    batch->retry.v = 0;
    kick(batch);
}

/* Starts a job if something is queued and none is under way. */
static void kick(struct batch *batch)
{
    const struct chatd_job job = {.size = sizeof(job),
                                  .queue = CHATD_JOB_IO,
                                  .run = job_run,
                                  .done = job_done,
                                  .release = job_release,
                                  .arg = batch};
    chatd_plugin *self = batch->options.self;

    if (batch->busy || batch->cancelled || TAILQ_EMPTY(&batch->queued))
        return;
    for (uint32_t n = 0; n < batch->options.batch_max && !TAILQ_EMPTY(&batch->queued); n++) {
        struct op *op = TAILQ_FIRST(&batch->queued);

        TAILQ_REMOVE(&batch->queued, op, link);
        TAILQ_INSERT_TAIL(&batch->running, op, link);
    }
    batch->busy = true;
    int err = chatd_job(self, &job);

    if (err == CHATD_OK)
        return;
    batch->busy = false;
    TAILQ_CONCAT(&batch->running, &batch->queued, link); /* back in front of the others */
    TAILQ_CONCAT(&batch->queued, &batch->running, link);
    if (err != CHATD_E_BUSY)
        cancel_all(batch); /* the server stops */
    else if (batch->retry.v == 0)
        chatd_timer_start(self, BATCH_RETRY_MS, 0, retry, batch, &batch->retry);
}

int batch_submit(struct batch *batch, struct op *op, bool patient)
{
    chatd_plugin *self = batch->options.self;

    if (batch->closed || batch->store == NULL)
        return CHATD_E_STATE;
    if (!patient && batch->pending >= batch->options.queue_max)
        return CHATD_E_BUSY;
    /* By way of a post, the calls of one loop turn share a commit. */
    if (!batch->busy && !batch->posted && batch->retry.v == 0) {
        if (chatd_post(self, posted, batch) != CHATD_OK)
            return CHATD_E_STATE;
        batch->posted = true;
    }
    op->serial = ++batch->serial;
    op->deadline_ms = patient ? 0 : chatd_mono_ms(self) + BATCH_DEADLINE_MS;
    op->answered = false;
    op->err = CHATD_E_CANCELLED;
    TAILQ_INSERT_TAIL(&batch->queued, op, link);
    batch->pending++;
    if (!patient)
        deadline_arm(batch);
    return CHATD_OK;
}

/* The core cancels jobs before it stops the first plugin, and with the job all that waits behind it
 * is answered. Without one, such as when there was no room for it, batch_cancel() does that. */
void batch_flush(struct batch *batch)
{
    kick(batch);
}

void batch_cancel(struct batch *batch)
{
    batch->closed = true;
    if (!batch->busy)
        cancel_all(batch);
}

bool batch_deinit(struct batch *batch)
{
    struct op *op;

    batch->closed = true;
    batch->cancelled = true;
    batch->left = batch->busy;
    destroy_all(batch, &batch->queued);
    /* Whoever waits for these has stopped before its provider: nobody may be called any more. */
    for (op = TAILQ_FIRST(&batch->running); op != NULL; op = TAILQ_NEXT(op, link))
        op->answered = true;
    return !batch->busy;
}
