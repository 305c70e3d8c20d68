/* SPDX-License-Identifier: MIT */
/* Reads pages into rings. */
#include "page.h"

#include "feed.h"
#include "join.h"

static uint32_t page_size(const struct room *room)
{
    return (uint32_t)config_of(room->rooms)->history_on_join;
}

bool page_is_here(const struct room *room)
{
    if (room->rooms->log == NULL)
        return true; /* there are no pages */
    return room->is_live &&
           (ring_covers(&room->ring, page_size(room)) || (room->is_page_cut && room->ring.n > 0));
}

uint64_t page_start(const struct room *room)
{
    uint32_t n = page_size(room);

    return room->ring.last - (n < room->ring.n ? n : room->ring.n);
}

/* Puts what the page (of at most `limit` records) has before the ring's first one in front of it. */
static void merge(struct ring *ring, const struct chatd_log_page *page, uint32_t limit)
{
    uint32_t i;

    for (i = page->n; i > 0; i--) {
        const struct chatd_log_record *record = page_row(page, i - 1);

        if (record->seq >= ring_first(ring))
            continue; /* it came over the subscription too, or will */
        if (record->seq < ring->floor)
            break; /* it was deleted while the page was on its way */
        if (ring_push_front(ring, record->seq, record->ts, record->record) < 0)
            return;
    }
    if (page->n > 0)
        ring->is_whole = page->more == 0 && page_row(page, 0)->seq >= ring_first(ring);
    else
        ring->is_whole = page->top == 0 || limit > 0; /* none yet, or all trimmed */
    ring_touch(ring);
}

static int take(struct room *room, const struct chatd_log_page *page)
{
    int rc;

    if (!room->is_live) {
        ring_start(&room->ring, page->n > 0 ? page_row(page, page->n - 1)->seq : page->top);
        rc = feed_open(room, page);
        if (rc < 0)
            return rc;
    } else if (!str_equal(page->epoch, room_epoch(room))) {
        return CHATD_E_STATE; /* the subscription is about to be told of another epoch */
    }
    merge(&room->ring, page, page_size(room));
    room->is_page_cut = page->more && page->n > 0 && page->n < page_size(room);
    return page_is_here(room) ? CHATD_OK : CHATD_E_BUSY;
}

/* The subscription did not come to know the epoch that the store is in. */
static void on_no_reset(chatd_plugin *self, void *arg)
{
    struct room *room = arg;

    (void)self;
    room->reread.v = 0;
    join_answer_waiters(room, CHATD_E_TIMEOUT);
    room_release(&room);
}

/* The page and the subscription are in two epochs: those who wait for the page go on waiting until both
 * are in one. False: they cannot. */
static bool wait_for_reset(struct room *room)
{
    if (room->waiters == NULL)
        return false;
    if (room->read_resets != room->resets) /* the subscription was told while the page was read */
        return page_read(room) >= 0;
    if (room->reread.v != 0)
        return true;
    if (chatd_timer_start(room->rooms->self, CHATD_LOG_DEADLINE_MS, 0, on_no_reset, room,
                          &room->reread) < 0)
        return false;
    room_hold(room);
    return true;
}

void page_epoch_began(struct room *room)
{
    struct room *held = room;

    if (room->reread.v == 0)
        return;
    chatd_timer_cancel(room->rooms->self, room->reread);
    room->reread.v = 0;
    if (page_read(room) < 0)
        join_answer_waiters(room, CHATD_E_BACKEND);
    room_release(&held);
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct room *room = arg;

    room->is_reading = false;
    if (err == CHATD_OK)
        err = take(room, page);
    if (err != CHATD_E_STATE || !wait_for_reset(room)) {
        if (err != CHATD_OK && err != CHATD_E_CANCELLED && room->waiters != NULL)
            chatd_log(self, CHATD_LOG_WARN,
                      "room %s: its latest page could not be read (error %d): joiners are refused; "
                      "/readyz tells what the store lacks",
                      room->name, err);
        join_answer_waiters(room, err);
    }
    ring_unpin(&room->ring);
    ring_budget_enforce(&room->rooms->budget);
    room_release(&room);
}

int page_read(struct room *room)
{
    struct rooms *rooms = room->rooms;
    /* Up to where the subscription stands: what is beyond will come over it, and would take the place of
     * older records in the page. */
    uint64_t before = room->is_live ? room->ring.last + 1 : 0;
    int rc;

    if (room->is_reading)
        return CHATD_OK;
    rc = chatd_log_range(rooms->self, rooms->log, room_name(room), before, page_size(room),
                         CHATD_LOG_BEFORE, on_page, room);
    if (rc < 0)
        return rc;
    count(rooms, METRIC_STORE_READS);
    room->is_reading = true;
    room->read_resets = room->resets;
    room_hold(room);
    ring_pin(&room->ring);
    return CHATD_OK;
}
