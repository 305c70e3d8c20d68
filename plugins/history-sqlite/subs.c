/* SPDX-License-Identifier: MIT */
/* Subscriptions to rooms: positions, delivery in order, refills. */
#include "subs.h"

#include "kept.h"
#include "page.h"

#include <chatd/metric.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define uthash_fatal(text) abort() /* the process ends when there is no memory, as the core does */
/* The default hash falls through its cases without an attribute, which clang warns of. */
#define HASH_FUNCTION(key, bytes, hash) HASH_SAX(key, bytes, hash)
#include <uthash.h>

#define SUBS_PAGE     256u
#define SUBS_RETRY_MS 1000u

struct sub {
    UT_hash_handle hh;
    TAILQ_ENTRY(sub) link;
    uint64_t id;
    struct sub_room *room;
    chatd_plugin *caller;
    struct chatd_log_listener listener;
    void *arg;
    bool removed;
    bool reading;       /* a page is on its way */
    bool placed;        /* `at` is a position of the present epoch */
    uint64_t at;        /* what was delivered or skipped; before placed: as the caller said */
    uint64_t heard;     /* the room's top when the page was asked for */
    uint64_t serial;    /* of the first read: "the present top" is what came before it */
    size_t epoch_bytes; /* 0: begin at the present top */
    char epoch[CHATD_LOG_EPOCH_MAX];
};

struct sub_room {
    UT_hash_handle hh;
    TAILQ_HEAD(, sub) subs;
    struct subs *owner;
    chatd_sub news;    /* what other workers tell */
    uint64_t top;      /* the highest seq seen or heard of: all up to it are in the store */
    uint64_t first;    /* the oldest one, as subscribers were told */
    uint32_t reading;  /* subscribers with a page on its way */
    struct kept kept;  /* heard meanwhile */
    bool checking;     /* its top is being read, because something may have been missed */
    bool check_again;  /* something more has been since then */
    bool check_failed; /* tried again by the timer */
    size_t name_bytes;
    char name[];
};

static void read_start(struct subs *subs, struct sub *sub);
static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg);

void subs_init(struct subs *subs, chatd_plugin *self, struct batch *batch, struct peers *peers,
               int refills)
{
    *subs = (struct subs){.self = self, .batch = batch, .peers = peers, .refills = refills};
}

/* --- rooms and ids ----------------------------------------------------------------------------- */

static struct sub_room *room_find(const struct subs *subs, chatd_str name)
{
    struct sub_room *room;

    HASH_FIND(hh, subs->rooms, name.p, name.n, room);
    return room;
}

static struct sub_room *room_get(struct subs *subs, chatd_str name)
{
    struct sub_room *room = room_find(subs, name);

    if (room != NULL)
        return room;
    room = calloc(1, sizeof(*room) + name.n + 1);
    if (room == NULL)
        return NULL;
    TAILQ_INIT(&room->subs);
    kept_init(&room->kept);
    room->owner = subs;
    room->name_bytes = name.n;
    memcpy(room->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, subs->rooms, room->name, room->name_bytes, room);
    /* Before the first read: what is committed after that is told. */
    room->news = peers_listen(subs->peers, name, on_news, room);
    return room;
}

static void room_free(struct subs *subs, struct sub_room *room)
{
    peers_unlisten(subs->peers, room->news);
    HASH_DELETE(hh, subs->rooms, room);
    kept_clear(&room->kept);
    free(room);
}

static void sub_free(struct subs *subs, struct sub *sub)
{
    struct sub_room *room = sub->room;

    TAILQ_REMOVE(&room->subs, sub, link);
    free(sub);
    if (room->reading == 0)
        kept_clear(&room->kept);
    if (TAILQ_EMPTY(&room->subs))
        room_free(subs, room);
}

static struct sub *sub_find(const struct subs *subs, uint64_t id)
{
    struct sub *sub;

    HASH_FIND(hh, subs->subs, &id, sizeof(id), sub);
    return sub;
}

/* Listeners may unsubscribe anybody, themselves included: what they remove stays until the last of
 * them has returned. */
static void deliver_begin(struct subs *subs)
{
    subs->delivering++;
}

static void deliver_end(struct subs *subs)
{
    struct sub_room *room, *next_room;

    if (--subs->delivering > 0 || !subs->removed)
        return;
    subs->removed = false;
    HASH_ITER(hh, subs->rooms, room, next_room)
    {
        struct sub *next;

        /* The room goes with its last subscriber, so look ahead first. */
        for (struct sub *sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = next) {
            next = TAILQ_NEXT(sub, link);
            if (sub->removed)
                sub_free(subs, sub);
        }
    }
}

