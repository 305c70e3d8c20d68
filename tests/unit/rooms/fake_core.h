/* SPDX-License-Identifier: MIT */
/* A core, a log, a kv and a bus for one plugin under test: everything happens in fake_turn(), in
 * virtual time. Included by one test file each; all is static. */
#ifndef FAKE_CORE_H
#define FAKE_CORE_H

#include <chatd/chatd.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not every test needs every step of a story. */
#define FAKE_UNUSED __attribute__((unused))

#define FAKE_CONNS    16
#define FAKE_FRAMES   4096
#define FAKE_CHANNELS 32
#define FAKE_RECORDS  1024
#define FAKE_TASKS    1024

enum { FAKE_TURN = 1000 }; /* the event by which a connection is held */

struct fake_conn {
    size_t backlog;
    int is_used, is_denied, is_waiting, is_connected, closed_code, is_ephemeral;
    int is_full; /* takes nothing: as above queue_hard */
    char user[32], room[80], code[64];
    void *block;
    char sent[512][512];
    int n_sent;
    void (*drained)(chatd_plugin *, chatd_conn, void *);
};

static struct {
    chatd_plugin plugin;
    struct fake_conn conn[FAKE_CONNS];
    struct {
        char *data;
        int refs;
    } frame[FAKE_FRAMES];
    struct {
        int is_open, member[FAKE_CONNS];
        void (*behind)(chatd_plugin *, chatd_channel, chatd_conn, uint64_t, void *);
        void *behind_arg;
    } channel[FAKE_CHANNELS];
    int n_frames, n_channels;

    struct {
        chatd_thunk thunk;
        chatd_fn fn;
    } hook[CHATD_EV_END];
    int is_deliver_hooked, deny_event, claim, pending_event, n_watched[CHATD_EV_END];
    void (*pending_done)(chatd_plugin *, int, void *);
    void *pending_arg;
    const char *hide_text; /* `deliver` denies this one */

    struct chatd_ws_def ws;
    struct chatd_route_def route, messages_route;
    struct chatd_verb_def verb[8];
    void (*timer)(chatd_plugin *, void *); /* the one that was started last */
    void *timer_arg;
    int n_verbs;
    const void *offered;
    void (*slot_destroy)(chatd_plugin *, void *);
    size_t slot_bytes;

    int has_log, has_kv, fail_range, fail_append, n_ranges;
    char *record[FAKE_RECORDS];
    int n_records, n_trimmed; /* the first so many are gone */
    int page_max;             /* a page has no more rows, as if they were large; 0: any number */
    const char *epoch, *previous;
    uint64_t common;
    struct chatd_log_listener listener;
    void *listener_arg;
    int is_subscribed;
    uint64_t delivered;
    char topic[80];
    chatd_bus_cb bus_cb;
    void *bus_arg;
    struct { /* the topic on which workers count members, and its timers: apart from the rooms' */
        chatd_bus_cb cb;
        void *arg;
        void (*tell)(chatd_plugin *, void *);
        char said[1024];
    } census;
    char listed[8][1024];
    int n_listed;
    char reply[8192];
    int reply_status;

    struct {
        void (*run)(int i);
        char data[1024];
        void *cb, *arg;
        uint64_t a, b;
    } task[FAKE_TASKS];
    int first_task, n_tasks;
    int64_t now;
} fake;

typedef void (*fake_log_cb)(void);

static int fake_task(void (*run)(int), const char *data, fake_log_cb cb, void *arg, uint64_t a)
{
    int i = fake.n_tasks++;

    fake.task[i].run = run;
    snprintf(fake.task[i].data, sizeof(fake.task[i].data), "%s", data);
    memcpy(&fake.task[i].cb, &cb, sizeof(cb));
    fake.task[i].arg = arg;
    fake.task[i].a = a;
    return CHATD_OK;
}

#define FAKE_CB(type, i, var) \
    type var;                 \
    memcpy(&var, &fake.task[i].cb, sizeof(var))

static chatd_str fake_str(const char *s)
{
    return (chatd_str){s, strlen(s)};
}

/* --- The table -------------------------------------------------------------------------------- */

