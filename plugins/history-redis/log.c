/* SPDX-License-Identifier: MIT */
/* The service chatd.log: appends, ranges and subscriptions. */
#include "history.h"

#include <chatd/metric.h>
#include <stdlib.h>
#include <string.h>

#define LOG_RECORD_MAX ((size_t)1024 * 1024)

_Static_assert(QUEUE_DEADLINE_MS == CHATD_LOG_DEADLINE_MS, "the queue keeps the log's deadline");

/* --- append ------------------------------------------------------------------------------------ */

struct append {
    struct request request;
    struct history *history;
    chatd_plugin *caller;
    chatd_log_append_cb cb;
    void *arg;
    int64_t ts, called_ms;
};

/* What the script gives. */
struct appended {
    bool duplicate;
    chatd_str epoch;
    uint64_t seq;
    int64_t ts; /* a duplicate's: the first one's, 0 unknown */
};

static bool appended_read(const redisReply *reply, struct appended *out)
{
    *out = (struct appended){.duplicate = false};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[1]->type != REDIS_REPLY_STRING ||
        reply->element[2]->type != REDIS_REPLY_STRING)
        return false;
    out->duplicate = reply->element[0]->integer == 1;
    out->epoch = (chatd_str){reply->element[1]->str, reply->element[1]->len};
    if (reply->elements > 3 && reply->element[3]->type == REDIS_REPLY_STRING)
        text_integer((chatd_str){reply->element[3]->str, reply->element[3]->len}, &out->ts);
    return text_number((chatd_str){reply->element[2]->str, reply->element[2]->len}, &out->seq);
}

static void append_answer(struct request *request, int err, redisReply *reply)
{
    const struct append *append = (const struct append *)request;
    const struct history_metrics *metrics = &append->history->metrics;
    chatd_plugin *self = append->history->self;
    struct appended there;

    if (err == CHATD_OK && !appended_read(reply, &there))
        err = CHATD_E_BACKEND;
    if (err != CHATD_OK) {
        append->cb(append->caller, err, NULL, append->arg);
        return;
    }
    /* A connection was lost, it was sent again, and the first one had arrived after all. */
    if (there.duplicate && request->sends > 1 && there.ts == append->ts)
        there.duplicate = false;
    chatd_metric_add(self, there.duplicate ? metrics->duplicates : metrics->appends, 0, 1);
    chatd_metric_observe(self, metrics->append_seconds, 0,
                         (double)(chatd_mono_ms(self) - append->called_ms) / 1000);
    const struct chatd_log_appended result = {.size = sizeof(result),
                                              .duplicate = there.duplicate,
                                              .epoch = there.epoch,
                                              .seq = there.seq,
                                              .ts = there.duplicate ? 0 : append->ts};

    append->cb(append->caller, CHATD_OK, &result, append->arg);
}

static void plain_destroy(struct request *request)
{
    free(request);
}

static struct append *append_new(struct history *history, const struct chatd_log_entry *entry,
                                 int64_t ts)
{
    static const struct request_class class = {.answer = append_answer, .destroy = plain_destroy};
    const struct history_config *config = history->self->config;
    struct text list, meta, epoch, cids, channel;
    char fresh[TEXT_DIGITS], ts_text[TEXT_DIGITS], max[TEXT_DIGITS], window[TEXT_DIGITS];
    char double_of[2 * TEXT_NAME_MAX + 2];
    bool dedup = entry->cid.n > 0 && entry->dedup_ms > 0;
    chatd_str known = subs_fresh_epoch(&history->subs, entry->room);
    uint64_t random;

    chatd_random(history->self, &random, sizeof(random));
    size_t double_n = 0;

    if (dedup) {
        if (entry->user.n > 0)
            memcpy(double_of, entry->user.p, entry->user.n);
        double_of[entry->user.n] = '\0';
        memcpy(double_of + entry->user.n + 1, entry->cid.p, entry->cid.n);
        double_n = entry->user.n + 1 + entry->cid.n;
    }
    const chatd_str argv[] = {text_list(&list, entry->room),
                              text_meta(&meta, entry->room),
                              text_epoch(&epoch, entry->room),
                              text_cids(&cids, entry->room),
                              CHATD_STR(""), /* run_id */
                              known.n > 0 ? known : text_hex(fresh, random),
                              {entry->record.p + 1, entry->record.n - 1},
                              text_decimal(ts_text, ts),
                              text_decimal(max, config->history_max),
                              {double_of, double_n},
                              text_decimal(window, entry->dedup_ms),
                              text_room_channel(&channel, config->database, entry->room)};
    struct append *append = request_new(sizeof(*append), &class, SCRIPT_APPEND, 4, 12, argv);

    if (append == NULL)
        return NULL;
    append->request.run_id_at = 4;
    append->request.repeats = dedup;
    append->ts = ts;
    return append;
}

