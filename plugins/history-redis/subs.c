/* SPDX-License-Identifier: MIT */
/* Subscriptions to rooms: positions, delivery in order, reading what was missed. */
#include "subs.h"

#include "hash.h"

#include <string.h>

struct epoch {
    size_t n;
    char p[CHATD_LOG_EPOCH_MAX];
};

struct sub {
    UT_hash_handle hh;
    TAILQ_ENTRY(sub) link;   /* of the room */
    TAILQ_ENTRY(sub) hungry; /* while `wants` */
    struct subs *subs;
    uint64_t id;
    struct sub_room *room;
    chatd_plugin *caller;
    struct chatd_log_listener listener;
    void *arg;
    bool removed;
    bool placed;        /* (epoch, at) is a position that the store has confirmed */
    bool reading;       /* a page is on its way */
    bool wants;         /* to be read for, when it is its turn */
    bool again;         /* when the present page has come */
    uint64_t kept_from; /* number of the room's first publication since the page was asked for */
    uint64_t at;        /* what was delivered or skipped */
    struct epoch epoch; /* n 0: begin at the present top */
};

/* A publication that came while somebody read. */
struct kept {
    TAILQ_ENTRY(kept) link;
    uint64_t number, seq;
    int64_t ts;
    struct epoch epoch;
    size_t n;
    char record[];
};

struct sub_room {
    UT_hash_handle hh;
    struct sub_list subs;
    bool listening;
    uint32_t reading;
    struct epoch epoch; /* as heard or read last */
    uint64_t top;       /* the highest seq of it */
    uint64_t first;     /* the oldest record, as subscribers were told */
    uint64_t stands_at; /* as the position check was told, in `epoch`; 0: nothing to settle */
    TAILQ_HEAD(, kept) kept;
    uint32_t kept_n;
    size_t kept_bytes;
    uint64_t last_number;
    uint64_t last_dropped; /* number of the latest one that was not kept */
    size_t name_n;
    char name[];
};

static void want(struct sub *sub);
static void feed(struct subs *subs);

void subs_init(struct subs *subs, chatd_plugin *self, const struct subs_events *events, void *arg)
{
    *subs = (struct subs){.self = self, .events = events, .arg = arg};
    TAILQ_INIT(&subs->hungry);
}

static chatd_str epoch_str(const struct epoch *epoch)
{
    return (chatd_str){epoch->p, epoch->n};
}

static void epoch_set(struct epoch *epoch, chatd_str text)
{
    epoch->n = text.n < sizeof(epoch->p) ? text.n : sizeof(epoch->p);
    if (epoch->n > 0)
        memcpy(epoch->p, text.p, epoch->n);
}

static chatd_str room_name(const struct sub_room *room)
{
    return (chatd_str){room->name, room->name_n};
}

/* --- rooms and ids ----------------------------------------------------------------------------- */

static struct sub_room *room_find(const struct subs *subs, chatd_str name)
{
    struct sub_room *room;

    HASH_FIND(hh, subs->rooms, name.p, name.n, room);
    return room;
}

static struct sub_room *room_get(struct subs *subs, chatd_str name, int *err_out)
{
    struct sub_room *room = room_find(subs, name);

    *err_out = CHATD_OK;
    if (room != NULL)
        return room;
    *err_out = CHATD_E_BUSY;
    room = calloc(1, sizeof(*room) + name.n + 1);
    if (room == NULL)
        return NULL;
    TAILQ_INIT(&room->subs);
    TAILQ_INIT(&room->kept);
    room->name_n = name.n;
    memcpy(room->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, subs->rooms, room->name, room->name_n, room);
    *err_out = subs->events->listen(subs->arg, name);
    if (*err_out == CHATD_OK)
        return room;
    HASH_DELETE(hh, subs->rooms, room);
    free(room);
    return NULL;
}

static void forget_kept(struct sub_room *room)
{
    struct kept *kept;

    while ((kept = TAILQ_FIRST(&room->kept)) != NULL) {
        TAILQ_REMOVE(&room->kept, kept, link);
        free(kept);
    }
    room->kept_n = 0;
    room->kept_bytes = 0;
}

