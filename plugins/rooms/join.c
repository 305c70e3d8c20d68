/* SPDX-License-Identifier: MIT */
/* Joins: each is owned by its connection's seat and outlives it only while somebody will call back. */
#include "join.h"

#include "page.h"
#include "turn.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const struct refusal store_away = {
    "unavailable", "The room's messages cannot be read now. Please try again.", 1000};

struct join *join_new(struct seat *seat, struct rooms *rooms, chatd_conn conn, chatd_str room,
                      chatd_str user, join_cb done)
{
    struct join *join = calloc(1, sizeof(*join) + user.n + 1);

    if (join == NULL)
        return NULL;
    join->room = room_open(rooms, room);
    if (join->room == NULL || work_begin(seat) == NULL) {
        if (join->room != NULL)
            room_release(&join->room);
        free(join);
        return NULL;
    }
    join->conn = conn;
    join->done = done;
    if (user.n > 0)
        memcpy(join->user, user.p, user.n);
    join->ev = (struct chatd_ev_join){.ev = {.size = sizeof(join->ev), .conn = conn},
                                      .room = room_name(join->room),
                                      .user = {join->user, user.n}};
    join->seat = seat;
    LL_PREPEND2(seat->work->joins, join, sibling);
    seat->work->n_joins++;
    return join;
}

struct join *join_find(const struct seat *seat, chatd_str room)
{
    struct join *join;

    for (join = work_of(seat)->joins; join != NULL; join = join->sibling) {
        if (str_equal(room_name(join->room), room))
            return join;
    }
    return NULL;
}

static void leave_seat(struct join *join)
{
    struct seat *seat = join->seat;

    LL_DELETE2(seat->work->joins, join, sibling);
    seat->work->n_joins--;
    join->seat = NULL;
    work_rest(seat);
}

static void join_free(struct join *join)
{
    struct room *room = join->room;

    if (join->is_waiting)
        DL_DELETE(room->waiters, join);
    if (join->is_allowed)
        chatd_ev_drop(room->rooms->self, &join->ev.ev);
    if (join->is_pinned)
        ring_unpin(&room->ring);
    room_release(&join->room);
    free(join);
}

/* Everything that `done` needs is known. Nothing may touch the join after its `done`. */
static void let_in(struct join *join, bool is_recovered, const struct chatd_log_page *missed)
{
    join->is_recovered = is_recovered;
    join->start = is_recovered ? join->since.seq : page_start(join->room);
    join->missed = missed;
    join->resets = join->room->resets;
    join->done(join, NULL);
}

/* True if the position is one of the life that the room's log has now. */
static bool is_good(const struct room *room, const struct position *since)
{
    if (room->rooms->log == NULL || since->epoch[0] == '\0')
        return false;
#ifdef CHATD_WITHOUT_RESUME /* tests/broken */
    return false;
#endif
    return strcmp(since->epoch, room->epoch) == 0 ||
           (strcmp(since->epoch, room->previous) == 0 && since->seq <= room->common);
}

/* True if the position is of an epoch that this worker knows nothing of: a foreign one, or one that began
 * while it was cut off from the store. */
static bool is_strange(const struct room *room, const struct position *since)
{
    return room->rooms->log != NULL && since->epoch[0] != '\0' &&
           strcmp(since->epoch, room->epoch) != 0 && strcmp(since->epoch, room->previous) != 0;
}

/* True if the store, asked for the records after the position, had them all, or none is missing. */
static bool has_all_after(const struct chatd_log_page *page, uint64_t seq)
{
    return page->n > 0 ? page_row(page, 0)->seq == seq + 1 : seq == page->top;
}

static void place_or_wait(struct join *join);
static void wait_for_page(struct join *join);

static void on_missed(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct join *join = arg;

    (void)self;
    join->is_reading = false;
    if (join->is_abandoned)
        join_free(join);
    else if (err != CHATD_OK)
        join->done(join, &store_away);
    else if (!page_is_here(join->room)) /* the log took a turn meanwhile */
        place_or_wait(join);
    else if (!str_equal(page->epoch, room_epoch(join->room)))
        wait_for_page(join); /* which comes when the subscription was told of that epoch, too */
    else if (is_good(join->room, &join->since) && has_all_after(page, join->since.seq))
        let_in(join, true, page);
    else
        let_in(join, false, NULL);
}