static void fake_log(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
{
    (void)self, (void)level, (void)conn, (void)fmt;
}
static int64_t fake_ms(chatd_plugin *self)
{
    (void)self;
    return fake.now;
}
static int fake_feature(chatd_plugin *self, const char *name)
{
    (void)self, (void)name;
    return CHATD_OK;
}
static chatd_str fake_instance(chatd_plugin *self)
{
    (void)self;
    return CHATD_STR("0123456789abcdef");
}
static int fake_on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn)
{
    (void)self, (void)band;
    if (event == FAKE_TURN)
        return CHATD_OK;
    fake.hook[event].thunk = thunk;
    fake.hook[event].fn = fn;
    return CHATD_OK;
}
static int fake_event_named(chatd_plugin *self, const char *name, uint32_t kind, int define,
                            uint32_t *event_out)
{
    (void)self, (void)name, (void)kind, (void)define;
    *event_out = FAKE_TURN;
    return CHATD_OK;
}
static int fake_conn_backlog(chatd_plugin *self, chatd_conn conn, size_t *bytes_out)
{
    (void)self;
    *bytes_out = fake.conn[conn.v].backlog;
    return CHATD_OK;
}
static int fake_hooked(chatd_plugin *self, uint32_t event)
{
    (void)self;
    return event == CHATD_EV_deliver && fake.is_deliver_hooked;
}
static int fake_deny(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
                     uint32_t retry_ms)
{
    (void)self;
    ev->code = fake_str(code);
    ev->text = fake_str(text);
    ev->retry_ms = retry_ms;
    return CHATD_DENY;
}
static int fake_raise(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
                      void (*done)(chatd_plugin *, int, void *), void *arg)
{
    int verdict = CHATD_NEXT;

    if (event == FAKE_TURN)
        return CHATD_E_STATE; /* here nobody reads on his own: there is nothing to hold */
    if (event == CHATD_EV_signal)
        ((struct chatd_ev_signal *)(void *)ev)->claimed = (uint32_t)fake.claim;
    if (event == CHATD_EV_deliver && fake.hide_text != NULL &&
        strcmp(((struct chatd_ev_deliver *)(void *)ev)->text.p, fake.hide_text) == 0)
        verdict = fake_deny(self, ev, "hidden", "hidden", 0);
    if ((uint32_t)fake.deny_event == event)
        verdict = fake_deny(self, ev, "test.denied", "Denied by the test.", 0);
    if ((uint32_t)fake.pending_event == event) {
        fake.pending_done = done;
        fake.pending_arg = arg;
        return CHATD_OK;
    }
    done(self, verdict, arg);
    return CHATD_OK;
}
static int fake_raised(chatd_plugin *self, uint32_t event, struct chatd_ev *ev)
{
    (void)self, (void)ev;
    fake.n_watched[event]++;
    return CHATD_OK;
}
static void fake_ev_drop(chatd_plugin *self, struct chatd_ev *ev)
{
    (void)self, (void)ev;
}
static int fake_wait(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
                     void (*gone)(chatd_plugin *, void *), void *arg, chatd_wait *wait_out)
{
    (void)self, (void)deadline_ms, (void)gone, (void)arg;
    fake.conn[ev->conn.v].is_waiting = 1;
    wait_out->v = ev->conn.v;
    return CHATD_OK;
}

static void fake_gone(int c);

static void fake_settle(int c, int verdict, const char *code)
{
    struct fake_conn *conn = &fake.conn[c];
    struct chatd_ev_connected ev = {.ev = {.size = sizeof(ev), .conn = {(uint64_t)c}},
                                    .path = CHATD_STR("/ws"),
                                    .subprotocol = CHATD_STR(""),
                                    .user = fake_str(conn->user)};

    conn->is_waiting = 0;
    if (verdict == CHATD_DENY) {
        conn->is_denied = 1;
        snprintf(conn->code, sizeof(conn->code), "%s", code);
        fake_gone(c);
        return;
    }
    conn->is_connected = 1;
    fake.hook[CHATD_EV_connected].thunk(fake.hook[CHATD_EV_connected].fn, &fake.plugin, &ev);
}
static void fake_run_settle(int i)
{
    fake_settle((int)fake.task[i].a, CHATD_NEXT, "");
}
static int fake_resume(chatd_plugin *self, chatd_wait wait, int verdict, const char *code,
                       const char *text, uint32_t retry_ms)
{
    (void)retry_ms;
    (void)self, (void)text;
    if (!fake.conn[wait.v].is_waiting)
        return CHATD_E_GONE;
    if (verdict == CHATD_DENY)
        fake_settle((int)wait.v, verdict, code);
    else /* other plugins have their turn before the socket is open */
        fake_task(fake_run_settle, "", NULL, NULL, wait.v);
    return CHATD_OK;
}