static void sub_free(struct subs *subs, struct sub *sub)
{
    struct sub_room *room = sub->room;

    TAILQ_REMOVE(&room->subs, sub, link);
    free(sub);
    if (!TAILQ_EMPTY(&room->subs))
        return;
    if (subs->unchecked == room)
        subs->unchecked = room->hh.next;
    HASH_DELETE(hh, subs->rooms, room);
    subs->events->unlisten(subs->arg, room_name(room));
    forget_kept(room);
    free(room);
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

static void tell_record(struct sub *sub, const struct chatd_log_record *record)
{
    sub->at = record->seq;
    sub->listener.record(sub->caller, (chatd_sub){sub->id}, epoch_str(&sub->epoch), record,
                         sub->arg);
}

/* The records after the present position up to `to` are gone. */
static void tell_trimmed(struct sub *sub, uint64_t to)
{
    uint64_t from = sub->at + 1;

    sub->at = to;
    if (sub->listener.trimmed != NULL)
        sub->listener.trimmed(sub->caller, (chatd_sub){sub->id}, from, to, sub->arg);
}

static void tell_reset(struct sub *sub, chatd_str epoch, uint64_t valid)
{
    epoch_set(&sub->epoch, epoch);
    sub->at = sub->at < valid ? sub->at : valid;
    if (sub->listener.reset != NULL)
        sub->listener.reset(sub->caller, (chatd_sub){sub->id}, epoch, valid, sub->arg);
}

/* Turns the position into one of the page's epoch. */
static void place(struct sub *sub, const struct page *page)
{
    bool is_first = !sub->placed;

    sub->placed = true;
    if (is_first && sub->epoch.n == 0) {
        epoch_set(&sub->epoch, page->epoch);
        sub->at = page->top;
    } else if (!text_is(epoch_str(&sub->epoch), page->epoch)) {
        bool known = page->previous.n > 0 && text_is(epoch_str(&sub->epoch), page->previous);

        tell_reset(sub, page->epoch, known ? page->common : 0);
    } else if (sub->at > page->top) {
        tell_reset(sub, page->epoch, page->top); /* records were lost that it has seen */
    }
}

/* --- publications ------------------------------------------------------------------------------ */

static void keep(struct sub_room *room, const struct publication *publication)
{
    struct kept *kept;

    room->last_number++;
    kept = room->kept_n < SUBS_KEPT_MAX && room->kept_bytes + publication->body.n <= SUBS_KEPT_BYTES
               ? calloc(1, sizeof(*kept) + publication->body.n + 1)
               : NULL;
    if (kept == NULL) {
        room->last_dropped = room->last_number; /* whoever reads now reads once more */
        return;
    }
    kept->number = room->last_number;
    kept->seq = publication->seq;
    kept->ts = publication->ts;
    epoch_set(&kept->epoch, publication->epoch);
    kept->n = publication->body.n;
    memcpy(kept->record, publication->body.p, kept->n);
    TAILQ_INSERT_TAIL(&room->kept, kept, link);
    room->kept_n++;
    room->kept_bytes += kept->n;
}

static void heard(struct sub_room *room, chatd_str epoch, uint64_t seq)
{
    if (!text_is(epoch_str(&room->epoch), epoch)) {
        epoch_set(&room->epoch, epoch);
        room->top = seq;
        room->stands_at = room->first = 0;
    } else if (seq > room->top) {
        room->top = seq;
    }
}

/* To one that has nothing on its way. */
static void offer(struct sub *sub, chatd_str epoch, const struct chatd_log_record *record)
{
    bool same = sub->placed && text_is(epoch_str(&sub->epoch), epoch);

#ifdef CHATD_WITHOUT_ORDER /* tests/broken: what is early is not waited with */
    uint64_t at = sub->at;

    if (same && record->seq > at + 1) {
        tell_record(sub, record);
        sub->at = at;
    }
#elif defined(CHATD_WITHOUT_REFILL) /* tests/broken: what is missing is not read */
    if (same && record->seq > sub->at + 1)
        sub->at = record->seq - 1;
#endif
    if (same && record->seq == sub->at + 1)
        tell_record(sub, record);
    else if (!same || record->seq > sub->at)
        want(sub);
}

void subs_published(struct subs *subs, chatd_str name, const struct publication *publication)
{
    const struct chatd_log_record record = {
        .seq = publication->seq, .ts = publication->ts, .record = publication->body};
    struct sub_room *room = room_find(subs, name);
    struct sub *sub, *next;

    if (room == NULL)
        return;
    heard(room, publication->epoch, publication->seq);
    if (room->reading > 0)
        keep(room, publication);
    deliver_begin(subs);
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = next) {
        if (!sub->removed && !sub->reading)
            offer(sub, publication->epoch, &record);
        next = TAILQ_NEXT(sub, link);
    }
    deliver_end(subs);
    feed(subs);
}

