/* SPDX-License-Identifier: MIT */
/*
 * Records that were heard of while a page is on its way, in the order of their seq: what the page
 * does not hold is taken from here, so that a reader catches up though others write all the time.
 * What is not kept - there is a cap - is read.
 */
#ifndef HISTORY_SQLITE_KEPT_H
#define HISTORY_SQLITE_KEPT_H

#include <chatd/svc/log.h>
#include <sys/queue.h>

#define KEPT_RECORDS_MAX 256u
#define KEPT_BYTES_MAX   ((size_t)1024 * 1024)

struct kept_record;

struct kept {
    TAILQ_HEAD(kept_list, kept_record) records;
    uint32_t n;
    size_t bytes;
};

void kept_init(struct kept *kept);

/* Copies a record, unless one of its seq is there or there is no room. */
void kept_add(struct kept *kept, const struct chatd_log_record *record);

/* The record `seq`, borrowed; its text is empty if it is not there. */
struct chatd_log_record kept_get(const struct kept *kept, uint64_t seq);

void kept_clear(struct kept *kept);

#endif