/* --- what the listener is told ----------------------------------------------------------------- */

static chatd_str epoch_now(const struct subs *subs)
{
    const char *epoch = store_epoch(subs->batch->store);

    return (chatd_str){epoch, strlen(epoch)};
}

static void tell_record(struct subs *subs, struct sub *sub, const struct chatd_log_record *record)
{
    sub->at = record->seq;
    sub->listener.record(sub->caller, (chatd_sub){sub->id}, epoch_now(subs), record, sub->arg);
}

/* The records after the present position up to `to` are gone. */
static void tell_trimmed(struct sub *sub, uint64_t to)
{
    uint64_t from = sub->at + 1;

    sub->at = to;
    if (sub->listener.trimmed != NULL)
        sub->listener.trimmed(sub->caller, (chatd_sub){sub->id}, from, to, sub->arg);
}

static void tell_reset(struct subs *subs, struct sub *sub, uint64_t valid)
{
    sub->at = sub->at < valid ? sub->at : valid;
    if (sub->listener.reset != NULL)
        sub->listener.reset(sub->caller, (chatd_sub){sub->id}, epoch_now(subs), valid, sub->arg);
}

static bool epoch_is(const struct sub *sub, const char *epoch)
{
    size_t n = strlen(epoch);

    return n > 0 && sub->epoch_bytes == n && memcmp(sub->epoch, epoch, n) == 0;
}

/* Turns the position the caller came with into one of this epoch. */
static void place(struct subs *subs, struct sub *sub, const struct store_room *room)
{
    const struct store *store = subs->batch->store;

    sub->placed = true;
    if (sub->epoch_bytes == 0)
        sub->at = room->top;
    else if (!epoch_is(sub, store_epoch(store)))
        tell_reset(subs, sub, epoch_is(sub, store_previous_epoch(store)) ? room->common : 0);
    else if (sub->at > room->top)
        tell_reset(subs, sub, room->top); /* records were lost that it has seen */
}

/* --- refills ----------------------------------------------------------------------------------- */

static bool is_behind(const struct sub *sub)
{
    return !sub->placed || sub->room->top > sub->at;
}

static void check_start(struct sub_room *room);

static void retry(chatd_plugin *self, void *arg)
{
    struct subs *subs = arg;
    struct sub *sub, *next;
    struct sub_room *room, *next_room;

    (void)self;
    subs->retry.v = 0;
    HASH_ITER(hh, subs->subs, sub, next)
    {
        if (is_behind(sub))
            read_start(subs, sub);
    }
    HASH_ITER(hh, subs->rooms, room, next_room)
    {
        if (room->check_failed)
            check_start(room);
    }
}

static void retry_later(struct subs *subs)
{
    if (subs->retry.v == 0)
        chatd_timer_start(subs->self, SUBS_RETRY_MS, 0, retry, subs, &subs->retry);
}

static void take_records(struct subs *subs, struct sub *sub, const struct page *page)
{
    for (uint32_t i = 0; i < page->n && !sub->removed; i++) {
        const struct chatd_log_record *record = &page->records[i];

        if (record->seq > sub->at + 1)
            tell_trimmed(sub, record->seq - 1);
        if (record->seq > sub->at && !sub->removed)
            tell_record(subs, sub, record);
    }
    if (page->n == 0 && page->limit > 0 && page->room.top > sub->at && !sub->removed)
        tell_trimmed(sub, page->room.top);
}

/* What others wrote while the page was on its way. */
static void take_kept(struct subs *subs, struct sub *sub)
{
    while (!sub->removed && sub->room->top > sub->at) {
        struct chatd_log_record record = kept_get(&sub->room->kept, sub->at + 1);

        if (record.record.n == 0)
            return;
        tell_record(subs, sub, &record);
    }
}

/* The store is the truth: what was heard of before the page was asked for, and is not there, was
 * never committed. Nobody may wait for it. */
static void top_correct(struct sub_room *room, uint64_t heard, uint64_t top)
{
    if (top > room->top || (top < heard && room->top == heard))
        room->top = top;
}

static void take_page(struct subs *subs, struct sub *sub, const struct page *page)
{
    top_correct(sub->room, sub->heard, page->room.top);
    if (!sub->placed)
        place(subs, sub, &page->room);
    /* A page that begins after the position says nothing about what lies between: read again. */
    if (page->seq <= sub->at)
        take_records(subs, sub, page);
    take_kept(subs, sub);
    if (!sub->removed && is_behind(sub))
        read_start(subs, sub);
}