static int fake_offer(chatd_plugin *self, const struct chatd_service_def *def)
{
    (void)self;
    fake.offered = def->api;
    return CHATD_OK;
}
static int fake_slot(chatd_plugin *self, int kind, size_t bytes,
                     void (*destroy)(chatd_plugin *, void *), int *slot_out)
{
    (void)self, (void)kind;
    fake.slot_bytes = bytes;
    fake.slot_destroy = destroy;
    *slot_out = 0;
    return CHATD_OK;
}
static void *fake_slot_of(chatd_plugin *self, int slot, uint64_t id)
{
    (void)self, (void)slot;
    if (id >= FAKE_CONNS || !fake.conn[id].is_used)
        return NULL;
    if (fake.conn[id].block == NULL)
        fake.conn[id].block = calloc(1, fake.slot_bytes);
    return fake.conn[id].block;
}
static int fake_conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info)
{
    (void)self;
    info->user = fake_str(fake.conn[conn.v].user);
    info->is_open = fake.conn[conn.v].is_used && fake.conn[conn.v].closed_code == 0;
    return CHATD_OK;
}
static int fake_conn_send(chatd_plugin *self, chatd_conn conn, int opcode, chatd_str data,
                          int flags)
{
    struct fake_conn *c = &fake.conn[conn.v];

    (void)self, (void)opcode;
    if (!c->is_used || c->closed_code != 0)
        return CHATD_E_GONE;
    if (c->is_full && !(flags & (CHATD_SEND_EPHEMERAL | CHATD_SEND_OR_SKIP)))
        c->closed_code = CHATD_CLOSE_TOO_SLOW;
    if (c->is_full)
        return CHATD_E_BUSY;
    c->is_ephemeral = flags & CHATD_SEND_EPHEMERAL;
    snprintf(c->sent[c->n_sent++], sizeof(c->sent[0]), "%s", data.p);
    return CHATD_OK;
}
static int fake_conn_send_frame(chatd_plugin *self, chatd_conn conn, chatd_frame frame, int flags)
{
    return fake_conn_send(self, conn, CHATD_TEXT, fake_str(fake.frame[frame.v].data), flags);
}
static int fake_conn_close(chatd_plugin *self, chatd_conn conn, int code, const char *reason)
{
    (void)self, (void)reason;
    fake.conn[conn.v].closed_code = code;
    return CHATD_OK;
}
static int fake_when_drained(chatd_plugin *self, chatd_conn conn,
                             void (*cb)(chatd_plugin *, chatd_conn, void *), void *arg)
{
    (void)self, (void)arg;
    if (fake.conn[conn.v].drained != NULL)
        return CHATD_E_EXISTS;
    fake.conn[conn.v].drained = cb;
    return CHATD_OK;
}
static int fake_frame_new(chatd_plugin *self, int opcode, chatd_str data, chatd_frame *frame_out)
{
    (void)self, (void)opcode;
    frame_out->v = (uint64_t)++fake.n_frames;
    fake.frame[frame_out->v].data = strdup(data.p);
    fake.frame[frame_out->v].refs = 1;
    return CHATD_OK;
}
static void fake_frame_unref(chatd_plugin *self, chatd_frame *frame)
{
    (void)self;
    if (--fake.frame[frame->v].refs == 0)
        free(fake.frame[frame->v].data);
    frame->v = 0;
}
static size_t fake_frame_size; /* what every frame pretends to take */
static int fake_frame_bytes(chatd_plugin *self, chatd_frame frame, size_t *bytes_out)
{
    (void)self;
    *bytes_out = fake_frame_size > 0 ? fake_frame_size : strlen(fake.frame[frame.v].data);
    return CHATD_OK;
}
static int fake_channel_open(chatd_plugin *self, chatd_str name, chatd_channel *channel_out)
{
    (void)self, (void)name;
    channel_out->v = (uint64_t)++fake.n_channels;
    fake.channel[channel_out->v].is_open = 1;
    return CHATD_OK;
}
static int fake_channel_close(chatd_plugin *self, chatd_channel channel)
{
    (void)self;
    fake.channel[channel.v].is_open = 0;
    return CHATD_OK;
}
static int fake_channel_join(chatd_plugin *self, chatd_channel channel, chatd_conn conn)
{
    (void)self;
    fake.channel[channel.v].member[conn.v] = 1;
    return CHATD_OK;
}
static int fake_channel_leave(chatd_plugin *self, chatd_channel channel, chatd_conn conn)
{
    (void)self;
    if (!fake.channel[channel.v].member[conn.v])
        return CHATD_E_NOTFOUND;
    fake.channel[channel.v].member[conn.v] = 0;
    return CHATD_OK;
}
static int fake_channel_on_behind(chatd_plugin *self, chatd_channel channel,
                                  void (*cb)(chatd_plugin *, chatd_channel, chatd_conn, uint64_t,
                                             void *),
                                  void *arg)
{
    (void)self;
    fake.channel[channel.v].behind = cb;
    fake.channel[channel.v].behind_arg = arg;
    return CHATD_OK;
}
static void fake_run_behind(int i)
{
    uint64_t ch = fake.task[i].a >> 8, conn = fake.task[i].a & 255;

    fake.channel[ch].behind(&fake.plugin, (chatd_channel){ch}, (chatd_conn){conn}, fake.task[i].b,
                            fake.channel[ch].behind_arg);
}
/* Who cannot take it is out of the channel, and its owner is told later in the turn. */
static int fake_channel_send_at(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                                uint64_t mark)
{
    int c;

    for (c = 0; c < FAKE_CONNS; c++) {
        if (!fake.channel[channel.v].member[c] ||
            fake_conn_send_frame(self, (chatd_conn){(uint64_t)c}, frame, CHATD_SEND_OR_SKIP) !=
                CHATD_E_BUSY)
            continue;
        fake.channel[channel.v].member[c] = 0;
        fake_task(fake_run_behind, "", NULL, NULL, channel.v << 8 | (uint64_t)c);
        fake.task[fake.n_tasks - 1].b = mark;
    }
    return CHATD_OK;
}
static int fake_channel_send(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                             chatd_conn except, int flags)
{
    int c;

    for (c = 0; c < FAKE_CONNS; c++) {
        if (fake.channel[channel.v].member[c] && (uint64_t)c != except.v)
            fake_conn_send_frame(self, (chatd_conn){(uint64_t)c}, frame, flags);
    }
    return CHATD_OK;
}
static int fake_channel_count(chatd_plugin *self, chatd_channel channel)
{
    int c, n = 0;

    (void)self;
    for (c = 0; c < FAKE_CONNS; c++)
        n += fake.channel[channel.v].member[c];
    return n;
}
static int fake_route(chatd_plugin *self, const struct chatd_route_def *def)
{
    (void)self;
    *(strstr(def->pattern, "messages") != NULL ? &fake.messages_route : &fake.route) = *def;
    return CHATD_OK;
}
static int fake_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                      void (*cb)(chatd_plugin *, void *), void *arg, chatd_timer *timer_out)
{
    (void)self, (void)after_ms;
    timer_out->v = 1;
    if (arg == fake.census.arg) {
        if (every_ms == 0)
            fake.census.tell = cb;
        return CHATD_OK;
    }
    fake.timer = cb;
    fake.timer_arg = arg;
    return CHATD_OK;
}
static void fake_random(chatd_plugin *self, void *bytes, size_t n)
{
    (void)self;
    memset(bytes, 0xab, n);
}
static int fake_timer_cancel(chatd_plugin *self, chatd_timer timer)
{
    (void)self, (void)timer;
    fake.timer = NULL;
    return CHATD_OK;
}
static int fake_limit(chatd_plugin *self, const char *name, int64_t value)
{
    (void)self, (void)name, (void)value;
    return CHATD_OK;
}
static int fake_verb(chatd_plugin *self, const struct chatd_verb_def *def)
{
    (void)self;
    fake.verb[fake.n_verbs++] = *def;
    return CHATD_OK;
}
/* Answers stand among what was sent as "ack ID MEMBERS" and "error ID CODE". */
static int fake_verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members)
{
    static char text[4096];

    if (id.n == 0)
        return CHATD_OK;
    snprintf(text, sizeof(text), "ack %s %s", id.p, members.p);
    return fake_conn_send(self, conn, CHATD_TEXT, fake_str(text), 0);
}
static int fake_verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
                           const char *message, uint32_t retry_ms)
{
    char text[256];

    (void)retry_ms;
    snprintf(text, sizeof(text), "error %s %s", id.p, code);
    if (message == NULL || message[0] == '\0')
        abort();
    return fake_conn_send(self, conn, CHATD_TEXT, fake_str(text), 0);
}
static int fake_req_query(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    (void)self;
    if (strcmp(name, "room") != 0)
        return CHATD_E_NOTFOUND;
    *value_out = fake_str(fake.conn[req.v].room);
    return value_out->n == 0 ? CHATD_E_NOTFOUND : CHATD_OK;
}
static int fake_req_param(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    (void)self, (void)name;
    *value_out = fake_str(fake.conn[req.v].room);
    return CHATD_OK;
}
static int fake_req_info(chatd_plugin *self, chatd_req req, struct chatd_request *info)
{
    (void)self;
    info->user = fake_str(fake.conn[req.v].user);
    return CHATD_OK;
}
static int fake_reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *reply)
{
    (void)self, (void)req;
    fake.reply_status = (int)reply->status;
    snprintf(fake.reply, sizeof(fake.reply), "%s", reply->body.p);
    return CHATD_OK;
}
static int fake_reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                            const char *message, uint32_t retry_ms)
{
    (void)self, (void)req, (void)message, (void)retry_ms;
    fake.reply_status = status;
    snprintf(fake.reply, sizeof(fake.reply), "%s", code);
    return CHATD_OK;
}
static int fake_ws(chatd_plugin *self, const struct chatd_ws_def *def)
{
    (void)self;
    fake.ws = *def;
    return CHATD_OK;
}
typedef void (*fake_post_cb)(chatd_plugin *, void *);
static void fake_run_post(int i)
{
    FAKE_CB(fake_post_cb, i, cb);
    cb(&fake.plugin, fake.task[i].arg);
}
static int fake_post(chatd_plugin *self, fake_post_cb cb, void *arg)
{
    (void)self;
    return fake_task(fake_run_post, "", (fake_log_cb)cb, arg, 0);
}
static int fake_metric(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out)
{
    (void)self, (void)def;
    *metric_out = 0;
    return CHATD_OK;
}
static void fake_metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    (void)self, (void)metric, (void)label, (void)n;
}

