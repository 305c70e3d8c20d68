/* SPDX-License-Identifier: MIT */
/* The functions a plugin gets. */
#include "host.h"

#include <chatd/log.h>
#include <stdatomic.h>
#include <unistd.h>

/* chatd_alloc() does not say who asks: the last host that goes looks. */
static _Atomic size_t n_blocks, n_hosts, n_ever;

static void *alloc(size_t n)
{
    n_blocks++;
    return mem_alloc(n);
}

static void free_it(void *p)
{
    n_blocks -= p != NULL;
    mem_free(p);
}

size_t alloc_begin(void)
{
    n_hosts++;
    return n_ever++;
}

size_t alloc_end(void)
{
    return --n_hosts == 0 ? atomic_exchange(&n_blocks, 0) : 0;
}

static int64_t wall_ms(chatd_plugin *self)
{
    return host_of(self)->wall_ms;
}

static int64_t mono_ms(chatd_plugin *self)
{
    return host_of(self)->mono_ms;
}

/* splitmix64; see testhost_instance(). */
static void random_bytes(chatd_plugin *self, void *buf, size_t n)
{
    struct testhost *t = host_of(self);
    unsigned char *out = buf;

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < n; i++) {
        uint64_t z = t->random += 0x9e3779b97f4a7c15;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        out[i] = (unsigned char)(z >> 56);
    }
    pthread_mutex_unlock(&t->lock);
}

static chatd_str instance(chatd_plugin *self)
{
    const struct testhost *t = loop_of(self, "chatd_instance");

    return (chatd_str){t->instance, strlen(t->instance)};
}

static int32_t server_pid(chatd_plugin *self)
{
    (void)self;
    return (int32_t)getpid();
}

const struct chatd_core testhost_table = {
    .size = sizeof(testhost_table),
    .abi_major = CHATD_ABI_MAJOR,
    .abi_minor = CHATD_ABI_MINOR,
    .alloc = alloc,
    .free = free_it,
    .log = log_line,
    .wall_ms = wall_ms,
    .mono_ms = mono_ms,
    .random = random_bytes,
    .ready = ready,
    .feature = feature,
    .instance = instance,
    .on = on,
    .event_named = event_named,
    .hooked = hooked,
    .raise = raise_event,
    .raised = raised,
    .ev_drop = ev_drop,
    .ev_alloc = ev_alloc,
    .deny = deny,
    .wait = wait_new,
    .resume = resume,
    .service_offer = service_offer,
    .service = service_get,
    .slot = slot_new,
    .slot_of = slot_of,
    .conn_info = conn_info,
    .conn_identify = conn_identify,
    .conn_send = conn_send,
    .conn_send_frame = conn_send_frame,
    .conn_close = conn_close,
    .conn_backlog = conn_backlog,
    .conn_when_drained = conn_when_drained,
    .frame_new = frame_new,
    .frame_ref = frame_ref,
    .frame_unref = frame_unref,
    .frame_bytes = frame_bytes,
    .channel_open = channel_open,
    .channel_close = channel_close,
    .channel_join = channel_join,
    .channel_leave = channel_leave,
    .channel_send = channel_send,
    .channel_count = channel_count,
    .channel_each = channel_each,
    .route = route_new,
    .req_info = req_info,
    .req_header = req_header,
    .req_param = req_param,
    .req_query = req_query,
    .req_cookie = req_cookie,
    .req_identify = req_identify,
    .reply = reply,
    .reply_error = reply_error,
    .ws = ws_claim,
    .verb = verb_new,
    .verb_ack = verb_ack,
    .verb_error = verb_error,
    .timer = timer_new,
    .timer_cancel = timer_cancel,
    .post = post,
    .job = job_new,
    .watch = watch_new,
    .watch_set = watch_set,
    .watch_cancel = watch_cancel,
    .metric = metric_new,
    .metric_add = metric_add,
    .metric_set = metric_set,
    .metric_observe = metric_observe,
    .channel_send_at = channel_send_at,
    .channel_on_behind = channel_on_behind,
    .limit = limit,
    .server_pid = server_pid,
};