/* What was published while its page was on its way. */
static void take_kept(struct sub *sub)
{
    struct sub_room *room = sub->room;
    struct kept *kept;

    for (kept = TAILQ_FIRST(&room->kept); kept != NULL; kept = TAILQ_NEXT(kept, link)) {
        const struct chatd_log_record record = {
            .seq = kept->seq, .ts = kept->ts, .record = {kept->record, kept->n}};

        if (kept->number < sub->kept_from || sub->removed)
            continue;
        heard(room, epoch_str(&kept->epoch), kept->seq);
        offer(sub, epoch_str(&kept->epoch), &record);
    }
}

/* --- reading ----------------------------------------------------------------------------------- */

static void on_retry(chatd_plugin *self, void *arg)
{
    struct subs *subs = arg;
    struct sub *sub, *next;

    (void)self;
    subs->retry.v = 0;
    HASH_ITER(hh, subs->subs, sub, next)
    {
        if (sub->again) {
            sub->again = false;
            want(sub);
        }
    }
    feed(subs);
}

static void retry_later(struct sub *sub)
{
    struct subs *subs = sub->subs;

    sub->again = true;
    if (subs->retry.v == 0)
        chatd_timer_start(subs->self, SUBS_RETRY_MS, 0, on_retry, subs, &subs->retry);
}

/* Wants a page, now or after the one that is on its way. */
static void want(struct sub *sub)
{
#ifdef CHATD_WITHOUT_REFILL
    if (sub->placed)
        return;
#endif
    if (sub->reading) {
        sub->again = true;
    } else if (!sub->wants && !sub->removed) {
        sub->wants = true;
        TAILQ_INSERT_TAIL(&sub->subs->hungry, sub, hungry);
    }
}

static void take_records(struct sub *sub, const struct page *page)
{
    for (uint32_t i = 0; i < page->n && !sub->removed; i++) {
        const struct chatd_log_record *record = &page->records[i];

        if (record->seq > sub->at + 1)
            tell_trimmed(sub, record->seq - 1);
        if (record->seq > sub->at && !sub->removed)
            tell_record(sub, record);
    }
    if (page->n == 0 && page->top > sub->at && !sub->removed)
        tell_trimmed(sub, page->top);
}

/* What a page is asked for with. */
struct asked {
    struct subs *subs;
    uint64_t sub;
    struct sub_room *room; /* not to be looked into: it may be gone */
    uint64_t seq;
    bool top_only;
};

static void take_page(struct sub *sub, const struct asked *asked, const struct page *page)
{
    struct sub_room *room = sub->room;

    if (!text_is(epoch_str(&room->epoch), page->epoch))
        room->stands_at = room->first = 0;
    epoch_set(&room->epoch, page->epoch);
    room->top = page->top;
    place(sub, page);
    /* A page that begins after the position says nothing about what lies between: read again. */
    if (!asked->top_only && asked->seq <= sub->at)
        take_records(sub, page);
    take_kept(sub);
    if (!sub->removed && room->listening &&
        (sub->again || asked->top_only || room->top > sub->at ||
         room->last_dropped >= sub->kept_from)) {
        sub->again = false;
        want(sub);
    }
}

