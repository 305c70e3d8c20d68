/* SPDX-License-Identifier: MIT */
/* Subscriptions to rooms: positions, delivery in order, refills. */
#include "subs.h"

#include "page.h"

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
    uint64_t serial;    /* of the first read: "the present top" is what came before it */
    size_t epoch_bytes; /* 0: begin at the present top */
    char epoch[CHATD_LOG_EPOCH_MAX];
};

struct sub_room {
    UT_hash_handle hh;
    TAILQ_HEAD(, sub) subs;
    uint64_t top; /* the highest seq seen */
    size_t name_bytes;
    char name[];
};

static void read_start(struct subs *subs, struct sub *sub);

void subs_init(struct subs *subs, chatd_plugin *self, struct batch *batch)
{
    *subs = (struct subs){.self = self, .batch = batch};
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
    room->name_bytes = name.n;
    memcpy(room->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, subs->rooms, room->name, room->name_bytes, room);
    return room;
}

static void sub_free(struct subs *subs, struct sub *sub)
{
    struct sub_room *room = sub->room;

    TAILQ_REMOVE(&room->subs, sub, link);
    free(sub);
    if (TAILQ_EMPTY(&room->subs)) {
        HASH_DELETE(hh, subs->rooms, room);
        free(room);
    }
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

static void retry(chatd_plugin *self, void *arg)
{
    struct subs *subs = arg;
    struct sub *sub, *next;

    (void)self;
    subs->retry.v = 0;
    HASH_ITER(hh, subs->subs, sub, next)
    {
        if (is_behind(sub))
            read_start(subs, sub);
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

static void read_done(struct page *page, int err)
{
    struct subs *subs = page->asker.owner;
    struct sub *sub = sub_find(subs, page->asker.sub);

    if (sub == NULL || err == CHATD_E_CANCELLED)
        return;
    sub->reading = false;
    if (err != CHATD_OK) {
        retry_later(subs);
        return;
    }
    deliver_begin(subs);
    if (page->room.top > sub->room->top)
        sub->room->top = page->room.top;
    if (!sub->placed)
        place(subs, sub, &page->room);
    /* A page that begins after the position says nothing about what lies between: read again. */
    if (page->seq <= sub->at)
        take_records(subs, sub, page);
    if (!sub->removed && is_behind(sub))
        read_start(subs, sub);
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
    sub->reading = true;
    if (batch_submit(subs->batch, &page->op, true) != CHATD_OK) {
        sub->reading = false; /* the server stops */
        page_free(page);
        return;
    }
    if (sub->serial == 0)
        sub->serial = page->op.serial;
}

/* --- live -------------------------------------------------------------------------------------- */

void subs_committed(struct subs *subs, chatd_str name, const struct chatd_log_record *record,
                    uint64_t serial)
{
    struct sub_room *room = room_find(subs, name);
    struct sub *sub, *next;

    if (room == NULL)
        return;
    if (record->seq > room->top)
        room->top = record->seq;
    deliver_begin(subs);
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = next) {
        if (!sub->removed && !sub->placed && sub->epoch_bytes == 0 && serial > sub->serial) {
            /* Its first read failed, but here is what comes after the top it asked for. */
            sub->placed = true;
            sub->at = record->seq - 1;
        }
        if (!sub->removed && sub->placed && !sub->reading) {
            if (record->seq == sub->at + 1)
                tell_record(subs, sub, record);
            else if (record->seq > sub->at)
                read_start(subs, sub);
        }
        next = TAILQ_NEXT(sub, link);
    }
    deliver_end(subs);
}

void subs_hint(struct subs *subs, chatd_str name, uint64_t top)
{
    struct sub_room *room = room_find(subs, name);
    struct sub *sub;

    if (room == NULL || top <= room->top)
        return;
    room->top = top;
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = TAILQ_NEXT(sub, link))
        if (!sub->removed && is_behind(sub))
            read_start(subs, sub);
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
    HASH_DELETE(hh, subs->subs, sub);
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
