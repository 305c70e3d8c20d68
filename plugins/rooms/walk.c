/* SPDX-License-Identifier: MIT */
/* Walks members through the records they do not have. */
#include "walk.h"

#include "deliver.h"
#include "history.h"
#include "page.h"

#include <stdlib.h>
#include <utlist.h>

/* What a walk may queue on a connection before it has to drain. */
#define STEP_BYTES 65536u

/* Between two looks at a store that is ahead of the room's subscription. */
#define RETRY_MS 1000u

/* A read of the store for one member. It outlives the member, not the room. */
struct fetch {
    struct fetch *prev, *next; /* in room->fetches */
    struct room *room;         /* held */
    struct member *member;     /* NULL: it does not want it any more */
    uint32_t resets;           /* of the room when it was asked for */
};

enum step {
    STEP_DONE,  /* it is live, or waits for the subscription */
    STEP_DRAIN, /* its queue has to drain first */
    STEP_READ,  /* the store was asked */
    STEP_END    /* it is being closed */
};

static void set_ahead(struct member *member, bool is_ahead)
{
    if (member->is_ahead == is_ahead)
        return;
    member->is_ahead = is_ahead;
    if (is_ahead)
        member->room->n_ahead++;
    else
        member->room->n_ahead--;
}

static void on_drained(chatd_plugin *self, chatd_conn conn, void *arg)
{
    (void)arg;
    walk_go_on(self->data, conn);
    history_go_on(self->data, conn);
}

/* CHATD_E_EXISTS: it was asked for already. */
void walk_when_drained(struct rooms *rooms, chatd_conn conn)
{
    chatd_conn_when_drained(rooms->self, conn, on_drained, NULL);
}

static void on_retry(chatd_plugin *self, void *arg)
{
    walk_go_on(self->data, (chatd_conn){(uint64_t)(uintptr_t)arg});
}

/* The store is in an epoch that the subscription is about to tell of, and walk_reset() will go on; should
 * that not come, the store is asked again. */
static void go_on_later(struct rooms *rooms, chatd_conn conn)
{
    chatd_timer timer;

    chatd_timer_start(rooms->self, RETRY_MS, 0, on_retry, (void *)(uintptr_t)conn.v, &timer);
}

static enum step give_up(struct member *member, int code, const char *reason)
{
    member_void(member);
    chatd_conn_close(member->room->rooms->self, member->conn, code, reason);
    return STEP_END;
}

/* What a send that failed means for the walk. */
static enum step failed(struct member *member, int err)
{
    if (err == CHATD_E_BUSY)
        return STEP_DRAIN;
    if (err == CHATD_E_GONE)
        return STEP_END;
    return give_up(member, CHATD_CLOSE_TOO_SLOW, "start again from the latest page");
}

/* --- What it has to be told first ---------------------------------------------------------------- */

/* Tells that from sent + 1 to `to` nothing comes; classic, which cannot say so, starts again. */
static int tell_gap(struct member *member, uint64_t to)
{
    int rc;

    if (to <= member->sent)
        return CHATD_OK;
    if (member->dialect == DIALECT_CLASSIC && to < member->room->ring.floor) {
        member->sent = to; /* deleted on purpose: nothing it would find by starting again */
        return CHATD_OK;
    }
    rc = deliver_gap(member, member->sent + 1, to);
    if (rc < 0)
        return rc;
    count(member->room->rooms, METRIC_GAPS);
    member->sent = to;
    return CHATD_OK;
}

static int pay_debts(struct member *member)
{
    struct room *room = member->room;
    uint64_t last = room->ring.last;
    int rc;

    if (member->owes_reset) {
        rc = deliver_reset(member);
        if (rc < 0)
            return rc;
        member->owes_reset = false;
        if (last > member->sent &&
            last - member->sent > (uint64_t)config_of(room->rooms)->resume_max)
            member->owes_gap = true;
    }
    if (!member->owes_gap)
        return CHATD_OK;
    rc = tell_gap(member, last);
    if (rc >= 0)
        member->owes_gap = false;
    return rc;
}

/* --- From the store ------------------------------------------------------------------------------ */

/* Sends the records of a page that it does not have; an error of a send ends it early. */
static int send_page(struct member *member, const struct chatd_log_page *page, size_t *queued)
{
    uint32_t i;
    int rc = CHATD_OK;

    for (i = 0; i < page->n && rc >= 0; i++) {
        const struct chatd_log_record *record = page_row(page, i);
        size_t bytes;

        if (record->seq <= member->sent)
            continue;
        rc = tell_gap(member, record->seq - 1);
        if (rc >= 0)
            rc = deliver_record_to(member, record, &bytes);
        if (rc < 0)
            break;
        *queued += bytes;
        member->sent = record->seq;
    }
    /* All that is missing may have been trimmed away meanwhile. */
    if (rc >= 0 && page->n == 0)
        rc = tell_gap(member, page->top);
    return rc;
}

