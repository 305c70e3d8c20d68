/* SPDX-License-Identifier: MIT */
/* The table of functions that plugins get: thin, each checks its ids and hands on. */
#include "host/host.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "board/seat.h"
#include "host/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *table_alloc(size_t n)
{
    return malloc(n);
}

static void table_free(void *p)
{
    free(p);
}

/* [any] without a connection; with one (chatd_log_conn) [loop], since its user is looked up. */
static void table_log(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
    CHATD_PRINTF(4, 5);

static void table_log(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
{
    char who[64];
    va_list ap;

    va_start(ap, fmt);
    if (conn.v != 0) {
        struct conn *c = conn_get(&host_of(self)->net, conn.v);

        snprintf(who, sizeof(who), "%llx %s", (unsigned long long)conn.v,
                 c != NULL && conn_user(c) != NULL ? conn_user(c) : "-");
    }
    if (level < CHATD_LOG_DEBUG || level > CHATD_LOG_ERROR)
        level = CHATD_LOG_ERROR;
    log_vwrite((enum log_level)level, plugin_of(self)->name, conn.v != 0 ? who : NULL, fmt, ap);
    va_end(ap);
}

static int64_t table_wall_ms(chatd_plugin *self)
{
    (void)self;
    return clock_wall_ms();
}

static int64_t table_mono_ms(chatd_plugin *self)
{
    (void)self;
    return clock_mono_ms();
}

static void table_random(chatd_plugin *self, void *buf, size_t n)
{
    (void)self;
    rng_bytes(buf, n);
}

static void table_ready(chatd_plugin *self, int state, const char *text)
{
    static const enum log_level level[] = {LOG_L_INFO, LOG_L_WARN, LOG_L_ERROR};
    static const char *const word[] = {"ready", "degraded", "away"};
    struct plugin *p = plugin_of(self);

    if (state < CHATD_READY || state > CHATD_AWAY)
        state = CHATD_AWAY;
    if (text == NULL)
        text = "";
    if (p->ready == state && p->ready_text != NULL && strcmp(p->ready_text, text) == 0)
        return;
    /* The core's own state is its life, which the worker logs. */
    if (p->ready != state && p != &p->host->core && p->host->is_serving)
        log_write(level[state], p->name, "%s%s%s", word[state], text[0] ? ": " : "", text);
    p->ready = state;
    mem_free(p->ready_text);
    p->ready_text = mem_strdup(text);
    seat_plugin_state(p->host->seat, (int)p->row - 1, (uint32_t)state, text);
}

static chatd_str table_instance(chatd_plugin *self)
{
    return (chatd_str){host_of(self)->instance, strlen(host_of(self)->instance)};
}

/* [any] */
static int32_t table_server_pid(chatd_plugin *self)
{
    const struct host_options *opt = &plugin_of(self)->host->opt;

    return (int32_t)(opt->server_pid != 0 ? opt->server_pid : getpid());
}

/* --- registrations: one that is refused in init must not be overlooked ---------------------------- */

static int counted(chatd_plugin *self, int rc)
{
    struct plugin *p = plugin_of(self);

    if (rc < 0 && p->state == PLUGIN_INIT)
        p->refused++;
    return rc;
}

static int table_on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn)
{
    return counted(self, hook_on(self, event, band, thunk, fn));
}

static int table_service_offer(chatd_plugin *self, const struct chatd_service_def *def)
{
    return counted(self, service_offer(self, def));
}

static int table_slot(chatd_plugin *self, int kind, size_t bytes,
                      void (*destroy)(chatd_plugin *self, void *block), int *slot_out)
{
    return counted(self, slot_add(self, kind, bytes, destroy, slot_out));
}

static int table_route(chatd_plugin *self, const struct chatd_route_def *def)
{
    return counted(self, request_route(self, def));
}

static int table_ws(chatd_plugin *self, const struct chatd_ws_def *def)
{
    return counted(self, claim_add(self, def));
}

static int table_verb(chatd_plugin *self, const struct chatd_verb_def *def)
{
    return counted(self, verb_add(self, def));
}

static int table_metric(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out)
{
    return counted(self, metric_new(self, def, metric_out));
}

const struct chatd_core host_table = {
    .size = sizeof(struct chatd_core),
    .abi_major = CHATD_ABI_MAJOR,
    .abi_minor = CHATD_ABI_MINOR,
    .alloc = table_alloc,
    .free = table_free,
    .log = table_log,
    .wall_ms = table_wall_ms,
    .mono_ms = table_mono_ms,
    .random = table_random,
    .ready = table_ready,
    .feature = hello_feature,
    .instance = table_instance,
    .on = table_on,
    .event_named = hook_event_named,
    .hooked = hook_hooked,
    .raise = hook_raise,
    .raised = hook_raised,
    .ev_drop = hook_ev_drop,
    .ev_alloc = hook_ev_alloc,
    .deny = hook_deny,
    .wait = wait_new,
    .resume = wait_resume,
    .service_offer = table_service_offer,
    .service = service_get,
    .slot = table_slot,
    .slot_of = slot_block,
    .conn_info = object_conn_info,
    .conn_identify = object_conn_identify,
    .conn_send = object_conn_send,
    .conn_send_frame = object_conn_send_frame,
    .conn_close = object_conn_close,
    .conn_backlog = object_conn_backlog,
    .conn_when_drained = object_conn_when_drained,
    .frame_new = object_frame_new,
    .frame_ref = object_frame_ref,
    .frame_unref = object_frame_unref,
    .frame_bytes = object_frame_bytes,
    .channel_open = object_channel_open,
    .channel_close = object_channel_close,
    .channel_join = object_channel_join,
    .channel_leave = object_channel_leave,
    .channel_send = object_channel_send,
    .channel_count = object_channel_count,
    .channel_each = object_channel_each,
    .route = table_route,
    .req_info = object_req_info,
    .req_header = object_req_header,
    .req_param = object_req_param,
    .req_query = object_req_query,
    .req_cookie = object_req_cookie,
    .req_identify = object_req_identify,
    .reply = object_reply,
    .reply_error = object_reply_error,
    .ws = table_ws,
    .verb = table_verb,
    .verb_ack = verb_ack,
    .verb_error = verb_error,
    .timer = task_timer,
    .timer_cancel = task_timer_cancel,
    .post = job_post,
    .job = job_submit,
    .watch = task_watch,
    .watch_set = task_watch_set,
    .watch_cancel = task_watch_cancel,
    .metric = table_metric,
    .metric_add = metric_add,
    .metric_set = metric_set,
    .metric_observe = metric_observe,
    .channel_send_at = object_channel_send_at,
    .channel_on_behind = object_channel_on_behind,
    .limit = hello_limit,
    .server_pid = table_server_pid,
};
