/* SPDX-License-Identifier: MIT */
/* Messages under way. Each is one block that lives from the first check to the store's answer. */
#include "publish.h"

#include "directory.h"
#include "feed.h"
#include "record.h"
#include "turn.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct publication {
    struct chatd_ev_message ev;
    struct rooms *rooms;
    struct room *room; /* held; NULL: it was refused before it was anything */
    publish_cb done;
    void *arg;
    struct publication *prev, *next; /* in the seat's list */
    bool is_listed;
    bool is_finished; /* with the result below, but those before it are not */
    struct publish_result result;
    struct refusal refused; /* its texts are in `kept` */
    char *kept;
    chatd_str text; /* as it came */
    char strings[]; /* user, text, cid, each NUL-terminated */
};

static const struct refusal too_many = {
    "rate_limited", "Too many messages are still on their way. Please try again.", 1000};
static const struct refusal no_memory = {"unavailable", "The server is short of memory.", 1000};
static const struct refusal fault = {"internal", "The message could not be handled.", 0};
static const struct refusal bus_full = {
    "unavailable", "The message could not be passed on. Please try again.", 1000};

/* NULL: there is no connection behind it, or it has ended. */
static struct seat *seat_behind(struct rooms *rooms, chatd_conn conn)
{
    return conn.v != 0 ? seat_of(rooms, conn) : NULL;
}

static void refuse_at_once(struct rooms *rooms, chatd_conn conn, const struct refusal *why,
                           publish_cb done, void *arg)
{
    struct publish_result result = {.err = CHATD_E_INVAL, .refused = why};

    count(rooms, METRIC_REFUSED);
    done(rooms, conn, &result, arg);
}

/* Under way from now on. False: no memory. */
static bool enlist(struct publication *p, struct seat *seat)
{
    if (seat == NULL) {
        p->rooms->inflight++;
        return true;
    }
    if (work_begin(seat) == NULL)
        return false;
    seat->work->inflight++;
    DL_APPEND(seat->work->publications, p);
    p->is_listed = true;
    return true;
}

static void publication_free(struct publication *p)
{
    if (p->room != NULL)
        room_release(&p->room);
    free(p->kept);
    free(p);
}

/* Ends a publication and tells its outcome. */
static void end(struct publication *p, struct seat *seat)
{
    if (seat != NULL) {
        DL_DELETE(seat->work->publications, p);
        seat->work->inflight--;
    } else if (p->ev.ev.conn.v == 0) {
        p->rooms->inflight--;
    }
    if (p->result.err == CHATD_E_INVAL)
        count(p->rooms, METRIC_REFUSED);
    p->done(p->rooms, p->ev.ev.conn, &p->result, p->arg);
    publication_free(p);
}

/* The texts of a refusal belong to somebody who is about to go. */
static void keep_refusal(struct publication *p)
{
    size_t code_n = strlen(p->result.refused->code) + 1;
    size_t text_n = strlen(p->result.refused->text) + 1;

    p->refused = no_memory;
    p->kept = malloc(code_n + text_n);
    if (p->kept != NULL) {
        memcpy(p->kept, p->result.refused->code, code_n);
        memcpy(p->kept + code_n, p->result.refused->text, text_n);
        p->refused = (struct refusal){p->kept, p->kept + code_n, p->result.refused->retry_ms};
    }
    p->result.refused = &p->refused;
}

/* Looked up each time: whoever is told may publish. */
void publish_answer(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat;

    while ((seat = seat_of(rooms, conn)) != NULL && !work_of(seat)->is_alone &&
           work_of(seat)->publications != NULL && work_of(seat)->publications->is_finished)
        end(seat->work->publications, seat);
}

/* Its outcome is known: told when those of the same connection before it are. */
static void finish(struct publication *p, const struct publish_result *result)
{
    struct rooms *rooms = p->rooms;
    chatd_conn conn = p->ev.ev.conn;
    struct seat *seat;

    p->result = *result;
    if (!p->is_listed) {
        end(p, NULL);
        return;
    }
    p->is_finished = true;
    seat = seat_of(rooms, conn);
    if ((seat->work->publications != p || seat->work->is_alone) && result->refused != NULL)
        keep_refusal(p);
    publish_answer(rooms, conn);
    turn_go_on(rooms, conn);
}

