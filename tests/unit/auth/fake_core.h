/* SPDX-License-Identifier: MIT */
/* A core for test_flow.c alone, small enough to read: the functions the plugin calls, and no more. */
#ifndef AUTH_FAKE_CORE_H
#define AUTH_FAKE_CORE_H

#include "fake_store.h"

#include <stdarg.h>

__attribute__((format(printf, 4, 5))) static void core_log(chatd_plugin *self, int level,
                                                           chatd_conn conn, const char *fmt, ...)
{
    va_list args;

    (void)self, (void)level, (void)conn;
    va_start(args, fmt);
    vsnprintf(fake.logged, sizeof(fake.logged), fmt, args);
    va_end(args);
}

static int64_t core_wall_ms(chatd_plugin *self)
{
    (void)self;
    return fake.wall_ms;
}

static int64_t core_mono_ms(chatd_plugin *self)
{
    (void)self;
    return fake.mono_ms;
}

static void core_random(chatd_plugin *self, void *buf, size_t n)
{
    unsigned char *p = buf;

    (void)self;
    while (n-- > 0)
        *p++ = (unsigned char)(fake.random++ * 7919u >> 3);
}

static void core_ready(chatd_plugin *self, int state, const char *text)
{
    (void)self, (void)text;
    fake.ready = state;
    fake.reports += state != CHATD_READY;
}

static int core_feature(chatd_plugin *self, const char *name)
{
    (void)self, (void)name;
    return CHATD_OK;
}

static int core_on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn)
{
    (void)self, (void)band;
    fake.thunk[event] = thunk;
    fake.fn[event] = fn;
    return CHATD_OK;
}

static int core_deny(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
                     uint32_t retry_ms)
{
    (void)self;
    ev->code = fake_str(code);
    ev->text = fake_str(text);
    ev->retry_ms = retry_ms;
    return (int)CHATD_DENY;
}

static int core_raise(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
                      void (*done)(chatd_plugin *self, int verdict, void *arg), void *arg)
{
    (void)event;
    if (fake.deny != NULL)
        done(self, core_deny(self, ev, fake.deny, "No.", 0), arg);
    else
        done(self, (int)CHATD_NEXT, arg);
    return CHATD_OK;
}

static int core_raised(chatd_plugin *self, uint32_t event, struct chatd_ev *ev)
{
    (void)self, (void)event, (void)ev;
    fake.raised++;
    return CHATD_OK;
}

static void core_ev_drop(chatd_plugin *self, struct chatd_ev *ev)
{
    (void)self, (void)ev;
    fake.dropped++;
}

static int core_wait(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
                     void (*gone)(chatd_plugin *self, void *arg), void *arg, chatd_wait *wait_out)
{
    (void)self, (void)ev, (void)deadline_ms, (void)gone, (void)arg;
    wait_out->v = 5;
    return CHATD_OK;
}

static int core_resume(chatd_plugin *self, chatd_wait wait, int verdict, const char *code,
                       const char *text, uint32_t retry_ms)
{
    (void)retry_ms;
    (void)self, (void)code, (void)text;
    fake.resumed = wait.v == 5 ? verdict : -1;
    return CHATD_OK;
}

static int core_service_offer(chatd_plugin *self, const struct chatd_service_def *def)
{
    (void)self;
    fake.auth = def->api;
    return CHATD_OK;
}

static const struct chatd_service *core_service(chatd_plugin *self, const char *name)
{
    (void)self;
    if (strcmp(name, CHATD_BUS_SERVICE) == 0)
        return &fake.bus;
    return fake.no_kv ? NULL : &fake.kv;
}

static int core_slot(chatd_plugin *self, int kind, size_t bytes,
                     void (*destroy)(chatd_plugin *self, void *block), int *slot_out)
{
    (void)self, (void)kind;
    fake.slot_gone = destroy;
    *slot_out = 3;
    return bytes <= sizeof(fake.slots[0]) ? CHATD_OK : CHATD_E_INVAL;
}