static void page_came(void *arg, int err, const struct page *page)
{
    struct asked asked = *(struct asked *)arg;
    struct subs *subs = asked.subs;
    struct sub *sub = sub_find(subs, asked.sub);

    free(arg);
    subs->reading--;
    if (err == CHATD_E_CANCELLED)
        return;
    if (sub != NULL) {
        struct sub_room *room = sub->room;

        sub->reading = false;
        deliver_begin(subs);
        if (err == CHATD_OK)
            take_page(sub, &asked, page);
        else
            retry_later(sub);
        if (--room->reading == 0)
            forget_kept(room);
        deliver_end(subs);
    }
    feed(subs);
}

static bool is_plain(chatd_str epoch)
{
    for (size_t i = 0; i < epoch.n; i++)
        if ((unsigned char)epoch.p[i] <= ' ')
            return false;
    return epoch.n > 0;
}

static void read_start(struct subs *subs, struct sub *sub)
{
    struct asked *asked = calloc(1, sizeof(*asked));
    bool top_only = !sub->placed && sub->epoch.n == 0;
    const struct page_wish wish = {.room = room_name(sub->room),
                                   .seq = sub->at,
                                   .limit = top_only ? 0 : SUBS_PAGE,
                                   .direction = CHATD_LOG_AFTER,
                                   .bytes = SUBS_PAGE_BYTES,
                                   .patient = true,
                                   .fresh = subs_fresh_epoch(subs, room_name(sub->room))};

    if (asked == NULL) {
        retry_later(sub);
        return;
    }
    *asked = (struct asked){.subs = subs, .sub = sub->id, .seq = sub->at, .top_only = top_only};
    int err = subs->events->read(subs->arg, &wish, page_came, asked);

    if (err != CHATD_OK) {
        free(asked);
        if (err != CHATD_E_STATE)
            retry_later(sub);
        return;
    }
    sub->reading = true;
    sub->kept_from = sub->room->last_number + 1;
    sub->room->reading++;
    subs->reading++;
}

/* Reads for as many as may read at one time. */
static void feed(struct subs *subs)
{
    struct sub *sub;

    while (subs->reading < SUBS_READS_MAX && (sub = TAILQ_FIRST(&subs->hungry)) != NULL) {
        TAILQ_REMOVE(&subs->hungry, sub, hungry);
        sub->wants = false;
        read_start(subs, sub);
    }
}

void subs_listening(struct subs *subs, chatd_str name)
{
    struct sub_room *room = room_find(subs, name);
    struct sub *sub;

    if (room == NULL)
        return;
    room->listening = true;
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = TAILQ_NEXT(sub, link))
        want(sub);
    feed(subs);
}

void subs_deaf(struct subs *subs)
{
    struct sub_room *room, *next;

    HASH_ITER(hh, subs->rooms, room, next)
    {
        room->listening = false;
    }
}

void subs_recheck(struct subs *subs)
{
    struct sub *sub, *next;

    HASH_ITER(hh, subs->subs, sub, next)
    {
        if (sub->room->listening)
            want(sub);
    }
    feed(subs);
}

/* --- the position check ------------------------------------------------------------------------ */

void subs_check_begin(struct subs *subs)
{
    subs->unchecked = subs->rooms;
}

bool subs_check_next(struct subs *subs, chatd_str *name_out)
{
    struct sub_room *room = subs->unchecked;

    while (room != NULL && !room->listening)
        room = room->hh.next;
    if (room == NULL)
        return false;
    subs->unchecked = room->hh.next;
    *name_out = room_name(room);
    return true;
}

static void want_all(struct sub_room *room)
{
    struct sub *sub;

    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = TAILQ_NEXT(sub, link))
        want(sub);
}

static bool is_behind(const struct sub_room *room, uint64_t seq)
{
    const struct sub *sub;

    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = TAILQ_NEXT(sub, link))
        if (sub->placed && !sub->reading && !sub->wants && sub->at < seq)
            return true; /* and nothing is on its way to it */
    return false;
}