/* --- Services --------------------------------------------------------------------------------- */

static void fake_deliver(void)
{
    chatd_str epoch = fake_str(fake.epoch);

    while (fake.is_subscribed && fake.delivered < (uint64_t)fake.n_records) {
        struct chatd_log_record record = {.seq = ++fake.delivered, .ts = 1000};

        record.record = fake_str(fake.record[record.seq]);
        fake.listener.record(&fake.plugin, (chatd_sub){1}, epoch, &record, fake.listener_arg);
    }
}
static void fake_run_append(int i)
{
    struct chatd_log_appended done = {
        .size = sizeof(done), .ts = 1000, .epoch = fake_str(fake.epoch)};

    FAKE_CB(chatd_log_append_cb, i, cb);
    if (fake.fail_append) {
        cb(&fake.plugin, CHATD_E_TIMEOUT, NULL, fake.task[i].arg);
        return;
    }
    fake.record[++fake.n_records] = strdup(fake.task[i].data);
    done.seq = (uint64_t)fake.n_records;
    cb(&fake.plugin, CHATD_OK, &done, fake.task[i].arg);
}
static int fake_append(chatd_plugin *p, chatd_plugin *self, const struct chatd_log_entry *entry,
                       chatd_log_append_cb cb, void *arg)
{
    (void)p, (void)self;
    return fake_task(fake_run_append, entry->record.p, (fake_log_cb)cb, arg, 0);
}
static void fake_run_range(int i)
{
    static struct chatd_log_record rows[FAKE_RECORDS];
    struct chatd_log_page page = {.size = sizeof(page),
                                  .epoch = fake_str(fake.epoch),
                                  .previous = fake_str(fake.previous),
                                  .common = fake.common,
                                  .top = (uint64_t)fake.n_records,
                                  .records = rows,
                                  .stride = sizeof(rows[0])};
    int limit = (int)fake.task[i].a, seq = (int)(fake.task[i].b >> 1);
    bool is_after = fake.task[i].b & 1;
    int last = is_after ? seq + limit : seq > 0 ? seq - 1 : fake.n_records;
    int first = is_after ? seq + 1 : last - limit + 1, r;

    FAKE_CB(chatd_log_page_cb, i, cb);
    if (fake.fail_range) {
        cb(&fake.plugin, CHATD_E_BACKEND, NULL, fake.task[i].arg);
        return;
    }
    if (first <= fake.n_trimmed)
        first = fake.n_trimmed + 1;
    if (fake.page_max > 0 && last > fake.n_records)
        last = fake.n_records;
    if (fake.page_max > 0 && last - first >= fake.page_max) {
        if (is_after)
            last = first + fake.page_max - 1;
        else
            first = last - fake.page_max + 1;
    }
    page.more = is_after ? last < fake.n_records : first > fake.n_trimmed + 1;
    for (r = first; r <= fake.n_records && r <= last; r++) {
        rows[page.n++] = (struct chatd_log_record){
            .seq = (uint64_t)r, .ts = 1000, .record = fake_str(fake.record[r])};
    }
    cb(&fake.plugin, CHATD_OK, &page, fake.task[i].arg);
}
static int fake_range(chatd_plugin *p, chatd_plugin *self, chatd_str room, uint64_t seq,
                      uint32_t limit, uint32_t flags, chatd_log_page_cb cb, void *arg)
{
    (void)p, (void)self, (void)room;
    fake.n_ranges++;
    fake_task(fake_run_range, "", (fake_log_cb)cb, arg, limit);
    fake.task[fake.n_tasks - 1].b = seq << 1 | (flags == CHATD_LOG_AFTER);
    return CHATD_OK;
}
static int fake_subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str room,
                          const struct chatd_log_position *after,
                          const struct chatd_log_listener *listener, void *arg, chatd_sub *sub_out)
{
    (void)p, (void)self, (void)room;
    fake.listener = *listener;
    fake.listener_arg = arg;
    fake.delivered = after->seq;
    fake.is_subscribed = 1;
    sub_out->v = 1;
    return CHATD_OK;
}
static int fake_unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub sub)
{
    (void)p, (void)self, (void)sub;
    fake.is_subscribed = 0;
    return CHATD_OK;
}
static void fake_run_bus(int i)
{
    if (fake.bus_cb != NULL)
        fake.bus_cb(&fake.plugin, fake_str(fake.topic), fake_str(fake.task[i].data), 0,
                    fake.bus_arg);
}
static int fake_bus_publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    if (strcmp(topic.p, "rooms.members") == 0) {
        snprintf(fake.census.said, sizeof(fake.census.said), "%s", data.p);
        return CHATD_OK;
    }
    (void)p, (void)self;
    return fake_task(fake_run_bus, data.p, NULL, NULL, 0);
}
static int fake_bus_subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                              void *arg, chatd_sub *sub_out)
{
    if (strcmp(topic.p, "rooms.members") == 0) {
        fake.census.cb = cb;
        fake.census.arg = arg;
        sub_out->v = 3;
        return CHATD_OK;
    }
    (void)p, (void)self;
    snprintf(fake.topic, sizeof(fake.topic), "%s", topic.p);
    fake.bus_cb = cb;
    fake.bus_arg = arg;
    sub_out->v = 2;
    return CHATD_OK;
}
static int fake_bus_unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub sub)
{
    if (sub.v == 3) {
        fake.census.cb = NULL;
        return CHATD_OK;
    }
    (void)p, (void)self;
    fake.bus_cb = NULL;
    return CHATD_OK;
}
static void fake_run_put(int i)
{
    FAKE_CB(chatd_kv_cb, i, cb);
    memcpy(fake.listed[fake.n_listed++], fake.task[i].data, sizeof(fake.listed[0]));
    cb(&fake.plugin, CHATD_OK, NULL, fake.task[i].arg);
}
static int fake_put_absent(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                           chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)p, (void)self, (void)ns, (void)value, (void)ttl_ms;
    return fake_task(fake_run_put, key.p, (fake_log_cb)cb, arg, 0);
}
static void fake_run_scan(int i)
{
    struct chatd_kv_item items[8];
    struct chatd_kv_scan page = {.size = sizeof(page), .stride = sizeof(items[0]), .items = items};
    int n;

    FAKE_CB(chatd_kv_scan_cb, i, cb);
    for (n = 0; n < fake.n_listed; n++)
        items[page.n++] = (struct chatd_kv_item){fake_str(fake.listed[n]), CHATD_STR("1")};
    cb(&fake.plugin, CHATD_OK, &page, fake.task[i].arg);
}
static int fake_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                     uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    (void)p, (void)self, (void)ns, (void)cursor, (void)limit;
    return fake_task(fake_run_scan, "", (fake_log_cb)cb, arg, 0);
}

