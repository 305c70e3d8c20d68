/* SPDX-License-Identifier: MIT */
/* Reading a page of a room's records. */
#include "page.h"

#include <stdlib.h>
#include <string.h>

/* A page ends early when its records are this large together; the reader asks for the next. */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static bool page_take(void *arg, uint64_t seq, int64_t ts, chatd_str record)
{
    struct page *page = arg;
    chatd_str copy;

    page->more =
        page->n == page->limit || (page->n > 0 && page->arena.bytes + record.n > PAGE_BYTES_MAX);
    if (page->more)
        return false;
    page->starved = !arena_copy(&page->arena, record.p, record.n, &copy);
    if (page->starved)
        return false;
    page->records[page->n++] = (struct chatd_log_record){.seq = seq, .ts = ts, .record = copy};
    return true;
}

static void page_reverse(struct page *page)
{
    for (uint32_t i = 0; i < page->n / 2; i++) {
        struct chatd_log_record *a = &page->records[i], *b = &page->records[page->n - 1 - i];
        struct chatd_log_record swap = *a;

        *a = *b;
        *b = swap;
    }
}

static int page_run(struct op *op, struct store *store)
{
    struct page *page = (struct page *)op;
    chatd_str name = {page->name, page->name_bytes};

    arena_free(&page->arena);
    page->n = 0;
    page->more = page->starved = false;
    if (page->limit > 0 && page->records == NULL) {
        page->records = calloc(page->limit, sizeof(*page->records));
        if (page->records == NULL)
            return CHATD_E_BUSY;
    }
    int err = store_range(store, name, page->seq, page->limit, page->direction, page_take, page,
                          &page->room);

    if (page->direction == STORE_BEFORE)
        page_reverse(page);
    return err == CHATD_OK && page->starved ? CHATD_E_BUSY : err;
}

static void page_answer(struct op *op, int err)
{
    struct page *page = (struct page *)op;

    page->done(page, err);
}

static void page_destroy(struct op *op)
{
    page_free((struct page *)op);
}

static const struct op_class page_class = {
    .writes = false, .run = page_run, .answer = page_answer, .destroy = page_destroy};

struct page *page_new(chatd_str room, uint64_t seq, uint32_t limit, enum store_direction direction,
                      page_done done)
{
    struct page *page = calloc(1, sizeof(*page) + room.n + 1);

    if (page == NULL)
        return NULL;
    page->op.class = &page_class;
    page->seq = seq;
    page->limit = limit;
    page->direction = direction;
    page->done = done;
    page->name_bytes = room.n;
    memcpy(page->name, room.p, room.n);
    return page;
}

void page_free(struct page *page)
{
    if (page == NULL)
        return;
    arena_free(&page->arena);
    free(page->records);
    free(page);
}
