/* SPDX-License-Identifier: MIT */
/* Reads pages into rings, and walks new members through them. */
#include "page.h"

#include "deliver.h"
#include "feed.h"
#include "join.h"

/* What a page may queue on a connection before it has to drain. */
#define PAGE_STEP_BYTES 65536u

static uint32_t page_size(const struct room *room)
{
    return (uint32_t)config_of(room->rooms)->history_on_join;
}

bool page_is_here(const struct room *room)
{
    if (room->rooms->log == NULL)
        return true; /* there are no pages */
    return room->is_live && ring_covers(&room->ring, page_size(room));
}

static const struct chatd_log_record *row(const struct chatd_log_page *page, uint32_t i)
{
    const void *at = (const char *)page->records + (size_t)i * page->stride;

    return at;
}

/* Puts what the page (of at most `limit` records) has before the ring's first one in front of it. */
static void merge(struct ring *ring, const struct chatd_log_page *page, uint32_t limit)
{
    uint32_t i;

    for (i = page->n; i > 0; i--) {
        const struct chatd_log_record *record = row(page, i - 1);

        if (record->seq >= ring_first(ring))
            continue; /* it came over the subscription too, or will */
        if (ring_push_front(ring, record->seq, record->ts, record->record) < 0)
            return;
    }
    if (page->n > 0)
        ring->is_whole = page->more == 0 && row(page, 0)->seq >= ring_first(ring);
    else
        ring->is_whole = page->top == 0 || limit > 0; /* none yet, or all trimmed */
    ring_touch(ring);
}

static int take(struct room *room, const struct chatd_log_page *page)
{
    int rc;

    if (!room->is_live) {
        ring_start(&room->ring, page->n > 0 ? row(page, page->n - 1)->seq : page->top);
        rc = feed_open(room, page->epoch);
        if (rc < 0)
            return rc;
    } else if (!str_equal(page->epoch, (chatd_str){room->epoch, strlen(room->epoch)})) {
        return CHATD_E_STATE; /* the subscription is about to be told of another epoch */
    }
    merge(&room->ring, page, page_size(room));
    return page_is_here(room) ? CHATD_OK : CHATD_E_BUSY;
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct room *room = arg;

    room->is_reading = false;
    if (err == CHATD_OK)
        err = take(room, page);
    if (err != CHATD_OK && err != CHATD_E_CANCELLED)
        chatd_log(self, CHATD_LOG_WARN,
                  "room %s: its latest page could not be read (error %d): joiners are refused",
                  room->name, err);
    join_answer_waiters(room, err);
    ring_unpin(&room->ring);
    ring_budget_enforce(&room->rooms->budget);
    room_release(&room);
}

int page_read(struct room *room)
{
    struct rooms *rooms = room->rooms;
    int rc;

    if (room->is_reading)
        return CHATD_OK;
    rc = chatd_log_range(rooms->self, rooms->log, room_name(room), 0, page_size(room),
                         CHATD_LOG_BEFORE, on_page, room);
    if (rc < 0)
        return rc;
    count(rooms, METRIC_STORE_READS);
    room->is_reading = true;
    room_hold(room);
    ring_pin(&room->ring);
    return CHATD_OK;
}

static void on_drained(chatd_plugin *self, chatd_conn conn, void *arg);

/* Sends on to one member; false: it has to drain first, or starts again. */
static bool send_step(struct member *member, size_t *queued)
{
    struct ring *ring = &member->room->ring;

    while (member->sent < ring->last) {
        struct ring_entry *entry = ring_find(ring, member->sent + 1);
        size_t bytes;

        if (*queued >= PAGE_STEP_BYTES)
            return false;
        if (entry == NULL || deliver_to(member, entry, &bytes) < 0) {
            deliver_start_again_one(member);
            return false;
        }
        *queued += bytes;
        member->sent++;
    }
    if (member_go_live(member) < 0)
        deliver_start_again_one(member);
    return true;
}

/* Goes on with every membership of the connection that still gets its page. */
static void send_more(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat = seat_of(rooms, conn);
    struct member *member;
    size_t queued = 0;

    if (seat == NULL)
        return;
    for (member = seat->members; member != NULL; member = member->sibling) {
        if (member->state != MEMBER_PAGING || send_step(member, &queued))
            continue;
        if (member->state == MEMBER_PAGING)
            chatd_conn_when_drained(rooms->self, conn, on_drained, NULL);
        return; /* closing, or on_drained() goes on with the rest */
    }
}

static void on_drained(chatd_plugin *self, chatd_conn conn, void *arg)
{
    (void)arg;
    send_more(self->data, conn);
}

void page_send(struct member *member)
{
    struct room *room = member->room;
    uint32_t n = page_size(room);

    if (!page_is_here(room)) { /* the store was reset since the upgrade let it in */
        deliver_start_again_one(member);
        return;
    }
    if (n > room->ring.n)
        n = room->ring.n;
    member->sent = room->ring.last - n;
    ring_touch(&room->ring);
    send_more(room->rooms, member->conn);
}
