/* SPDX-License-Identifier: MIT */
/* A page of a room's records: asking for it, and reading what the script gives. */
#ifndef HISTORY_REDIS_PAGE_H
#define HISTORY_REDIS_PAGE_H

#include "queue.h"

#include <chatd/svc/log.h>

#define PAGE_BYTES_MAX (4 * 1024 * 1024) /* a page ends early when it is this large */

/* What is read. All of it is borrowed. */
struct page {
    chatd_str epoch, previous; /* previous: empty if none is known */
    uint64_t common, top;
    bool more;
    struct chatd_log_record *records; /* rising */
    uint32_t n;
};

/* [loop] `page` is NULL on an error. */
typedef void (*page_done)(void *arg, int err, const struct page *page);

/* What the reading needs besides the queue. */
struct page_source {
    chatd_plugin *self;
    struct queue *queue;
};

struct page_wish {
    chatd_str room;
    uint64_t seq;
    uint32_t limit; /* 0: epoch and top alone */
    enum chatd_log_range_flag direction;
    uint32_t bytes;  /* after which the page ends, 0: PAGE_BYTES_MAX */
    bool patient;    /* the plugin's own */
    chatd_str fresh; /* the epoch of a room that nobody has written to; empty: a random one */
};

/* Asks; as queue_submit(). */
int page_ask(const struct page_source *source, const struct page_wish *wish, page_done done,
             void *arg);

/* Reads the script's reply; its strings are written to. The records come from the caller: room for
 * reply->elements. False: it is not what the script gives. Pure. */
bool page_read(redisReply *reply, struct chatd_log_record *records, struct page *out);

#endif
