/* SPDX-License-Identifier: MIT */
/* The service chatd.log: appends, ranges and subscriptions. */
#include "history.h"
#include "page.h"

#include <chatd/metric.h>
#include <chatd/svc/log.h>
#include <stdlib.h>
#include <string.h>

#define LOG_NAME_MAX   256u /* bytes of a room, user or cid */
#define LOG_RECORD_MAX ((size_t)1024 * 1024)

_Static_assert(BATCH_DEADLINE_MS == CHATD_LOG_DEADLINE_MS, "the batch keeps the log's deadline");

static bool is_name(chatd_str name, size_t least)
{
    return name.n >= least && name.n <= LOG_NAME_MAX &&
           (name.n == 0 || memchr(name.p, '\0', name.n) == NULL);
}

/* --- append ------------------------------------------------------------------------------------ */

struct append {
    struct op op;
    struct history *history;
    chatd_plugin *caller;
    chatd_log_append_cb cb;
    void *arg;
    struct store_entry entry;
    struct store_appended result;
};

static int append_run(struct op *op, struct store *store)
{
    struct append *append = (struct append *)op;

    return store_append(store, &append->entry, &append->result);
}

static void append_settle(struct op *op)
{
    struct append *append = (struct append *)op;
    struct history *history = append->history;
    const struct chatd_log_record record = {
        .seq = append->result.seq, .ts = append->result.ts, .record = append->entry.record};

    if (append->result.duplicate) {
        chatd_metric_add(history->self, history->metrics.duplicates, 0, 1);
        subs_hint(&history->subs, append->entry.room, record.seq);
        return;
    }
    chatd_metric_add(history->self, history->metrics.appends, 0, 1);
    subs_committed(&history->subs, append->entry.room, &record, op->serial);
    peers_tell(&history->peers, append->entry.room, &record);
}

static void append_answer(struct op *op, int err)
{
    struct append *append = (struct append *)op;

    if (err != CHATD_OK) {
        append->cb(append->caller, err, NULL, append->arg);
        return;
    }
    const char *epoch = store_epoch(append->history->store);
    const struct chatd_log_appended result = {.size = sizeof(result),
                                              .duplicate = append->result.duplicate,
                                              .epoch = {epoch, strlen(epoch)},
                                              .seq = append->result.seq,
                                              .ts = append->result.ts};

    append->cb(append->caller, CHATD_OK, &result, append->arg);
}

static void append_destroy(struct op *op)
{
    free(op);
}

static const struct op_class append_class = {.writes = true,
                                             .run = append_run,
                                             .settle = append_settle,
                                             .answer = append_answer,
                                             .destroy = append_destroy};

static int log_append(chatd_plugin *p, chatd_plugin *self, const struct chatd_log_entry *entry,
                      chatd_log_append_cb cb, void *arg)
{
    if (cb == NULL || !CHATD_HAS(entry, record) || !is_name(entry->room, 1) ||
        !is_name(entry->user, 0) || !is_name(entry->cid, 0) || entry->record.n == 0 ||
        entry->record.n > LOG_RECORD_MAX)
        return CHATD_E_INVAL;
    struct store_entry copy = {.room = entry->room,
                               .user = entry->user,
                               .cid = entry->cid,
                               .record = entry->record,
                               .dedup_ms = entry->dedup_ms,
                               .now_ms = chatd_wall_ms(p)};
    chatd_str *const strings[] = {&copy.room, &copy.user, &copy.cid, &copy.record};
    struct append *append = history_op_new(sizeof(*append), &append_class, strings, 4);

    if (append == NULL)
        return CHATD_E_BUSY;
    append->history = p->data;
    append->caller = self;
    append->cb = cb;
    append->arg = arg;
    append->entry = copy;
    append->op.room = copy.room;
    return history_submit(p->data, &append->op);
}

/* --- range ------------------------------------------------------------------------------------- */

static void range_done(struct page *page, int err)
{
    const struct page_asker *asker = &page->asker;

    if (err != CHATD_OK) {
        asker->cb(asker->caller, err, NULL, asker->arg);
        return;
    }
    const struct store *store = ((struct history *)asker->owner)->store;
    const char *epoch = store_epoch(store), *previous = store_previous_epoch(store);
    const struct chatd_log_page answer = {.size = sizeof(answer),
                                          .more = page->more,
                                          .epoch = {epoch, strlen(epoch)},
                                          .top = page->room.top,
                                          .records = page->records,
                                          .n = page->n,
                                          .stride = sizeof(page->records[0]),
                                          .previous = {previous, strlen(previous)},
                                          .common = page->room.common};

    asker->cb(asker->caller, CHATD_OK, &answer, asker->arg);
}

static int log_range(chatd_plugin *p, chatd_plugin *self, chatd_str room, uint64_t seq,
                     uint32_t limit, uint32_t flags, chatd_log_page_cb cb, void *arg)
{
    if (cb == NULL || !is_name(room, 1) || limit > CHATD_LOG_PAGE_MAX ||
        (flags != CHATD_LOG_BEFORE && flags != CHATD_LOG_AFTER))
        return CHATD_E_INVAL;
    struct page *page = page_new(
        room, seq, limit, flags == CHATD_LOG_BEFORE ? STORE_BEFORE : STORE_AFTER, range_done);

    if (page == NULL)
        return CHATD_E_BUSY;
    page->asker = (struct page_asker){.owner = p->data, .caller = self, .cb = cb, .arg = arg};
    return history_submit(p->data, &page->op);
}

/* --- subscriptions ----------------------------------------------------------------------------- */

static int log_subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str room,
                         const struct chatd_log_position *after,
                         const struct chatd_log_listener *listener, void *arg, chatd_sub *sub_out)
{
    struct history *history = p->data;

    if (!is_name(room, 1) || listener == NULL || !CHATD_HAS(listener, record) ||
        listener->record == NULL || sub_out == NULL ||
        (after != NULL && after->epoch.n > CHATD_LOG_EPOCH_MAX))
        return CHATD_E_INVAL;
    if (history == NULL || history->store == NULL || history->batch.closed)
        return CHATD_E_STATE;
    return subs_add(&history->subs, self, room, after, listener, arg, sub_out);
}

static int log_unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub sub)
{
    struct history *history = p->data;

    (void)self;
    return history == NULL ? CHATD_E_GONE : subs_remove(&history->subs, sub);
}

const struct chatd_log_api history_log_api = {.size = sizeof(history_log_api),
                                              .append = log_append,
                                              .range = log_range,
                                              .subscribe = log_subscribe,
                                              .unsubscribe = log_unsubscribe};