static void on_fetched(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct fetch *fetch = arg;
    struct room *room = fetch->room;
    struct member *member = fetch->member;
    bool is_present = fetch->resets == room->resets;
    size_t queued = 0;

    DL_DELETE(room->fetches, fetch);
    free(fetch);
    if (member != NULL) {
        chatd_conn conn = member->conn;

        member->is_reading = false;
        if (err != CHATD_OK) {
            give_up(member, CHATD_CLOSE_TRY_LATER, "the store is away");
        } else if (!is_present || str_equal(page->epoch, room_epoch(room))) {
            int rc = is_present ? send_page(member, page, &queued) : CHATD_OK;

            if (rc >= 0 || failed(member, rc) == STEP_DRAIN)
                walk_when_drained(room->rooms, conn);
        } else {
            go_on_later(room->rooms, conn);
        }
    }
    (void)self;
    room_release(&room);
}

static enum step read_store(struct member *member)
{
    struct room *room = member->room;
    struct rooms *rooms = room->rooms;
    struct fetch *fetch = malloc(sizeof(*fetch));

    if (fetch == NULL)
        return give_up(member, CHATD_CLOSE_TRY_LATER, "the server is short of memory");
    *fetch = (struct fetch){.room = room, .member = member, .resets = room->resets};
    if (chatd_log_range(rooms->self, rooms->log, room_name(room), member->sent, PAGE_READ_MAX,
                        CHATD_LOG_AFTER, on_fetched, fetch) < 0) {
        free(fetch);
        return give_up(member, CHATD_CLOSE_TRY_LATER, "the store is away");
    }
    count(rooms, METRIC_STORE_READS);
    room_hold(room);
    DL_APPEND(room->fetches, fetch);
    member->is_reading = true;
    return STEP_READ;
}

void walk_stop(struct member *member)
{
    struct fetch *fetch;

    set_ahead(member, false);
    member->owes_reset = member->owes_gap = false;
    if (!member->is_reading)
        return;
    DL_SEARCH_SCALAR(member->room->fetches, fetch, member, member);
    fetch->member = NULL;
    member->is_reading = false;
}

/* --- From the ring -------------------------------------------------------------------------------- */

static enum step step(struct member *member, size_t *queued)
{
    struct ring *ring = &member->room->ring;
    int rc;

    if (member->is_reading)
        return STEP_READ;
    rc = pay_debts(member);
    while (rc >= 0 && member->sent < ring->last) {
        struct ring_entry *entry = ring_find(ring, member->sent + 1);
        size_t bytes;

        if (*queued >= STEP_BYTES)
            return STEP_DRAIN;
        if (entry == NULL)
            return read_store(member);
        rc = deliver_to(member, entry, &bytes);
        if (rc >= 0) {
            *queued += bytes;
            member->sent++;
        }
    }
    if (rc < 0)
        return failed(member, rc);
    set_ahead(member, member->sent > ring->last);
    if (!member->is_ahead && member_go_live(member) < 0)
        return give_up(member, CHATD_CLOSE_TRY_LATER, "the server is short of memory");
    return STEP_DONE;
}

void walk_go_on(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat = seat_of(rooms, conn);
    struct member *member;
    size_t queued = 0;

    if (seat == NULL)
        return;
    for (member = seat->members; member != NULL; member = member->sibling) {
        enum step outcome =
            member->state == MEMBER_BEHIND && !member->is_ahead ? step(member, &queued) : STEP_DONE;

        if (outcome == STEP_END)
            return;
        if (outcome == STEP_DRAIN) {
            /* The others have their turn first the next time. */
            LL_DELETE2(seat->members, member, sibling);
            LL_APPEND2(seat->members, member, sibling);
            walk_when_drained(rooms, conn);
            return;
        }
    }
}

void walk_begin(struct member *member, uint64_t sent, const struct chatd_log_page *page)
{
    size_t queued = 0;
    int rc = CHATD_OK;

    member->sent = sent;
    if (page != NULL)
        rc = send_page(member, page, &queued);
    if (rc < 0 && failed(member, rc) != STEP_DRAIN)
        return;
    if (rc < 0 || queued >= STEP_BYTES)
        walk_when_drained(member->room->rooms, member->conn);
    else
        walk_go_on(member->room->rooms, member->conn);
}

/* --- Turns of the room's log ---------------------------------------------------------------------- */

void walk_reset(struct member *member, uint64_t seq, uint64_t last)
{
    bool is_live = member->state == MEMBER_LIVE;
    uint64_t has = is_live && !member->owes_reset ? last : member->sent;

    if (member->state == MEMBER_VOID)
        return;
    set_ahead(member, false);
    has = has < seq ? has : seq;
    if (!member_fall_behind(member, has))
        member->sent = has;
    member->owes_reset = true;
    walk_go_on(member->room->rooms, member->conn);
}

void walk_gap(struct member *member, uint64_t last)
{
    if (member->state != MEMBER_LIVE || !member_fall_behind(member, last))
        return; /* it will not find them in the store, or is about to be told of a gap anyway */
    member->owes_gap = true;
    walk_go_on(member->room->rooms, member->conn);
}

void walk_again(struct room *room, uint64_t last)
{
    struct member *member, *next;

    DL_FOREACH_SAFE(room->members, member, next)
    {
        if (member->state == MEMBER_LIVE && member_fall_behind(member, last))
            walk_go_on(room->rooms, member->conn);
    }
}

void walk_ahead(struct room *room)
{
    struct member *member, *next;

    DL_FOREACH_SAFE(room->members, member, next)
    {
        if (!member->is_ahead || member->sent > room->ring.last)
            continue;
        set_ahead(member, false);
        walk_go_on(room->rooms, member->conn);
    }
}
