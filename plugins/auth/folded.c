/* SPDX-License-Identifier: MIT */
/* Accounts taken over from a server that did not fold names: one scan of `users`, page by page. */
#include "folded.h"

#include "names.h"
#include "store.h"

#include <stdlib.h>

#define PAGE_ROWS   64u
#define RETRY_MS    1000u
#define WAITERS_MAX 256u

struct folded_waiter {
    folded_cb cb;
    void *arg;
    struct folded_waiter *next;
};

static void scan(struct auth *a);

static void release_waiters(struct auth *a, int err)
{
    struct folded_waiter *waiter = a->folded.waiters, *next;

    /* Taken off first: a callback may come back and wait again. */
    a->folded.waiters = NULL;
    a->folded.n_waiters = 0;
    for (; waiter != NULL; waiter = next) {
        next = waiter->next;
        waiter->cb(a, err, waiter->arg);
        free(waiter);
    }
}

static void on_retry(chatd_plugin *self, void *arg)
{
    (void)self;
    scan(arg);
}

static void page_failed(struct auth *a, int err)
{
    chatd_timer timer;

    if (!a->folded.failed)
        chatd_log(a->self, CHATD_LOG_WARN,
                  "cannot read the accounts of `users` (%d); registration waits for it", err);
    a->folded.failed = true;
    auth_report(a);
    release_waiters(a, err);
    (void)chatd_timer_start(a->self, RETRY_MS, 0, on_retry, a, &timer);
}

/* All writes of a page are answered: the next page, the same one again, or the end. */
static void page_written(struct auth *a, int err)
{
    struct folded *f = &a->folded;

    if (err != CHATD_OK) {
        page_failed(a, err);
        return;
    }
    free(f->cursor);
    f->cursor = f->next;
    f->cursor_n = f->next_n;
    f->next = NULL;
    if (f->more) {
        scan(a);
        return;
    }
    f->done = true;
    f->failed = false;
    auth_report(a);
    release_waiters(a, CHATD_OK);
}

/* `writing` is 1 too many while the page is being walked, so that the end comes once. */
static void write_done(struct auth *a, int err)
{
    struct folded *f = &a->folded;

    if (err != CHATD_OK && err != CHATD_E_EXISTS)
        f->write_err = err;
    if (--f->writing == 0 && f->write_err != CHATD_E_CANCELLED)
        page_written(a, f->write_err);
}

static void on_written(struct auth *a, int err, chatd_str value, void *arg)
{
    (void)value;
    (void)arg;
    if (!a->stopped)
        write_done(a, err);
}

static void record(struct auth *a, chatd_str field)
{
    char folded[NAME_BYTES_MAX + 1];
    const char *why;
    int rc;

    /* A field that is no name by our rules cannot be what somebody registers, nor can one that is
     * its own folded form be hidden by another. */
    if (name_fold(field, folded, &why) < 0 || strcmp(folded, field.p) == 0)
        return;
    a->folded.writing++;
    rc = store_put_absent(a, NS_FOLDED, store_str(folded), field, on_written, NULL);
    if (rc < 0)
        write_done(a, rc);
}

static void on_users(struct auth *a, int err, const struct chatd_kv_scan *page, void *arg)
{
    struct folded *f = &a->folded;
    uint32_t i;

    (void)arg;
    if (a->stopped || err == CHATD_E_CANCELLED)
        return;
    if (err != CHATD_OK) {
        page_failed(a, err);
        return;
    }
    f->writing = 1;
    f->write_err = CHATD_OK;
    f->more = page->more != 0;
    free(f->next);
    f->next = auth_alloc(page->cursor.n + 1);
    if (page->cursor.n > 0)
        memcpy(f->next, page->cursor.p, page->cursor.n);
    f->next_n = page->cursor.n;
    for (i = 0; i < page->n; i++) {
        const char *row = (const char *)page->items + (size_t)i * page->stride;

        record(a, ((const struct chatd_kv_item *)(const void *)row)->key);
    }
    write_done(a, CHATD_OK);
}

static void scan(struct auth *a)
{
    chatd_str cursor = CHATD_STR("");
    int rc;

    if (a->folded.cursor != NULL)
        cursor = (chatd_str){a->folded.cursor, a->folded.cursor_n};
    rc = store_scan(a, NS_USERS, cursor, PAGE_ROWS, on_users, NULL);
    if (rc < 0)
        page_failed(a, rc);
}

void folded_start(struct auth *a)
{
    if (a->kv == NULL)
        a->folded.done = true;
    else
        scan(a);
}

int folded_wait(struct auth *a, folded_cb cb, void *arg)
{
    struct folded_waiter *waiter;

    if (a->folded.done)
        return 1;
    if (a->folded.n_waiters >= WAITERS_MAX) {
        auth_limited(a, LIMIT_QUEUE);
        return CHATD_E_BUSY;
    }
    waiter = auth_alloc(sizeof(*waiter));
    waiter->cb = cb;
    waiter->arg = arg;
    waiter->next = a->folded.waiters;
    a->folded.waiters = waiter;
    a->folded.n_waiters++;
    return CHATD_OK;
}

void folded_deinit(struct auth *a)
{
    release_waiters(a, CHATD_E_CANCELLED);
    free(a->folded.cursor);
    free(a->folded.next);
    a->folded.cursor = a->folded.next = NULL;
}
