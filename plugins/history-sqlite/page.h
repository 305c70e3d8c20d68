/* SPDX-License-Identifier: MIT */
/* Reading a page of a room's records: the operation behind range() and behind every refill. */
#ifndef HISTORY_SQLITE_PAGE_H
#define HISTORY_SQLITE_PAGE_H

#include "op.h"

#include <chatd/svc/log.h>

struct page;

/* [loop] The answer. The results of the page are good only for CHATD_OK. */
typedef void (*page_done)(struct page *page, int err);

/* Whom `done` is to tell; the page itself does not look at it. */
struct page_asker {
    void *owner;  /* the part of the plugin that asks */
    uint64_t sub; /* of a refill */
    chatd_plugin *caller;
    chatd_log_page_cb cb;
    void *arg;
};

struct page {
    struct op op;
    uint64_t seq;
    uint32_t limit; /* 0: the state of the room alone */
    enum store_direction direction;
    page_done done;
    struct page_asker asker;

    /* Results. */
    struct store_room room;
    struct chatd_log_record *records; /* rising */
    uint32_t n;
    bool more;    /* there are further ones in the direction of reading */
    bool starved; /* there was no memory for them */
    struct arena arena;

    size_t name_bytes;
    char name[]; /* of the room */
};

/* Makes the operation, to be handed to batch_submit() as &page->op. NULL: no memory. */
struct page *page_new(chatd_str room, uint64_t seq, uint32_t limit, enum store_direction direction,
                      page_done done);

/* For a page that could not be submitted. */
void page_free(struct page *page);

#endif