static int log_append(chatd_plugin *p, chatd_plugin *self, const struct chatd_log_entry *entry,
                      chatd_log_append_cb cb, void *arg)
{
    struct history *history = p->data;

    if (cb == NULL || !CHATD_HAS(entry, record) || !text_is_name(entry->room, 1) ||
        !text_is_name(entry->user, 0) || !text_is_name(entry->cid, 0) || entry->record.n < 2 ||
        entry->record.p[0] != '{' || entry->record.n > LOG_RECORD_MAX)
        return CHATD_E_INVAL;
    if (history == NULL)
        return CHATD_E_STATE;
    struct append *append = append_new(history, entry, chatd_wall_ms(p));

    if (append == NULL)
        return CHATD_E_BUSY;
    append->history = history;
    append->caller = self;
    append->cb = cb;
    append->arg = arg;
    append->called_ms = chatd_mono_ms(p);
    return history_submit(history, &append->request);
}

/* --- range ------------------------------------------------------------------------------------- */

struct ranged {
    chatd_plugin *caller;
    chatd_log_page_cb cb;
    void *arg;
};

static void range_done(void *arg, int err, const struct page *page)
{
    struct ranged ranged = *(struct ranged *)arg;

    free(arg);
    if (err != CHATD_OK) {
        ranged.cb(ranged.caller, err, NULL, ranged.arg);
        return;
    }
    const struct chatd_log_page answer = {.size = sizeof(answer),
                                          .more = page->more,
                                          .epoch = page->epoch,
                                          .top = page->top,
                                          .records = page->records,
                                          .n = page->n,
                                          .stride = sizeof(page->records[0]),
                                          .previous = page->previous,
                                          .common = page->common};

    ranged.cb(ranged.caller, CHATD_OK, &answer, ranged.arg);
}

static int log_range(chatd_plugin *p, chatd_plugin *self, chatd_str room, uint64_t seq,
                     uint32_t limit, uint32_t flags, chatd_log_page_cb cb, void *arg)
{
    struct history *history = p->data;

    if (cb == NULL || !text_is_name(room, 1) || limit > CHATD_LOG_PAGE_MAX ||
        (flags != CHATD_LOG_BEFORE && flags != CHATD_LOG_AFTER))
        return CHATD_E_INVAL;
    if (history == NULL)
        return CHATD_E_STATE;
    struct ranged *ranged = malloc(sizeof(*ranged));
    const struct page_wish wish = {.room = room,
                                   .seq = seq,
                                   .limit = limit,
                                   .direction = (enum chatd_log_range_flag)flags,
                                   .fresh = subs_fresh_epoch(&history->subs, room)};

    if (ranged == NULL)
        return CHATD_E_BUSY;
    *ranged = (struct ranged){.caller = self, .cb = cb, .arg = arg};
    int err = page_ask(&history->source, &wish, range_done, ranged);

    if (err == CHATD_OK)
        return CHATD_OK;
    if (err == CHATD_E_BUSY)
        chatd_metric_add(p, history->metrics.refused, 0, 1);
    free(ranged);
    return err;
}

/* --- subscriptions ----------------------------------------------------------------------------- */

static int subs_read(void *arg, const struct page_wish *wish, page_done done, void *done_arg)
{
    const struct history *history = arg;

    return page_ask(&history->source, wish, done, done_arg);
}

static int subs_listen(void *arg, chatd_str room)
{
    struct history *history = arg;
    bool is_listening;
    int err = channels_add_room(&history->channels, room, &is_listening);

    /* The bus may have the channel already; then no confirmation comes. */
    if (err == CHATD_OK && is_listening)
        subs_listening(&history->subs, room);
    return err;
}

static void subs_unlisten(void *arg, chatd_str room)
{
    struct history *history = arg;

    channels_remove_room(&history->channels, room);
}

const struct subs_events history_subs_events = {
    .read = subs_read, .listen = subs_listen, .unlisten = subs_unlisten};

static int log_subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str room,
                         const struct chatd_log_position *after,
                         const struct chatd_log_listener *listener, void *arg, chatd_sub *sub_out)
{
    struct history *history = p->data;

    if (!text_is_name(room, 1) || listener == NULL || !CHATD_HAS(listener, record) ||
        listener->record == NULL || sub_out == NULL ||
        (after != NULL && after->epoch.n > CHATD_LOG_EPOCH_MAX))
        return CHATD_E_INVAL;
    if (history == NULL || history->queue.closed)
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
