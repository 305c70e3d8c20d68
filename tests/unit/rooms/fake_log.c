/* SPDX-License-Identifier: MIT */
/* The fake chatd.log: strings that it gives away go after the call, as those of real ones do. */
#include "fake_log.h"

#include <stdlib.h>
#include <string.h>

enum { TS = 1000 }; /* of every record */

struct fake_ask {
    struct fake_ask *next;
    struct fake_log *log;
    chatd_plugin *self;
    char *record; /* of an append */
    chatd_log_append_cb appended;
    chatd_log_page_cb read;
    void *arg;
    uint64_t seq;
    uint32_t limit, flags;
};

/* Something to be told to subscribers. */
struct news {
    struct fake_log *log;
    enum { NEWS_RECORDS, NEWS_RESET, NEWS_TRIMMED, NEWS_FORGOTTEN } kind;
    const char *epoch;
    uint64_t a, b;
};

static struct fake_log *log_of(chatd_plugin *provider)
{
    return provider->data;
}

static chatd_str lent(const char *text)
{
    size_t n = strlen(text);
    char *copy = malloc(n + 1);

    if (copy == NULL)
        abort();
    return (chatd_str){memcpy(copy, text, n + 1), n};
}

static void back(chatd_str str)
{
    free((char *)(uintptr_t)str.p);
}

/* --- calls ---------------------------------------------------------------------------------------- */

static void ask(struct fake_log *log, const struct fake_ask *what)
{
    struct fake_ask *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        abort();
    *copy = *what;
    copy->log = log;
    copy->next = NULL;
    *log->last = copy;
    log->last = &copy->next;
}

static int append(chatd_plugin *p, chatd_plugin *self, const struct chatd_log_entry *entry,
                  chatd_log_append_cb cb, void *arg)
{
    ask(log_of(p), &(struct fake_ask){.self = self,
                                      .record = strndup(entry->record.p, entry->record.n),
                                      .appended = cb,
                                      .arg = arg});
    return CHATD_OK;
}

static int range(chatd_plugin *p, chatd_plugin *self, chatd_str room, uint64_t seq, uint32_t limit,
                 uint32_t flags, chatd_log_page_cb cb, void *arg)
{
    (void)room;
    log_of(p)->n_ranges++;
    ask(log_of(p),
        &(struct fake_ask){
            .self = self, .read = cb, .arg = arg, .seq = seq, .limit = limit, .flags = flags});
    return CHATD_OK;
}

static int subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str room,
                     const struct chatd_log_position *after,
                     const struct chatd_log_listener *listener, void *arg, chatd_sub *sub_out)
{
    struct fake_log *log = log_of(p);
    uint64_t i = 0;

    (void)room;
    while (i < FAKE_LOG_SUBS && log->sub[i].is_on)
        i++;
    if (i == FAKE_LOG_SUBS)
        abort();
    log->sub[i] = (struct fake_sub){true, self, *listener, arg, after->seq};
    sub_out->v = i + 1;
    return CHATD_OK;
}

static int unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub sub)
{
    (void)self;
    log_of(p)->sub[sub.v - 1].is_on = false;
    return CHATD_OK;
}

/* --- answers -------------------------------------------------------------------------------------- */

static void answer_append(struct fake_log *log, const struct fake_ask *a)
{
    struct chatd_log_appended done = {.size = sizeof(done), .ts = TS};

    if (log->fail_append) {
        a->appended(a->self, CHATD_E_TIMEOUT, NULL, a->arg);
        return;
    }
    fake_log_add(log, a->record);
    done.seq = (uint64_t)log->n_records;
    done.epoch = lent(log->epoch);
    a->appended(a->self, CHATD_OK, &done, a->arg);
    back(done.epoch);
}

/* Which records a page has, and whether there are more. */
static void bounds_of(const struct fake_log *log, const struct fake_ask *a, int *first, int *last,
                      uint32_t *more)
{
    bool is_after = a->flags == CHATD_LOG_AFTER;
    int seq = (int)a->seq, limit = (int)a->limit;

    *last = is_after ? seq + limit : seq > 0 ? seq - 1 : log->n_records;
    *first = is_after ? seq + 1 : *last - limit + 1;
    if (*first <= log->n_trimmed)
        *first = log->n_trimmed + 1;
    if (*last > log->n_records)
        *last = log->n_records;
    if (log->page_max > 0 && *last - *first >= log->page_max) {
        if (is_after)
            *last = *first + log->page_max - 1;
        else
            *first = *last - log->page_max + 1;
    }
    *more = is_after ? *last < log->n_records : *first > log->n_trimmed + 1;
}

static void answer_range(struct fake_log *log, const struct fake_ask *a)
{
    struct chatd_log_record *rows = calloc(FAKE_LOG_RECORDS, sizeof(*rows));
    struct chatd_log_page page = {.size = sizeof(page),
                                  .epoch = lent(log->epoch),
                                  .previous = lent(log->previous),
                                  .common = log->common,
                                  .top = (uint64_t)log->n_records,
                                  .records = rows,
                                  .stride = sizeof(*rows)};
    int first, last;

    if (rows == NULL)
        abort();
    bounds_of(log, a, &first, &last, &page.more);
    for (int r = first; r <= last; r++)
        rows[page.n++] = (struct chatd_log_record){(uint64_t)r, TS, lent(log->record[r])};
    if (log->fail_range)
        a->read(a->self, CHATD_E_BACKEND, NULL, a->arg);
    else
        a->read(a->self, CHATD_OK, &page, a->arg);
    for (uint32_t i = 0; i < page.n; i++)
        back(rows[i].record);
    back(page.epoch);
    back(page.previous);
    free(rows);
}

