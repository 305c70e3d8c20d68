/* SPDX-License-Identifier: MIT */
/* Runs a list of operations as one transaction. */
#ifndef HISTORY_SQLITE_COMMIT_H
#define HISTORY_SQLITE_COMMIT_H

#include "op.h"

struct commit_result {
    bool wrote;  /* there was something to write */
    bool trial;  /* that was nothing but trials */
    bool failed; /* it was not committed: every writer has CHATD_E_BACKEND */
    bool flawed; /* it was committed, but the storage failed single operations */
    uint32_t ops;
    double seconds;    /* of the whole transaction, its turn included */
    char failure[512]; /* of failed and flawed: part of a sentence */
};

/* [pool] Runs all in order: each sees what those before it wrote. An operation that fails harms
 * only itself, unless the storage gives up the transaction: then what only reads is run again
 * without it. Fills `err` of every operation. */
void commit_run(struct store *store, struct op_list *ops, struct commit_result *result);

#endif
