/* SPDX-License-Identifier: MIT */
/* Requests that are put off, and when they begin. */
#include "turn.h"

#include "publish.h"

#include <stdlib.h>
#include <utlist.h>

#define TURN_EVENT "rooms.turn/1"

/* From so many requests put off, or bytes of them, nothing more is read until a quarter of them are gone. */
#define PUT_OFF_MAX       32u
#define PUT_OFF_BYTES_MAX ((size_t)64 * 1024)

/* The core lets no event wait for longer than 60 s: before, one request more may come, and it waits again. */
#define HOLD_MS       50000u
#define HOLD_LIMIT_MS 60000u

static const char no_memory[] = "The server is short of memory.";

struct put_off {
    struct put_off *prev, *next;
    enum turn_kind kind;
    turn_run run;
    size_t id_n, json_n;
    char text[]; /* its id and its JSON, each NUL-terminated */
};

/* While it is there nothing more is read: its event waits. */
struct hold {
    struct chatd_ev ev;
    chatd_wait wait;
    chatd_timer timer;
    struct seat *seat; /* NULL: it is over */
};

/* --- Reading no more ------------------------------------------------------------------------------ */

static enum chatd_verdict on_turn(chatd_plugin *self, struct chatd_ev *ev)
{
    struct hold *hold = (struct hold *)(void *)ev;

    return chatd_ev_wait(self, ev, HOLD_LIMIT_MS, NULL, NULL, &hold->wait) < 0 ? CHATD_NEXT
                                                                               : CHATD_WAIT;
}

/* The wait is over, whoever ended it. */
static void on_let_go(chatd_plugin *self, int verdict, void *arg)
{
    struct hold *hold = arg;

    if (verdict != CHATD_DENY)
        chatd_ev_drop(self, &hold->ev);
    if (hold->seat != NULL)
        hold->seat->work->hold = NULL;
    chatd_timer_cancel(self, hold->timer);
    free(hold);
}

/* What was not read yet may be worked through in this call. */
static void let_go(struct rooms *rooms, struct seat *seat)
{
    struct hold *old = seat->work->hold;

    seat->work->hold = NULL;
    old->seat = NULL;
    chatd_resume(rooms->self, old->wait, CHATD_NEXT, NULL, NULL);
}

static void on_held_long(chatd_plugin *self, void *arg)
{
    struct seat *seat = seat_of(self->data, (chatd_conn){(uint64_t)(uintptr_t)arg});

    if (seat != NULL && work_of(seat)->hold != NULL)
        let_go(self->data, seat);
}

/* If it cannot be, more is put off than should be, as long as there are so many events that wait. */
static void hold(struct rooms *rooms, struct seat *seat, chatd_conn conn)
{
    struct hold *fresh = calloc(1, sizeof(*fresh));

    if (fresh == NULL)
        return;
    fresh->ev = (struct chatd_ev){.size = sizeof(*fresh), .conn = conn};
    fresh->seat = seat;
    seat->work->hold = fresh;
    chatd_timer_start(rooms->self, HOLD_MS, 0, on_held_long, (void *)(uintptr_t)conn.v,
                      &fresh->timer);
    if (chatd_raise_named(rooms->self, rooms->turn_event, &fresh->ev, on_let_go, fresh) < 0) {
        seat->work->hold = NULL;
        chatd_timer_cancel(rooms->self, fresh->timer);
        free(fresh);
    }
}

/* --- The list ------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct put_off *request)
{
    return sizeof(*request) + request->id_n + request->json_n + 2;
}

static void put_off(struct rooms *rooms, struct seat *seat, const struct chatd_verb_call *call,
                    enum turn_kind kind, turn_run run)
{
    struct put_off *request = calloc(1, sizeof(*request) + call->id.n + call->json.n + 2);
    struct work *work = seat->work; /* what it waits for */

    if (request == NULL) {
        chatd_verb_error(rooms->self, call->conn, call->id, "unavailable", no_memory, 1000);
        return;
    }
    request->kind = kind;
    request->run = run;
    request->id_n = call->id.n;
    request->json_n = call->json.n;
    memcpy(request->text, call->id.p, call->id.n);
    memcpy(request->text + call->id.n + 1, call->json.p, call->json.n);
    DL_APPEND(work->put_off, request);
    work->n_put_off++;
    work->put_off_bytes += bytes_of(request);
    if (work->hold == NULL &&
        (work->n_put_off >= PUT_OFF_MAX || work->put_off_bytes >= PUT_OFF_BYTES_MAX))
        hold(rooms, seat, call->conn);
}