void publish_forget(struct seat *seat)
{
    struct publication *p, *next;

    DL_FOREACH_SAFE(seat->work->publications, p, next)
    {
        DL_DELETE(seat->work->publications, p);
        p->is_listed = false;
        if (p->is_finished)
            end(p, NULL);
    }
}

static void finish_refused(struct publication *p, const struct refusal *why)
{
    finish(p, &(struct publish_result){.err = CHATD_E_INVAL, .refused = why});
}

/* The message is where it belongs: watchers see it, unless it was there before. */
static void finish_stored(struct publication *p, const struct publish_result *result)
{
    p->ev.seq = result->seq;
    p->ev.ts = result->ts;
    if (result->duplicate) {
        chatd_ev_drop(p->rooms->self, &p->ev.ev);
    } else {
        count(p->rooms, METRIC_MESSAGES);
        chatd_raised_message(p->rooms->self, &p->ev);
    }
    finish(p, result);
}

static void finish_failed(struct publication *p, int err)
{
    chatd_ev_drop(p->rooms->self, &p->ev.ev);
    if (err == CHATD_E_BUSY)
        finish_refused(p, &too_many);
    else /* CHATD_E_INVAL is for refusals; of the store's it is a fault like others */
        finish(p, &(struct publish_result){.err = err == CHATD_E_INVAL ? CHATD_E_BACKEND : err});
}

static void on_appended(chatd_plugin *self, int err, const struct chatd_log_appended *appended,
                        void *arg)
{
    struct publication *p = arg;

    (void)self;
    if (err != CHATD_OK) {
        finish_failed(p, err);
        return;
    }
    directory_add(p->room);
    finish_stored(p, &(struct publish_result){.seq = appended->seq,
                                              .ts = appended->ts,
                                              .duplicate = appended->duplicate != 0});
}

static void store(struct publication *p, chatd_str record)
{
    const struct rooms_config *config = config_of(p->rooms);
    struct chatd_log_entry entry = {.size = sizeof(entry),
                                    .dedup_ms = (uint32_t)config->dedup_window_ms,
                                    .room = room_name(p->room),
                                    .user = p->ev.user,
                                    .cid = p->ev.cid,
                                    .record = record};
    int rc = chatd_log_append(p->rooms->self, p->rooms->log, &entry, on_appended, p);

    if (rc < 0)
        finish_failed(p, rc);
}

/* Without a chatd.log: to all workers, this one too. */
static void broadcast(struct publication *p, chatd_str record)
{
    if (feed_publish(p->rooms, room_name(p->room), record) < 0) {
        chatd_ev_drop(p->rooms->self, &p->ev.ev);
        finish_refused(p, &bus_full);
        return;
    }
    finish_stored(p, &(struct publish_result){.err = CHATD_OK});
}

/* What publish() looked at is not looked at again. */
static bool is_changed(const struct publication *p)
{
    return p->ev.text.p != p->text.p || p->ev.text.n != p->text.n;
}

/* The chain let it through, perhaps with another text. */
static void commit(struct publication *p)
{
    const struct rooms_config *config = config_of(p->rooms);
    struct refusal why = no_memory;
    char *record = NULL;
    size_t n = 0;

    if (!is_changed(p) || rules_message_text(p->ev.text, (size_t)config->text_max, &why)) {
        why = no_memory;
        record = record_write(p->ev.user, room_name(p->room), p->ev.text, p->ev.cid,
                              p->rooms->log == NULL ? chatd_wall_ms(p->rooms->self) : 0, &n);
    }
    if (record == NULL) {
        chatd_ev_drop(p->rooms->self, &p->ev.ev);
        finish_refused(p, &why);
        return;
    }
    if (p->rooms->log != NULL)
        store(p, (chatd_str){record, n});
    else
        broadcast(p, (chatd_str){record, n});
    free(record);
}

static void on_verdict(chatd_plugin *self, int verdict, void *arg)
{
    struct publication *p = arg;
    struct rooms *rooms = p->rooms;
    chatd_conn conn = p->ev.ev.conn;

    (void)self;
    if (p->is_listed)
        seat_of(rooms, conn)->work->n_deciding--;
    if (verdict != CHATD_DENY) {
        commit(p);
    } else {
        struct refusal why = refusal_of(&p->ev.ev);

        finish_refused(p, &why);
    }
    turn_go_on(rooms, conn);
}

