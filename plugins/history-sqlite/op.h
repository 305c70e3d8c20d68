/* SPDX-License-Identifier: MIT */
/*
 * An operation on the store: made on the loop by a service call, run in an io job, answered on the
 * loop. Each kind embeds `struct op` as its first member and describes itself by an op_class.
 */
#ifndef HISTORY_SQLITE_OP_H
#define HISTORY_SQLITE_OP_H

#include "store.h"

#include <sys/queue.h>

struct op;

struct op_class {
    bool writes;
    bool trial; /* what it writes means nothing: a canary */
    /* [pool] Does it inside a transaction. May be called again when that was undone: forget earlier
     * results. */
    int (*run)(struct op *op, struct store *store);
    /* [loop] It is committed; also after an answer that came too late. May be NULL. */
    void (*settle)(struct op *op);
    /* [loop] Tells the caller, exactly once. The results are there only if `err` is what run gave;
     * for CHATD_E_TIMEOUT and CHATD_E_CANCELLED run may still be working on them. */
    void (*answer)(struct op *op, int err);
    /* [loop] The last call. */
    void (*destroy)(struct op *op);
};

struct op {
    TAILQ_ENTRY(op) link;
    const struct op_class *class;
    uint64_t serial;     /* order of submission */
    int64_t deadline_ms; /* chatd_mono_ms(); 0: it waits for ever */
    bool answered;       /* the loop's */
    chatd_str room;      /* what it writes is told to the members of this; empty: to nobody */
    int err;             /* run's result: the io thread's until the job has ended */
};

TAILQ_HEAD(op_list, op);

#endif