static void read_end(struct sub *sub)
{
    if (sub->reading)
        sub->room->reading--;
    sub->reading = false;
}

static void read_done(struct page *page, int err)
{
    struct subs *subs = page->asker.owner;
    struct sub *sub = sub_find(subs, page->asker.sub);

    if (sub == NULL || err == CHATD_E_CANCELLED)
        return;
    deliver_begin(subs); /* so that the room outlives its last subscriber */
    read_end(sub);
    if (err == CHATD_OK)
        take_page(subs, sub, page);
    else
        retry_later(subs);
    if (sub->room->reading == 0)
        kept_clear(&sub->room->kept);
    deliver_end(subs);
}

static void read_start(struct subs *subs, struct sub *sub)
{
    chatd_str name = {sub->room->name, sub->room->name_bytes};
    bool top_only = !sub->placed && sub->epoch_bytes == 0;

    if (sub->reading)
        return;
    struct page *page = page_new(name, sub->at, top_only ? 0 : SUBS_PAGE, STORE_AFTER, read_done);

    if (page == NULL) {
        retry_later(subs);
        return;
    }
    page->asker = (struct page_asker){.owner = subs, .sub = sub->id};
    if (batch_submit(subs->batch, &page->op, true) != CHATD_OK) {
        page_free(page); /* the server stops */
        return;
    }
    sub->reading = true;
    sub->room->reading++;
    sub->heard = sub->room->top;
    if (!top_only)
        chatd_metric_add(subs->self, subs->refills, 0, 1);
    if (sub->serial == 0)
        sub->serial = page->op.serial;
}

/* --- live -------------------------------------------------------------------------------------- */

/* Gives a record to one subscriber, or has it read what it lacks. */
static void offer(struct subs *subs, struct sub *sub, const struct chatd_log_record *record)
{
    if (sub->removed || !sub->placed || sub->reading)
        return;
#ifdef CHATD_WITHOUT_ORDER /* tests/broken: what is early is not waited with */
    uint64_t at = sub->at;

    if (record->record.n > 0 && record->seq > at + 1) {
        tell_record(subs, sub, record);
        sub->at = at;
    }
#elif defined(CHATD_WITHOUT_REFILL) /* tests/broken: what is missing is not read */
    if (record->record.n == 0)
        return;
    if (record->seq > sub->at + 1)
        sub->at = record->seq - 1;
#endif
    if (record->record.n > 0 && record->seq == sub->at + 1)
        tell_record(subs, sub, record);
    else if (record->seq > sub->at)
        read_start(subs, sub);
}

static void offer_all(struct subs *subs, struct sub_room *room,
                      const struct chatd_log_record *record)
{
    struct sub *sub, *next;

    deliver_begin(subs);
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = next) {
        offer(subs, sub, record);
        next = TAILQ_NEXT(sub, link);
    }
    deliver_end(subs);
}

/* A subscriber's first read failed, but here is what comes after the top it asked for. */
static void place_by(struct sub_room *room, uint64_t seq, uint64_t serial)
{
    struct sub *sub;

    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = TAILQ_NEXT(sub, link))
        if (!sub->removed && !sub->placed && sub->epoch_bytes == 0 && serial > sub->serial) {
            sub->placed = true;
            sub->at = seq - 1;
        }
}

void subs_committed(struct subs *subs, chatd_str name, const struct chatd_log_record *record,
                    uint64_t serial)
{
    struct sub_room *room = room_find(subs, name);

    if (room == NULL)
        return;
    if (record->seq > room->top)
        room->top = record->seq;
    place_by(room, record->seq, serial);
    offer_all(subs, room, record);
}

static void room_hint(struct subs *subs, struct sub_room *room, uint64_t top)
{
    const struct chatd_log_record unknown = {.seq = top};

    if (top <= room->top)
        return;
    room->top = top;
    offer_all(subs, room, &unknown);
}

void subs_hint(struct subs *subs, chatd_str name, uint64_t top)
{
    struct sub_room *room = room_find(subs, name);

    if (room != NULL)
        room_hint(subs, room, top);
}

/* --- retention --------------------------------------------------------------------------------- */

void subs_each_room(const struct subs *subs, void (*each)(void *arg, chatd_str name), void *arg)
{
    struct sub_room *room, *next;

    HASH_ITER(hh, subs->rooms, room, next)
    {
        each(arg, (chatd_str){room->name, room->name_bytes});
    }
}