static const struct chatd_service *fake_service(chatd_plugin *self, const char *name)
{
    static const struct chatd_log_api log_api = {.size = sizeof(log_api),
                                                 .append = fake_append,
                                                 .range = fake_range,
                                                 .subscribe = fake_subscribe,
                                                 .unsubscribe = fake_unsubscribe};
    static const struct chatd_bus_api bus_api = {.size = sizeof(bus_api),
                                                 .publish = fake_bus_publish,
                                                 .subscribe = fake_bus_subscribe,
                                                 .unsubscribe = fake_bus_unsubscribe};
    static const struct chatd_kv_api kv_api = {
        .size = sizeof(kv_api), .put_absent = fake_put_absent, .scan = fake_scan};
    static struct chatd_service log = {.size = sizeof(log), .api = &log_api};
    static struct chatd_service bus = {.size = sizeof(bus), .api = &bus_api};
    static struct chatd_service kv = {.size = sizeof(kv), .api = &kv_api};

    (void)self;
    if (strcmp(name, CHATD_LOG_SERVICE) == 0)
        return fake.has_log ? &log : NULL;
    if (strcmp(name, CHATD_KV_SERVICE) == 0)
        return fake.has_kv ? &kv : NULL;
    return &bus;
}

/* --- The story -------------------------------------------------------------------------------- */