static void *core_slot_of(chatd_plugin *self, int slot, uint64_t id)
{
    (void)self;
    return slot == 3 && id < 8 ? &fake.slots[id] : NULL;
}

static int core_conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info)
{
    (void)self, (void)conn;
    info->expires_ms = fake.expires_ms;
    return CHATD_OK;
}

/* `owner`: the name that the connection has already. */
static int core_conn_identify(chatd_plugin *self, chatd_conn conn, chatd_str user, int64_t at_ms)
{
    (void)self, (void)conn;
    if (fake.owner != NULL && strcmp(fake.owner, user.p) != 0)
        return CHATD_E_EXISTS;
    fake.expires_ms = at_ms;
    snprintf(fake.named, sizeof(fake.named), "%s", user.p);
    return CHATD_OK;
}

static int core_verb(chatd_plugin *self, const struct chatd_verb_def *def)
{
    (void)self;
    fake.verb = *def;
    return CHATD_OK;
}

static int core_verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members)
{
    (void)self, (void)conn;
    snprintf(fake.reply, sizeof(fake.reply), "%s %s", id.p, members.p);
    return CHATD_OK;
}

static int core_verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
                           const char *message, uint32_t retry_ms)
{
    (void)self, (void)conn, (void)id, (void)retry_ms;
    snprintf(fake.code, sizeof(fake.code), "%s", code);
    snprintf(fake.reply, sizeof(fake.reply), "%s", message);
    return CHATD_OK;
}

static int core_conn_close(chatd_plugin *self, chatd_conn conn, int code, const char *reason)
{
    (void)self, (void)reason;
    fake.closed[conn.v] = code;
    return CHATD_OK;
}

static int core_route(chatd_plugin *self, const struct chatd_route_def *def)
{
    (void)self;
    fake.routes[fake.n_routes++] = *def;
    return CHATD_OK;
}

static int core_req_info(chatd_plugin *self, chatd_req req, struct chatd_request *info)
{
    (void)self, (void)req;
    info->body = fake_str(fake.body);
    info->address = fake_str(fake.address);
    info->user = fake_str(fake.named);
    return CHATD_OK;
}

static int core_req_header(chatd_plugin *self, chatd_req req, const char *name, chatd_str *out)
{
    (void)self, (void)req, (void)name;
    if (fake.authorization == NULL)
        return CHATD_E_NOTFOUND;
    *out = fake_str(fake.authorization);
    return CHATD_OK;
}

static int core_req_cookie(chatd_plugin *self, chatd_req req, const char *name, chatd_str *out)
{
    (void)self, (void)req, (void)name;
    if (fake.cookie == NULL)
        return CHATD_E_NOTFOUND;
    *out = fake_str(fake.cookie);
    return CHATD_OK;
}

static int core_req_identify(chatd_plugin *self, chatd_req req, chatd_str user, int64_t at_ms)
{
    return core_conn_identify(self, (chatd_conn){req.v}, user, at_ms);
}

static int core_reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *reply)
{
    (void)self, (void)req;
    fake.status = reply->status;
    snprintf(fake.reply, sizeof(fake.reply), "%s", reply->body.p);
    if (reply->n_headers > 0)
        snprintf(fake.set_cookie, sizeof(fake.set_cookie), "%s", reply->headers[0].value);
    return CHATD_OK;
}

static int core_reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                            const char *message, uint32_t retry_ms)
{
    (void)self, (void)req;
    fake.status = (unsigned)status;
    fake.retry_ms = retry_ms;
    snprintf(fake.code, sizeof(fake.code), "%s", code);
    snprintf(fake.reply, sizeof(fake.reply), "%s", message);
    return CHATD_OK;
}

