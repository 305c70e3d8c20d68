/* SPDX-License-Identifier: MIT */
/* Runs a list of operations as one transaction: the group commit. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime */
#endif
#include "commit.h"

#include <stdio.h>
#include <time.h>

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void failure_note(struct commit_result *result, const struct store *store)
{
    if (result->failure[0] == '\0')
        snprintf(result->failure, sizeof(result->failure), "%s", store_failure(store));
}

enum run { RUN_DONE, RUN_LOST, RUN_SPOILT };

/* RUN_LOST: the storage gave the transaction up. RUN_SPOILT: without a fence, what the operation has
 * left cannot be undone for itself alone. */
static enum run run_one(struct store *store, struct op *op, struct commit_result *result,
                        bool fenced)
{
    int64_t before = store_changes(store);

    if (op->class->writes && fenced && store_fence_begin(store) != CHATD_OK)
        return RUN_LOST;
    op->err = op->class->run(op, store);
    if (op->err == CHATD_E_BACKEND) {
        result->flawed = true;
        failure_note(result, store);
    }
    if (!op->class->writes)
        return RUN_DONE;
    if (fenced)
        return store_fence_end(store, op->err) == CHATD_OK ? RUN_DONE : RUN_LOST;
    return op->err == CHATD_E_BACKEND || (op->err < 0 && store_changes(store) != before)
               ? RUN_SPOILT
               : RUN_DONE;
}

static enum run run_all(struct store *store, struct op_list *ops, struct commit_result *result,
                        bool fenced)
{
    struct op *op;
    uint32_t writers = 0, broken = 0;

    if (store_begin(store, result->wrote) != CHATD_OK)
        return RUN_LOST;
    for (op = TAILQ_FIRST(ops); op != NULL; op = TAILQ_NEXT(op, link)) {
        enum run run = run_one(store, op, result, fenced);

        if (run != RUN_DONE) {
            store_rollback(store);
            return run;
        }
        writers += op->class->writes;
        broken += op->class->writes && op->err == CHATD_E_BACKEND;
    }
    if (writers > 0 && broken == writers) {
        store_rollback(store);
        return RUN_LOST;
    }
    return store_commit(store) == CHATD_OK ? RUN_DONE : RUN_LOST;
}

/* A savepoint for each operation costs more than running all of them again in the rare case. */
static bool run_batch(struct store *store, struct op_list *ops, struct commit_result *result)
{
    enum run run = run_all(store, ops, result, false);

    if (run == RUN_SPOILT) {
        result->flawed = false;
        result->failure[0] = '\0';
        run = run_all(store, ops, result, true);
    }
    return run == RUN_DONE;
}

/* What only reads may have seen writes that are undone now. A disk that is full still reads. */
static void run_failed(struct store *store, struct op_list *ops)
{
    struct op *op;
    int err = store_begin(store, false);

    for (op = TAILQ_FIRST(ops); op != NULL; op = TAILQ_NEXT(op, link))
        op->err =
            err == CHATD_OK && !op->class->writes ? op->class->run(op, store) : CHATD_E_BACKEND;
    if (err == CHATD_OK)
        store_rollback(store);
}

void commit_run(struct store *store, struct op_list *ops, struct commit_result *result)
{
    double start = seconds_now();
    struct op *op;
    bool kept = false;

    *result = (struct commit_result){0};
    for (op = TAILQ_FIRST(ops); op != NULL; op = TAILQ_NEXT(op, link)) {
        result->ops++;
        result->wrote = result->wrote || op->class->writes;
        kept = kept || (op->class->writes && !op->class->trial);
    }
    result->trial = result->wrote && !kept;
    if (!run_batch(store, ops, result)) {
        failure_note(result, store);
        result->failed = true;
        run_failed(store, ops);
    }
    result->seconds = seconds_now() - start;
}