static void read_missed(struct join *join, uint32_t limit)
{
    struct rooms *rooms = join->room->rooms;

    if (chatd_log_range(rooms->self, rooms->log, room_name(join->room), join->since.seq, limit,
                        CHATD_LOG_AFTER, on_missed, join) < 0) {
        join->done(join, &store_away);
        return;
    }
    count(rooms, METRIC_STORE_READS);
    join->is_reading = true;
    join->is_asked = true;
    join->asked_resets = join->room->resets;
}

/* The page is here: it stays until the join is committed. A position ahead of this worker is one that
 * another worker gave: only the store knows. */
static void place(struct join *join)
{
    struct room *room = join->room;
    uint64_t seq = join->since.seq, last = room->ring.last;
    uint64_t resume_max = (uint64_t)config_of(room->rooms)->resume_max;

    if (!join->is_pinned)
        ring_pin(&room->ring);
    join->is_pinned = true;
    ring_touch(&room->ring);
    if (is_strange(room, &join->since) && !(join->is_asked && join->asked_resets == room->resets))
        read_missed(join, 1); /* who came from a worker that knows more must not be sent back */
    else if (!is_good(room, &join->since) || (seq < last && last - seq > resume_max))
        let_in(join, false, NULL);
    else if (seq <= last && seq + 1 >= ring_first(&room->ring))
        let_in(join, true, NULL);
    else
        read_missed(join, PAGE_READ_MAX);
}

/* The read may find the store in another epoch than the subscription: then it waits for both to be in one. */
static void wait_for_page(struct join *join)
{
    if (page_read(join->room) < 0) {
        join->done(join, &store_away);
        return;
    }
    join->is_waiting = true;
    DL_APPEND(join->room->waiters, join);
}

static void place_or_wait(struct join *join)
{
    if (page_is_here(join->room))
        place(join);
    else
        wait_for_page(join);
}

static void on_verdict(chatd_plugin *self, int verdict, void *arg)
{
    struct join *join = arg;
    struct rooms *rooms = join->room->rooms;
    chatd_conn conn = join->conn;

    (void)self;
    join->is_raising = false;
    join->is_allowed = verdict != CHATD_DENY;
    if (join->seat != NULL)
        join->seat->work->n_deciding--;
    if (join->is_abandoned) {
        join_free(join);
    } else if (!join->is_allowed) {
        struct refusal why = refusal_of(&join->ev.ev);

        join->done(join, &why);
    } else {
        place_or_wait(join);
    }
    turn_go_on(rooms, conn);
}

void join_begin(struct join *join)
{
    static const struct refusal fault = {"internal", "The room cannot be joined.", 0};

    join->is_raising = true;
    join->seat->work->n_deciding++;
    if (chatd_raise_join(join->room->rooms->self, &join->ev, on_verdict, join) < 0) {
        join->is_raising = false;
        join->seat->work->n_deciding--;
        join->done(join, &fault);
    }
}

void join_answer_waiters(struct room *room, int err)
{
    struct join *join;

    while ((join = room->waiters) != NULL) {
        DL_DELETE(room->waiters, join);
        join->is_waiting = false;
        if (err == CHATD_OK)
            place(join);
        else
            join->done(join, &store_away);
    }
}

struct member *join_commit(struct join *join, enum dialect dialect)
{
    struct member *member = member_add(join->seat, join->room, join->conn, dialect);

    if (member != NULL) {
        join->is_allowed = false; /* raised instead of dropped */
        chatd_raised_join(join->room->rooms->self, &join->ev);
    }
    leave_seat(join);
    join_free(join);
    return member;
}

void join_abandon(struct join *join)
{
    if (join->is_raising)
        join->seat->work->n_deciding--;
    leave_seat(join);
    if (join->is_raising || join->is_reading)
        join->is_abandoned = true; /* somebody will call back with it */
    else
        join_free(join);
}