static const struct chatd_core fake_table = {.size = sizeof(fake_table),
                                             .log = fake_log,
                                             .wall_ms = fake_ms,
                                             .mono_ms = fake_ms,
                                             .feature = fake_feature,
                                             .instance = fake_instance,
                                             .on = fake_on,
                                             .event_named = fake_event_named,
                                             .conn_backlog = fake_conn_backlog,
                                             .hooked = fake_hooked,
                                             .raise = fake_raise,
                                             .raised = fake_raised,
                                             .ev_drop = fake_ev_drop,
                                             .deny = fake_deny,
                                             .wait = fake_wait,
                                             .resume = fake_resume,
                                             .service_offer = fake_offer,
                                             .service = fake_service,
                                             .slot = fake_slot,
                                             .slot_of = fake_slot_of,
                                             .conn_info = fake_conn_info,
                                             .conn_send = fake_conn_send,
                                             .conn_send_frame = fake_conn_send_frame,
                                             .conn_close = fake_conn_close,
                                             .conn_when_drained = fake_when_drained,
                                             .frame_new = fake_frame_new,
                                             .frame_unref = fake_frame_unref,
                                             .frame_bytes = fake_frame_bytes,
                                             .channel_open = fake_channel_open,
                                             .channel_close = fake_channel_close,
                                             .channel_join = fake_channel_join,
                                             .channel_leave = fake_channel_leave,
                                             .channel_send = fake_channel_send,
                                             .channel_count = fake_channel_count,
                                             .channel_on_behind = fake_channel_on_behind,
                                             .channel_send_at = fake_channel_send_at,
                                             .random = fake_random,
                                             .timer = fake_timer,
                                             .timer_cancel = fake_timer_cancel,
                                             .limit = fake_limit,
                                             .verb = fake_verb,
                                             .verb_ack = fake_verb_ack,
                                             .verb_error = fake_verb_error,
                                             .route = fake_route,
                                             .req_query = fake_req_query,
                                             .req_param = fake_req_param,
                                             .req_info = fake_req_info,
                                             .reply = fake_reply,
                                             .reply_error = fake_reply_error,
                                             .ws = fake_ws,
                                             .post = fake_post,
                                             .metric = fake_metric,
                                             .metric_add = fake_metric_add,
                                             .metric_set = fake_metric_add};

