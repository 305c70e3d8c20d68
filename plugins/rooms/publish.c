/* SPDX-License-Identifier: MIT */
/* Messages under way. Each is one block that lives from the first check to the store's answer. */
#include "publish.h"

#include "directory.h"
#include "feed.h"
#include "out.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

struct publication {
    struct chatd_ev_message ev;
    struct rooms *rooms;
    struct room *room; /* held */
    publish_cb done;
    void *arg;
    char strings[]; /* user, text, cid, each NUL-terminated */
};

static const struct refusal too_many = {
    "rate_limited", "Too many messages are still on their way. Please try again.", 1000};
static const struct refusal no_memory = {"unavailable", "The server is short of memory.", 1000};
static const struct refusal fault = {"internal", "The message could not be handled.", 0};
static const struct refusal bus_full = {
    "unavailable", "The message could not be passed on. Please try again.", 1000};

/* The counter of messages under way that a connection has; with none behind it, a common one. NULL:
 * the connection has ended. */
static uint32_t *inflight_of(struct rooms *rooms, chatd_conn conn)
{
    struct seat *seat;

    if (conn.v == 0)
        return &rooms->inflight;
    seat = seat_of(rooms, conn);
    return seat == NULL ? NULL : &seat->inflight;
}

static void refuse_now(struct rooms *rooms, chatd_conn conn, const struct refusal *why,
                       publish_cb done, void *arg)
{
    struct publish_result result = {.err = CHATD_E_INVAL, .refused = why};

    count(rooms, METRIC_REFUSED);
    done(rooms, conn, &result, arg);
}

/* Ends a publication and tells its outcome. */
static void finish(struct publication *p, const struct publish_result *result)
{
    uint32_t *inflight = inflight_of(p->rooms, p->ev.ev.conn);

    if (inflight != NULL && *inflight > 0)
        --*inflight;
    if (result->err == CHATD_E_INVAL)
        count(p->rooms, METRIC_REFUSED);
    p->done(p->rooms, p->ev.ev.conn, result, p->arg);
    room_release(&p->room);
    free(p);
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

/* Without a chatd.log: {"ts":...,"message":RECORD} to all workers, this one too. */
static void broadcast(struct publication *p, chatd_str record)
{
    static const char fixed[] = "{\"ts\":,\"message\":}";
    int rc = CHATD_E_BUSY;
    struct out out;

    if (out_init(&out, sizeof(fixed) + OUT_NUMBER_MAX + record.n) == CHATD_OK) {
        out_raw(&out, CHATD_STR("{\"ts\":"));
        out_number(&out, chatd_wall_ms(p->rooms->self));
        out_raw(&out, CHATD_STR(",\"message\":"));
        out_raw(&out, record);
        out_raw(&out, CHATD_STR("}"));
        rc = feed_publish(p->rooms, room_name(p->room), (chatd_str){out.p, out.n});
        out_free(&out);
    }
    if (rc < 0) {
        chatd_ev_drop(p->rooms->self, &p->ev.ev);
        finish_refused(p, &bus_full);
        return;
    }
    finish_stored(p, &(struct publish_result){.err = CHATD_OK});
}

/* The chain let it through, perhaps with another text. */
static void commit(struct publication *p)
{
    const struct rooms_config *config = config_of(p->rooms);
    struct refusal why = no_memory;
    char *record = NULL;
    size_t n = 0;

    if (rules_message_text(p->ev.text, (size_t)config->text_max, &why)) {
        why = no_memory;
        record = record_write(p->ev.user, room_name(p->room), p->ev.text, p->ev.cid, &n);
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
    struct refusal why;

    (void)self;
    if (verdict != CHATD_DENY) {
        commit(p);
        return;
    }
    why = refusal_of(&p->ev.ev);
    finish_refused(p, &why);
}

/* Copies `s` to *at, which moves behind it. */
static chatd_str keep(char **at, chatd_str s)
{
    chatd_str kept = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n + 1; /* the NUL is there: calloc() */
    return kept;
}

static struct publication *publication_new(struct rooms *rooms, const struct publish_call *call)
{
    struct publication *p = calloc(1, sizeof(*p) + call->user.n + call->text.n + call->cid.n + 3);
    char *at;

    if (p == NULL)
        return NULL;
    p->rooms = rooms;
    p->room = room_open(rooms, call->room);
    if (p->room == NULL) {
        free(p);
        return NULL;
    }
    at = p->strings;
    p->ev.ev = (struct chatd_ev){.size = sizeof(p->ev), .conn = call->conn};
    p->ev.room = room_name(p->room);
    p->ev.user = keep(&at, call->user);
    p->ev.text = keep(&at, call->text);
    p->ev.cid = keep(&at, call->cid);
    return p;
}

void publish(struct rooms *rooms, const struct publish_call *call, publish_cb done, void *arg)
{
    const struct rooms_config *config = config_of(rooms);
    uint32_t *inflight = inflight_of(rooms, call->conn);
    struct publication *p;
    struct refusal why;

    if (!rules_message_text(call->text, (size_t)config->text_max, &why)) {
        refuse_now(rooms, call->conn, &why, done, arg);
        return;
    }
    if (inflight == NULL || *inflight >= (uint32_t)config->inflight_max) {
        refuse_now(rooms, call->conn, inflight == NULL ? &fault : &too_many, done, arg);
        return;
    }
    p = publication_new(rooms, call);
    if (p == NULL) {
        refuse_now(rooms, call->conn, &no_memory, done, arg);
        return;
    }
    ++*inflight;
    p->done = done;
    p->arg = arg;
    if (!directory_admits(p->room, &why)) {
        finish_refused(p, &why);
        return;
    }
    if (chatd_raise_message(rooms->self, &p->ev, on_verdict, p) < 0)
        finish_refused(p, &fault);
}