void subs_forgotten(struct subs *subs, chatd_str name, uint64_t first)
{
    struct sub_room *room = room_find(subs, name);
    struct sub *sub, *next;

    if (room == NULL || first <= room->first)
        return;
    room->first = first;
    deliver_begin(subs);
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = next) {
        if (!sub->removed && sub->listener.forgotten != NULL)
            sub->listener.forgotten(sub->caller, (chatd_sub){sub->id}, first, sub->arg);
        next = TAILQ_NEXT(sub, link);
    }
    deliver_end(subs);
}

/* --- other workers ----------------------------------------------------------------------------- */

static void check_done(struct page *page, int err)
{
    struct subs *subs = page->asker.owner;
    struct sub_room *room = room_find(subs, (chatd_str){page->name, page->name_bytes});

    if (room == NULL || err == CHATD_E_CANCELLED)
        return;
    room->checking = false;
    if (room->check_again || err != CHATD_OK) {
        room->check_failed = err != CHATD_OK;
        if (room->check_failed)
            retry_later(subs);
        else
            check_start(room);
    }
    if (err == CHATD_OK)
        room_hint(subs, room, page->room.top); /* may be the end of the room */
}

/* Something may have been missed: one small read for the room, however many subscribers it has. */
static void check_start(struct sub_room *room)
{
    struct subs *subs = room->owner;
    struct page *page;

    room->check_again = room->checking;
    room->check_failed = false;
    if (room->checking)
        return;
    page = page_new((chatd_str){room->name, room->name_bytes}, 0, 0, STORE_AFTER, check_done);
    if (page == NULL) {
        room->check_failed = true;
        retry_later(subs);
        return;
    }
    page->asker = (struct page_asker){.owner = subs};
    room->checking = batch_submit(subs->batch, &page->op, true) == CHATD_OK;
    if (!room->checking)
        page_free(page); /* the server stops */
}

/* One's own comes back as well: its seq is no news. */
static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct sub_room *room = arg;
    struct hint hint;

    (void)self, (void)topic;
    if (lost != 0) {
        check_start(room);
        return;
    }
    if (!hint_read(data, &hint) || hint.seq <= room->top || hint.room.n != room->name_bytes ||
        memcmp(hint.room.p, room->name, room->name_bytes) != 0)
        return;
    const struct chatd_log_record record = {.seq = hint.seq, .ts = hint.ts, .record = hint.record};

    room->top = hint.seq;
    if (room->reading > 0 && record.record.n > 0)
        kept_add(&room->kept, &record);
    offer_all(room->owner, room, &record);
}

void subs_silence(struct subs *subs)
{
    struct sub_room *room, *next;

    HASH_ITER(hh, subs->rooms, room, next)
    {
        peers_unlisten(subs->peers, room->news);
        room->news.v = 0;
    }
}

/* --- subscribing ------------------------------------------------------------------------------- */

int subs_add(struct subs *subs, chatd_plugin *caller, chatd_str name,
             const struct chatd_log_position *after, const struct chatd_log_listener *listener,
             void *arg, chatd_sub *sub_out)
{
    struct sub *sub = calloc(1, sizeof(*sub));

    if (sub == NULL)
        return CHATD_E_BUSY;
    sub->room = room_get(subs, name);
    if (sub->room == NULL) {
        free(sub);
        return CHATD_E_BUSY;
    }
    sub->id = ++subs->last_id;
    sub->caller = caller;
    sub->arg = arg;
    memcpy(&sub->listener, listener,
           listener->size < sizeof(*listener) ? listener->size : sizeof(*listener));
    if (after != NULL && after->epoch.n > 0) {
        sub->at = after->seq;
        sub->epoch_bytes = after->epoch.n;
        memcpy(sub->epoch, after->epoch.p, after->epoch.n);
    }
    TAILQ_INSERT_TAIL(&sub->room->subs, sub, link);
    HASH_ADD(hh, subs->subs, id, sizeof(sub->id), sub);
    *sub_out = (chatd_sub){sub->id};
    read_start(subs, sub);
    return CHATD_OK;
}

int subs_remove(struct subs *subs, chatd_sub id)
{
    struct sub *sub = sub_find(subs, id.v);

    if (sub == NULL)
        return CHATD_E_GONE;
    /* NOLINTNEXTLINE(clang-analyzer-*): a row has its table */
    HASH_DELETE(hh, subs->subs, sub);
    read_end(sub); /* its page finds nobody */
    sub->removed = true;
    if (subs->delivering > 0)
        subs->removed = true;
    else
        sub_free(subs, sub);
    return CHATD_OK;
}

void subs_deinit(struct subs *subs)
{
    struct sub *sub, *next;

    HASH_ITER(hh, subs->subs, sub, next)
    {
        subs_remove(subs, (chatd_sub){sub->id});
    }
}