/* Everything that was asked for happens, what that asks for too, and the log delivers. */
static void fake_turn(void)
{
    while (fake.first_task < fake.n_tasks) {
        fake.task[fake.first_task].run(fake.first_task);
        fake.first_task++;
    }
    fake_deliver();
}

/* Somebody asks for /ws?room=...; "" is no room at all. */
static void fake_upgrade(int c, const char *user, const char *room)
{
    struct fake_conn *conn = &fake.conn[c];
    struct chatd_ev_upgrade ev = {
        .ev = {.size = sizeof(ev), .conn = {(uint64_t)c}, .req = {(uint64_t)c}},
        .path = CHATD_STR("/ws"),
        .subprotocol = CHATD_STR("")};
    int verdict;

    *conn = (struct fake_conn){.is_used = 1};
    snprintf(conn->user, sizeof(conn->user), "%s", user);
    snprintf(conn->room, sizeof(conn->room), "%s", room);
    verdict = fake.hook[CHATD_EV_upgrade].thunk(fake.hook[CHATD_EV_upgrade].fn, &fake.plugin, &ev);
    if (verdict != CHATD_WAIT)
        fake_settle(c, verdict, ev.ev.code.n > 0 ? ev.ev.code.p : "");
}

/* The connection ends; `closed` is raised only for one that was open. */
static void fake_gone(int c)
{
    struct fake_conn *conn = &fake.conn[c];
    struct chatd_ev_closed ev = {.ev = {.size = sizeof(ev), .conn = {(uint64_t)c}},
                                 .user = fake_str(conn->user)};
    int i;

    conn->is_waiting = 0;
    if (conn->is_connected)
        fake.hook[CHATD_EV_closed].thunk(fake.hook[CHATD_EV_closed].fn, &fake.plugin, &ev);
    if (conn->block != NULL)
        fake.slot_destroy(&fake.plugin, conn->block);
    free(conn->block);
    conn->block = NULL;
    conn->is_used = 0;
    for (i = 0; i < FAKE_CHANNELS; i++)
        fake.channel[i].member[c] = 0;
}

static void fake_says(int c, const char *frame)
{
    fake.ws.handle(&fake.plugin, (chatd_conn){(uint64_t)c}, CHATD_TEXT, fake_str(frame));
}

