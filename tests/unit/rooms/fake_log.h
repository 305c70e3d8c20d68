/* SPDX-License-Identifier: MIT */
/*
 * A chatd.log for tests: one list of records, which all rooms share. It answers and delivers when the
 * test says so, and what it was asked is looked at when it answers. The test changes the fields between
 * calls.
 */
#ifndef FAKE_LOG_H
#define FAKE_LOG_H

#include <chatd/svc/log.h>
#include <chatd/testhost.h>
#include <stdbool.h>

enum { FAKE_LOG_RECORDS = 1024, FAKE_LOG_SUBS = 8 };

struct fake_ask;

struct fake_sub {
    bool is_on;
    chatd_plugin *self;
    struct chatd_log_listener listener;
    void *arg;
    uint64_t delivered;
};

struct fake_log {
    struct testhost *host;
    char *record[FAKE_LOG_RECORDS + 1]; /* by seq */
    int n_records, n_trimmed;           /* the first so many are gone */
    int page_max; /* a page has no more, as if they were large; 0: any number */
    const char *epoch, *previous;
    uint64_t common;
    bool fail_range, fail_append;
    int n_ranges; /* that were asked for */
    struct fake_ask *first, **last;
    struct fake_sub sub[FAKE_LOG_SUBS];
};

/* Before testhost_start(): offers it. Empty, epoch "e1". */
void fake_log_init(struct fake_log *log, struct testhost *host);
void fake_log_deinit(struct fake_log *log);

/* A record that another server appended: it is delivered with the others. */
void fake_log_add(struct fake_log *log, const char *record);

/* Answers the oldest of what it was asked; nothing is delivered. */
void fake_log_answer(struct fake_log *log);

/* Answers all that it was asked, and what is asked meanwhile; then delivers. */
void fake_log_turn(struct fake_log *log);

/* It comes back with another life: of the records those up to `common` are left. Subscribers are told. */
void fake_log_reset(struct fake_log *log, const char *epoch, int common);

/* Subscribers alone are told. */
void fake_log_tell_reset(struct fake_log *log, const char *epoch, uint64_t seq);

/* The first `n` records are deleted on purpose. */
void fake_log_forget(struct fake_log *log, int n);

/* The records up to `to` are gone, and those from `from` on were not delivered yet. */
void fake_log_trim(struct fake_log *log, int from, int to);

#endif