static int core_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                      void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out)
{
    (void)self, (void)after_ms;
    timer_out->v = fake.n_timers + 1;
    fake.timers[fake.n_timers % 16] = (struct fake_timer){every_ms, cb, arg, true};
    fake.n_timers++;
    return CHATD_OK;
}

/* Lets every timer run once. */
static inline void fake_timers(void)
{
    size_t i;

    for (i = 0; i < 16; i++) {
        struct fake_timer timer = fake.timers[i];

        if (!timer.used)
            continue;
        if (timer.every_ms == 0)
            fake.timers[i].used = false;
        timer.cb(&fake.plugin, timer.arg);
    }
}

static int core_post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg)
{
    (void)self;
    fake_later('p', arg)->post = cb;
    return CHATD_OK;
}

static int core_job(chatd_plugin *self, const struct chatd_job *job)
{
    (void)self;
    if (fake.busy)
        return CHATD_E_BUSY;
    fake_later('j', NULL)->job = *job;
    return CHATD_OK;
}

static int core_metric(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out)
{
    (void)self;
    snprintf(fake.metrics[fake.n_metrics], sizeof(fake.metrics[0]), "%s", def->name);
    *metric_out = fake.n_metrics++;
    return CHATD_OK;
}

static void core_metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    (void)self;
    fake.counted[metric][label] += n;
}

static inline int64_t fake_counted(const char *name, int label)
{
    int i = 0;

    while (strcmp(fake.metrics[i], name) != 0)
        i++;
    return fake.counted[i][label];
}

static void core_metric_observe(chatd_plugin *self, int metric, int label, double value)
{
    (void)self, (void)metric, (void)label, (void)value;
}

static const struct chatd_core fake_table = {
    .size = sizeof(fake_table),
    .log = core_log,
    .wall_ms = core_wall_ms,
    .mono_ms = core_mono_ms,
    .random = core_random,
    .ready = core_ready,
    .feature = core_feature,
    .on = core_on,
    .raise = core_raise,
    .raised = core_raised,
    .ev_drop = core_ev_drop,
    .deny = core_deny,
    .wait = core_wait,
    .resume = core_resume,
    .service_offer = core_service_offer,
    .service = core_service,
    .slot = core_slot,
    .slot_of = core_slot_of,
    .conn_info = core_conn_info,
    .conn_identify = core_conn_identify,
    .conn_close = core_conn_close,
    .route = core_route,
    .verb = core_verb,
    .verb_ack = core_verb_ack,
    .verb_error = core_verb_error,
    .req_info = core_req_info,
    .req_header = core_req_header,
    .req_cookie = core_req_cookie,
    .req_identify = core_req_identify,
    .reply = core_reply,
    .reply_error = core_reply_error,
    .timer = core_timer,
    .post = core_post,
    .job = core_job,
    .metric = core_metric,
    .metric_add = core_metric_add,
    .metric_observe = core_metric_observe,
};

static const struct chatd_kv_api fake_kv_api = {
    .size = sizeof(fake_kv_api),
    .get = fake_kv_get,
    .put = fake_kv_put,
    .put_absent = fake_kv_put_absent,
    .cas = fake_kv_cas,
    .scan = fake_kv_scan,
};

static const struct chatd_bus_api fake_bus_api = {
    .size = sizeof(fake_bus_api),
    .publish = fake_bus_publish,
    .subscribe = fake_bus_subscribe,
    .unsubscribe = fake_bus_unsubscribe,
};

static void fake_init(const void *config)
{
    memset(&fake, 0, sizeof(fake));
    fake.plugin = (chatd_plugin){sizeof(fake.plugin), &fake_table, config, NULL};
    fake.kv = (struct chatd_service){.size = sizeof(fake.kv), .api = &fake_kv_api};
    fake.bus = (struct chatd_service){.size = sizeof(fake.bus), .api = &fake_bus_api};
    fake.wall_ms = INT64_C(1790000000000);
    fake.body = "";
    fake.address = "192.0.2.1";
}

#endif