/* Copies `s` to *at, which moves behind it. */
static chatd_str keep(char **at, chatd_str s)
{
    chatd_str kept = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    (*at)[s.n] = '\0';
    *at += s.n + 1;
    return kept;
}

static struct publication *publication_new(struct rooms *rooms, const struct publish_call *call)
{
    struct publication *p = malloc(sizeof(*p) + call->user.n + call->text.n + call->cid.n + 3);
    char *at;

    if (p == NULL)
        return NULL;
    *p = (struct publication){.rooms = rooms, .room = room_open(rooms, call->room)};
    if (p->room == NULL) {
        free(p);
        return NULL;
    }
    at = p->strings;
    p->ev.ev = (struct chatd_ev){.size = sizeof(p->ev), .conn = call->conn};
    p->ev.room = room_name(p->room);
    p->ev.user = keep(&at, call->user);
    p->ev.text = p->text = keep(&at, call->text);
    p->ev.cid = keep(&at, call->cid);
    return p;
}

/* Why a connection cannot have one message more under way; these refusals alone do not wait for those
 * before them, since each that waits is one. NULL: it can. */
static const struct refusal *is_full(const struct rooms *rooms, chatd_conn conn,
                                     const struct seat *seat)
{
    uint32_t inflight = seat != NULL ? work_of(seat)->inflight : rooms->inflight;

    if (conn.v != 0 && seat == NULL)
        return &fault;
    return inflight >= (uint32_t)config_of(rooms)->inflight_max ? &too_many : NULL;
}

void publish_refuse(struct rooms *rooms, chatd_conn conn, const struct refusal *why,
                    publish_cb done, void *arg)
{
    struct publication *p = NULL;
    struct seat *seat = seat_behind(rooms, conn);

    if (seat != NULL && (work_of(seat)->publications != NULL || work_of(seat)->is_alone)) {
        const struct refusal *full = is_full(rooms, conn, seat);

        if (full == NULL)
            p = calloc(1, sizeof(*p));
        why = full != NULL ? full : p == NULL ? &no_memory : why;
    }
    if (p == NULL) {
        refuse_at_once(rooms, conn, why, done, arg);
        return;
    }
    p->rooms = rooms;
    p->ev.ev.conn = conn;
    p->done = done;
    p->arg = arg;
    enlist(p, seat); /* there is something under way, so there is memory for it */
    finish_refused(p, why);
}

/* Other plugins' own messages have no connection behind them, and no limit. */
static bool is_within_limits(const struct publication *p, struct seat *seat,
                             struct refusal *why_out)
{
    return seat == NULL ||
           limits_message(p->rooms, seat, p->ev.ev.conn, p->room, p->ev.text.n, why_out);
}

void publish(struct rooms *rooms, const struct publish_call *call, publish_cb done, void *arg)
{
    const struct rooms_config *config = config_of(rooms);
    struct seat *seat = seat_behind(rooms, call->conn);
    const struct refusal *full = is_full(rooms, call->conn, seat);
    struct publication *p;
    struct refusal why;

    if (full != NULL) {
        refuse_at_once(rooms, call->conn, full, done, arg);
        return;
    }
    if (!rules_message_text(call->text, (size_t)config->text_max, &why)) {
        publish_refuse(rooms, call->conn, &why, done, arg);
        return;
    }
    p = publication_new(rooms, call);
    if (p == NULL) {
        refuse_at_once(rooms, call->conn, &no_memory, done, arg);
        return;
    }
    p->done = done;
    p->arg = arg;
    if (!enlist(p, seat)) {
        publication_free(p);
        refuse_at_once(rooms, call->conn, &no_memory, done, arg);
        return;
    }
    if (!directory_admits(p->room, &why) || !is_within_limits(p, seat, &why)) {
        finish_refused(p, &why);
        return;
    }
    if (seat != NULL)
        seat->work->n_deciding++;
    if (chatd_raise_message(rooms->self, &p->ev, on_verdict, p) < 0) {
        if (seat != NULL) /* no handler was called */
            seat->work->n_deciding--;
        finish_refused(p, &fault);
    }
}