/* A chatd.v1 connection opens, without a word of its own. */
static FAKE_UNUSED void fake_open_v1(int c, const char *user)
{
    fake.conn[c] = (struct fake_conn){.is_used = 1, .is_connected = 1};
    snprintf(fake.conn[c].user, sizeof(fake.conn[c].user), "%s", user);
}

/* It sends a request: `rest` is what follows type and id. */
static FAKE_UNUSED void fake_asks(int c, const char *type, const char *id, const char *rest)
{
    char json[4096];
    struct chatd_verb_call call = {
        .size = sizeof(call), .conn = {(uint64_t)c}, .type = fake_str(type), .id = fake_str(id)};
    int i;

    snprintf(json, sizeof(json), "{\"type\":\"%s\",\"id\":\"%s\",%s}", type, id, rest);
    call.json = fake_str(json);
    for (i = 0; i < fake.n_verbs; i++) {
        if (strcmp(fake.verb[i].name, type) == 0)
            fake.verb[i].handle(&fake.plugin, &call);
    }
}

/* Its queue has drained: whoever wanted to know is told. */
static FAKE_UNUSED void fake_drains(int c)
{
    void (*cb)(chatd_plugin *, chatd_conn, void *) = fake.conn[c].drained;

    fake.conn[c].is_full = 0;
    fake.conn[c].drained = NULL;
    if (cb != NULL)
        cb(&fake.plugin, (chatd_conn){(uint64_t)c}, NULL);
}

/* The timer runs out. */
static FAKE_UNUSED void fake_late(void)
{
    void (*cb)(chatd_plugin *, void *) = fake.timer;

    fake.timer = NULL;
    cb(&fake.plugin, fake.timer_arg);
}

/* Another worker says something about its members; NULL: something of it was lost. */
static FAKE_UNUSED void fake_census(const char *text)
{
    chatd_str data = {text != NULL ? text : "", text != NULL ? strlen(text) : 0};

    fake.census.cb(&fake.plugin, CHATD_STR("rooms.members"), data, text == NULL, fake.census.arg);
}

/* The time has come to tell the others; what was said is in fake.census.said. */
static FAKE_UNUSED void fake_census_tell(void)
{
    void (*tell)(chatd_plugin *, void *) = fake.census.tell;

    fake.census.tell = NULL;
    if (tell != NULL)
        tell(&fake.plugin, fake.census.arg);
}

/* The store comes back with another life: of the records those up to `common` are left. */
static FAKE_UNUSED void fake_reset(const char *epoch, int common)
{
    fake.previous = fake.epoch;
    fake.epoch = epoch;
    fake.common = (uint64_t)common;
    while (fake.n_records > common)
        free(fake.record[fake.n_records--]);
    if (fake.delivered > (uint64_t)common)
        fake.delivered = (uint64_t)common;
    if (fake.is_subscribed)
        fake.listener.reset(&fake.plugin, (chatd_sub){1}, fake_str(epoch), (uint64_t)common,
                            fake.listener_arg);
}

/* The first `n` records are deleted, and subscribers told. */
static FAKE_UNUSED void fake_forget(int n)
{
    fake.n_trimmed = n;
    if (fake.is_subscribed)
        fake.listener.forgotten(&fake.plugin, (chatd_sub){1}, (uint64_t)n + 1, fake.listener_arg);
}

static void fake_tick(int64_t ms)
{
    struct chatd_ev_tick ev = {.ev = {.size = sizeof(ev)}};

    fake.now += ms;
    ev.mono_ms = fake.now;
    fake.hook[CHATD_EV_tick].thunk(fake.hook[CHATD_EV_tick].fn, &fake.plugin, &ev);
}

static void fake_start(const void *config, int has_log, int has_kv)
{
    memset(&fake, 0, sizeof(fake));
    fake_frame_size = 0;
    fake.plugin =
        (struct chatd_plugin){.size = sizeof(fake.plugin), .core = &fake_table, .config = config};
    fake.has_log = has_log;
    fake.has_kv = has_kv;
    fake.now = 1000;
    fake.epoch = "e1";
    fake.previous = "";
    if (chatd_plugin_v1.init(&fake.plugin) < 0 || chatd_plugin_v1.start(&fake.plugin) < 0)
        abort();
}

/* Returns the frames somebody forgot. */
static int fake_stop(void)
{
    int i, kept = 0;

    for (i = 1; i < FAKE_CONNS; i++) {
        if (fake.conn[i].is_used)
            fake_gone(i);
    }
    fake_turn();
    chatd_plugin_v1.stop(&fake.plugin);
    for (i = 1; i <= fake.n_frames; i++)
        kept += fake.frame[i].refs;
    for (i = 1; i <= fake.n_records; i++)
        free(fake.record[i]);
    return kept;
}

#endif
