/* SPDX-License-Identifier: MIT */
/* Calls to chatd.kv: each has a small record that finds the way back to its caller. */
#include "store.h"

#include <stdlib.h>

struct call {
    struct auth *a;
    store_cb cb;
    store_scan_cb scan_cb;
    void *arg;
};

static struct call *call_new(struct auth *a, store_cb cb, store_scan_cb scan_cb, void *arg)
{
    struct call *call = auth_alloc(sizeof(*call));

    call->a = a;
    call->cb = cb;
    call->scan_cb = scan_cb;
    call->arg = arg;
    return call;
}

/* A call that returned `rc`: under way now, or never made. */
static int call_made(struct call *call, int rc)
{
    if (rc < 0)
        free(call);
    else
        call->a->calls++;
    return rc < 0 ? rc : CHATD_OK;
}

/* The first half of every answer: what the plugin itself learns from it. */
static int call_begin(struct auth *a, int err)
{
    bool away = err == CHATD_E_BACKEND || err == CHATD_E_TIMEOUT;
    bool was_away = a->store_away;

    if (a->stopped)
        return CHATD_E_CANCELLED;
    if (err == CHATD_E_CANCELLED)
        return err;
    a->store_away = away;
    if (was_away && !away)
        auth_store_back(a);
    return err;
}

static void call_end(struct call *call)
{
    struct auth *a = call->a;

    free(call);
    a->calls--;
    if (a->stopped && a->calls == 0)
        auth_free(a);
}

static void on_reply(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct call *call = arg;
    chatd_str value = CHATD_STR("");

    (void)self;
    err = call_begin(call->a, err);
    if (reply != NULL && reply->value.p != NULL)
        value = reply->value;
    if (call->cb != NULL)
        call->cb(call->a, err, value, call->arg);
    call_end(call);
}

static void on_page(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    struct call *call = arg;

    (void)self;
    err = call_begin(call->a, err);
    if (err == CHATD_OK && page == NULL)
        err = CHATD_E_BACKEND;
    call->scan_cb(call->a, err, page, call->arg);
    call_end(call);
}

int store_get(struct auth *a, chatd_str ns, chatd_str key, store_cb cb, void *arg)
{
    struct call *call;

    if (a->kv == NULL)
        return CHATD_E_BACKEND;
    call = call_new(a, cb, NULL, arg);
    return call_made(call, chatd_kv_get(a->self, a->kv, ns, key, on_reply, call));
}

int store_put(struct auth *a, chatd_str ns, chatd_str key, chatd_str value, int64_t ttl_ms,
              store_cb cb, void *arg)
{
    struct call *call;

    if (a->kv == NULL)
        return CHATD_E_BACKEND;
    call = call_new(a, cb, NULL, arg);
    return call_made(call, chatd_kv_put(a->self, a->kv, ns, key, value, ttl_ms, on_reply, call));
}

int store_put_absent(struct auth *a, chatd_str ns, chatd_str key, chatd_str value, store_cb cb,
                     void *arg)
{
    struct call *call;

    if (a->kv == NULL)
        return CHATD_E_BACKEND;
    call = call_new(a, cb, NULL, arg);
    return call_made(call, chatd_kv_put_absent(a->self, a->kv, ns, key, value, 0, on_reply, call));
}

int store_cas(struct auth *a, chatd_str ns, chatd_str key, chatd_str expected, chatd_str value,
              store_cb cb, void *arg)
{
    struct call *call;

    if (a->kv == NULL)
        return CHATD_E_BACKEND;
    call = call_new(a, cb, NULL, arg);
    return call_made(call, chatd_kv_cas(a->self, a->kv, ns, key, expected, value, on_reply, call));
}

int store_scan(struct auth *a, chatd_str ns, chatd_str cursor, uint32_t limit, store_scan_cb cb,
               void *arg)
{
    struct call *call;

    if (a->kv == NULL)
        return CHATD_E_BACKEND;
    call = call_new(a, NULL, cb, arg);
    return call_made(call, chatd_kv_scan(a->self, a->kv, ns, cursor, limit, on_page, call));
}