static struct put_off *take_first(struct work *work)
{
    struct put_off *request = work->put_off;

    DL_DELETE(work->put_off, request);
    work->n_put_off--;
    work->put_off_bytes -= bytes_of(request);
    return request;
}

static void forget_all(struct work *work)
{
    while (work->put_off != NULL)
        free(take_first(work));
}

void turn_end(struct seat *seat)
{
    forget_all(seat->work);
    if (seat->work->hold != NULL) /* its wait ended with the connection, or is about to */
        seat->work->hold->seat = NULL;
    seat->work->hold = NULL;
}

/* --- Turns ---------------------------------------------------------------------------------------- */

static bool is_open(struct rooms *rooms, chatd_conn conn)
{
    struct chatd_conn_info info = {.size = sizeof(info)};

    return chatd_conn_info(rooms->self, conn, &info) == CHATD_OK && info.is_open;
}

static bool may_begin(const struct rooms *rooms, const struct work *work, enum turn_kind kind)
{
    if (work->n_deciding > 0)
        return false;
    if (kind != TURN_MESSAGE)
        return !work->is_alone && work->inflight == 0;
    /* One that had to wait is not refused for it. */
    return (!work->is_alone || work->is_joining) &&
           (work->put_off == NULL || work->inflight < (uint32_t)config_of(rooms)->inflight_max);
}

static void begin(struct rooms *rooms, struct seat *seat, const struct chatd_verb_call *call,
                  enum turn_kind kind, turn_run run)
{
    if (kind == TURN_MESSAGE) {
        run(rooms, seat, call);
        return;
    }
    seat->work->is_alone = true;
    seat->work->is_joining = kind == TURN_JOIN;
    if (run(rooms, seat, call))
        turn_over(rooms, call->conn);
}

void turn_take(struct rooms *rooms, const struct chatd_verb_call *call, enum turn_kind kind,
               turn_run run)
{
    struct seat *seat = seat_of(rooms, call->conn);

    if (seat == NULL)
        return;
    if (work_begin(seat) == NULL)
        chatd_verb_error(rooms->self, call->conn, call->id, "unavailable", no_memory, 1000);
    else if (seat->work->put_off == NULL && may_begin(rooms, seat->work, kind))
        begin(rooms, seat, call, kind, run);
    else
        put_off(rooms, seat, call, kind, run);
    work_rest(seat);
}

void turn_go_on(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat = seat_of(rooms, conn);
    struct work *work = seat != NULL ? seat->work : NULL;

    if (work == NULL || work->is_going_on)
        return; /* the loop below is at work further up the stack */
    if (work->put_off != NULL && !is_open(rooms, conn))
        forget_all(work); /* it is being closed: nothing of what it sends is looked at any more */
    work->is_going_on = true; /* and so `work` stays */
    while (work->put_off != NULL && may_begin(rooms, work, work->put_off->kind)) {
        struct put_off *request = take_first(work);
        struct chatd_verb_call call = {.size = sizeof(call), .conn = conn};

        call.id = (chatd_str){request->text, request->id_n};
        call.json = (chatd_str){request->text + request->id_n + 1, request->json_n};
        begin(rooms, seat, &call, request->kind, request->run);
        free(request);
    }
    work->is_going_on = false;
    if (work->hold != NULL && work->n_put_off <= PUT_OFF_MAX / 4 * 3 &&
        work->put_off_bytes <= PUT_OFF_BYTES_MAX / 4 * 3)
        let_go(rooms, seat);
    work_rest(seat);
}

void turn_over(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat = seat_of(rooms, conn);

    if (seat == NULL || !work_of(seat)->is_alone)
        return;
    seat->work->is_alone = seat->work->is_joining = false;
    publish_answer(rooms, conn); /* messages that followed a join */
    turn_go_on(rooms, conn);
}

int turn_register(struct rooms *rooms)
{
    int rc = chatd_event_define(rooms->self, TURN_EVENT, CHATD_DECIDE_ASYNC, &rooms->turn_event);

    return rc < 0 ? rc : chatd_on_named(rooms->self, TURN_EVENT, CHATD_CHANGE, on_turn);
}