void subs_stands_at(struct subs *subs, chatd_str name, chatd_str epoch, uint64_t seq)
{
    struct sub_room *room = room_find(subs, name);

    /* Nothing was heard or read yet: a page is on its way. */
    if (room == NULL || !room->listening || room->epoch.n == 0)
        return;
    if (text_is(epoch_str(&room->epoch), epoch)) {
        room->stands_at = seq; /* may be less than was heard while the answer was on its way */
    } else if (room->top > 0 || epoch.n > 0) {
        room->stands_at = 0;
        want_all(room);
        feed(subs);
    }
}

uint32_t subs_catch_up(struct subs *subs)
{
    struct sub_room *room, *next;
    uint32_t found = 0;

    HASH_ITER(hh, subs->rooms, room, next)
    {
        if (room->stands_at > 0 && room->listening && is_behind(room, room->stands_at)) {
            found++;
            want_all(room);
        }
        room->stands_at = 0;
    }
    feed(subs);
    return found;
}

void subs_forgotten(struct subs *subs, chatd_str name, chatd_str epoch, uint64_t first)
{
    struct sub_room *room = room_find(subs, name);
    struct sub *sub, *next;

    if (room == NULL || !text_is(epoch_str(&room->epoch), epoch) || first <= room->first)
        return;
    room->first = first;
    deliver_begin(subs);
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = next) {
        if (!sub->removed && sub->placed && sub->listener.forgotten != NULL)
            sub->listener.forgotten(sub->caller, (chatd_sub){sub->id}, first, sub->arg);
        next = TAILQ_NEXT(sub, link);
    }
    deliver_end(subs);
}

chatd_str subs_fresh_epoch(const struct subs *subs, chatd_str name)
{
    const struct sub_room *room = room_find(subs, name);
    const struct sub *sub;

    if (room == NULL || room->top > 0)
        return CHATD_STR("");
    for (sub = TAILQ_FIRST(&room->subs); sub != NULL; sub = TAILQ_NEXT(sub, link)) {
        if (!sub->removed && sub->at == 0 && is_plain(epoch_str(&sub->epoch)))
            return epoch_str(&sub->epoch);
    }
    return CHATD_STR("");
}

/* --- subscribing ------------------------------------------------------------------------------- */

int subs_add(struct subs *subs, chatd_plugin *caller, chatd_str name,
             const struct chatd_log_position *after, const struct chatd_log_listener *listener,
             void *arg, chatd_sub *sub_out)
{
    struct sub *sub = calloc(1, sizeof(*sub));
    int err = CHATD_E_BUSY;

    if (sub == NULL)
        return CHATD_E_BUSY;
    sub->room = room_get(subs, name, &err);
    if (sub->room == NULL) {
        free(sub);
        return err;
    }
    sub->subs = subs;
    sub->id = ++subs->last_id;
    sub->caller = caller;
    sub->arg = arg;
    memcpy(&sub->listener, listener,
           listener->size < sizeof(*listener) ? listener->size : sizeof(*listener));
    if (after != NULL && after->epoch.n > 0) {
        sub->at = after->seq;
        epoch_set(&sub->epoch, after->epoch);
    }
    TAILQ_INSERT_TAIL(&sub->room->subs, sub, link);
    HASH_ADD(hh, subs->subs, id, sizeof(sub->id), sub);
    *sub_out = (chatd_sub){sub->id};
    /* "The present top" is what was there before anything that is called after this. */
    if (sub->room->listening || sub->epoch.n == 0)
        want(sub);
    feed(subs);
    return CHATD_OK;
}

int subs_remove(struct subs *subs, chatd_sub id)
{
    struct sub *sub = sub_find(subs, id.v);

    if (sub == NULL)
        return CHATD_E_GONE;
    /* NOLINTNEXTLINE(clang-analyzer-*): a row has its table */
    HASH_DELETE(hh, subs->subs, sub);
    if (sub->wants)
        TAILQ_REMOVE(&subs->hungry, sub, hungry);
    if (sub->reading && --sub->room->reading == 0 && subs->delivering == 0)
        forget_kept(sub->room);
    sub->wants = false;
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