static void answer(void *arg)
{
    struct fake_ask *a = arg;

    if (a->read != NULL)
        answer_range(a->log, a);
    else
        answer_append(a->log, a);
    free(a->record);
    free(a);
}

void fake_log_answer(struct fake_log *log)
{
    struct fake_ask *a = log->first;

    if (a != NULL) {
        log->first = a->next;
        if (log->first == NULL)
            log->last = &log->first;
        testhost_later(log->host, answer, a);
    }
    testhost_turn(log->host);
}

/* --- news ----------------------------------------------------------------------------------------- */

static void deliver(const struct fake_log *log, struct fake_sub *sub, chatd_sub id)
{
    while (sub->is_on && sub->delivered < (uint64_t)log->n_records) {
        chatd_str epoch = lent(log->epoch);
        struct chatd_log_record record = {.seq = ++sub->delivered, .ts = TS};

        record.record = lent(log->record[record.seq]);
        sub->listener.record(sub->self, id, epoch, &record, sub->arg);
        back(record.record);
        back(epoch);
    }
}

static void tell_one(const struct news *news, struct fake_sub *sub, chatd_sub id)
{
    chatd_str epoch;

    switch (news->kind) {
    case NEWS_RECORDS:
        deliver(news->log, sub, id);
        break;
    case NEWS_RESET:
        epoch = lent(news->epoch);
        sub->listener.reset(sub->self, id, epoch, news->a, sub->arg);
        back(epoch);
        break;
    case NEWS_TRIMMED:
        sub->listener.trimmed(sub->self, id, news->a, news->b, sub->arg);
        break;
    case NEWS_FORGOTTEN:
        sub->listener.forgotten(sub->self, id, news->a, sub->arg);
        break;
    }
}

static void tell_all(void *arg)
{
    struct news *news = arg;

    for (uint64_t i = 0; i < FAKE_LOG_SUBS; i++) {
        if (news->log->sub[i].is_on)
            tell_one(news, &news->log->sub[i], (chatd_sub){i + 1});
    }
    free(news);
}

static void tell(const struct news *news)
{
    struct news *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        abort();
    *copy = *news;
    testhost_later(news->log->host, tell_all, copy);
    testhost_turn(news->log->host);
}

void fake_log_turn(struct fake_log *log)
{
    testhost_turn(log->host);
    while (log->first != NULL)
        fake_log_answer(log);
    tell(&(struct news){.log = log, .kind = NEWS_RECORDS});
}

void fake_log_tell_reset(struct fake_log *log, const char *epoch, uint64_t seq)
{
    tell(&(struct news){.log = log, .kind = NEWS_RESET, .epoch = epoch, .a = seq});
}

void fake_log_reset(struct fake_log *log, const char *epoch, int common)
{
    log->previous = log->epoch;
    log->epoch = epoch;
    log->common = (uint64_t)common;
    while (log->n_records > common)
        free(log->record[log->n_records--]);
    for (int i = 0; i < FAKE_LOG_SUBS; i++) {
        if (log->sub[i].delivered > log->common)
            log->sub[i].delivered = log->common;
    }
    fake_log_tell_reset(log, epoch, log->common);
}

void fake_log_forget(struct fake_log *log, int n)
{
    log->n_trimmed = n;
    tell(&(struct news){.log = log, .kind = NEWS_FORGOTTEN, .a = (uint64_t)n + 1});
}

void fake_log_trim(struct fake_log *log, int from, int to)
{
    log->n_trimmed = to;
    for (int i = 0; i < FAKE_LOG_SUBS; i++)
        log->sub[i].delivered = (uint64_t)to;
    tell(&(struct news){.log = log, .kind = NEWS_TRIMMED, .a = (uint64_t)from, .b = (uint64_t)to});
}

/* --- life ----------------------------------------------------------------------------------------- */

void fake_log_add(struct fake_log *log, const char *record)
{
    if (log->n_records == FAKE_LOG_RECORDS)
        abort();
    log->record[++log->n_records] = strdup(record);
}

void fake_log_init(struct fake_log *log, struct testhost *host)
{
    static const struct chatd_log_api api = {.size = sizeof(api),
                                             .append = append,
                                             .range = range,
                                             .subscribe = subscribe,
                                             .unsubscribe = unsubscribe};

    *log = (struct fake_log){.host = host, .epoch = "e1", .previous = ""};
    log->last = &log->first;
    testhost_fake(host, CHATD_LOG_SERVICE, CHATD_LOG_MAJOR, CHATD_LOG_MINOR, &api, log);
}

void fake_log_deinit(struct fake_log *log)
{
    struct fake_ask *a;

    while ((a = log->first) != NULL) {
        log->first = a->next;
        free(a->record);
        free(a);
    }
    while (log->n_records > 0)
        free(log->record[log->n_records--]);
}
