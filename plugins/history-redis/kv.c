/* SPDX-License-Identifier: MIT */
/* The service chatd.kv: each call becomes one request. */
#include "history.h"

#include <chatd/svc/kv.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(QUEUE_DEADLINE_MS == CHATD_KV_DEADLINE_MS, "the queue keeps the kv's deadline");

/* What a reply means: CHATD_OK or another answer of the contract, with the parts of `out` filled. */
typedef int (*kv_read)(const redisReply *reply, struct chatd_kv_reply *out);

struct kv_request {
    struct request request;
    chatd_plugin *caller;
    chatd_kv_cb cb;
    void *arg;
    kv_read read;
    int written; /* the argument that is there after CHATD_OK; 0: none */
};

static int take_value(const redisReply *reply, struct chatd_kv_reply *out, int there)
{
    if (reply->type != REDIS_REPLY_STRING)
        return CHATD_E_BACKEND;
    out->value = (chatd_str){reply->str, reply->len};
    return there;
}

static int read_get(const redisReply *reply, struct chatd_kv_reply *out)
{
    return reply->type == REDIS_REPLY_NIL ? CHATD_E_NOTFOUND : take_value(reply, out, CHATD_OK);
}

static int read_done(const redisReply *reply, struct chatd_kv_reply *out)
{
    (void)reply, (void)out;
    return CHATD_OK;
}

static int read_put_absent(const redisReply *reply, struct chatd_kv_reply *out)
{
    return reply->type == REDIS_REPLY_NIL ? CHATD_OK : take_value(reply, out, CHATD_E_EXISTS);
}

static int read_cas(const redisReply *reply, struct chatd_kv_reply *out)
{
    if (reply->type == REDIS_REPLY_INTEGER)
        return CHATD_OK;
    return reply->type == REDIS_REPLY_NIL ? CHATD_E_NOTFOUND
                                          : take_value(reply, out, CHATD_E_EXISTS);
}

static int read_add(const redisReply *reply, struct chatd_kv_reply *out)
{
    if (reply->type == REDIS_REPLY_NIL)
        return CHATD_E_INVAL;
    return reply->type == REDIS_REPLY_STRING &&
                   text_integer((chatd_str){reply->str, reply->len}, &out->number)
               ? CHATD_OK
               : CHATD_E_BACKEND;
}

static int read_del(const redisReply *reply, struct chatd_kv_reply *out)
{
    (void)out;
    return reply->integer > 0 ? CHATD_OK : CHATD_E_NOTFOUND;
}

static void kv_answer(struct request *request, int err, redisReply *reply)
{
    const struct kv_request *kv = (const struct kv_request *)request;
    struct chatd_kv_reply out = {.size = sizeof(out), .value = CHATD_STR("")};

    if (kv->cb == NULL)
        return;
    if (err == CHATD_OK)
        err = kv->read(reply, &out);
    if (err == CHATD_OK && kv->written > 0)
        out.value = (chatd_str){request->argv[kv->written], request->argn[kv->written]};
    kv->cb(kv->caller, err, &out, kv->arg);
}

static void plain_destroy(struct request *request)
{
    free(request);
}

static const struct request_class kv_class = {.answer = kv_answer, .destroy = plain_destroy};

/* A call before it becomes a request. */
struct kv_call {
    chatd_str ns, key, value, expected;
    int64_t ttl_ms;
    enum script script;
    bool repeats; /* may be done twice */
    int argc;
    chatd_str argv[QUEUE_ARGS_MAX]; /* for a script without the two keys and the field */
    kv_read read;
    int written;
};

/* Redis counts expiry in milliseconds since 1970: what is later than it can say is a mistake. */
#define TTL_MAX_MS (INT64_C(1000) * 365 * 86400 * 1000)

static bool is_good(const struct kv_call *call)
{
    return text_is_name(call->ns, 1) && text_is_name(call->key, 1) &&
           call->value.n <= CHATD_KV_VALUE_MAX && call->expected.n <= CHATD_KV_VALUE_MAX &&
           call->ttl_ms >= 0 && call->ttl_ms <= TTL_MAX_MS;
}

static int submit(chatd_plugin *p, chatd_plugin *self, const struct kv_call *call, chatd_kv_cb cb,
                  void *arg)
{
    struct history *history = p->data;
    chatd_str argv[QUEUE_ARGS_MAX];
    struct text ttl_key;
    int argc = 0;

    if (!is_good(call))
        return CHATD_E_INVAL;
    if (history == NULL)
        return CHATD_E_STATE;
    if (call->script != SCRIPT_NONE) {
        argv[argc++] = call->ns;
        argv[argc++] = text_ttl(&ttl_key, call->ns, call->key);
        argv[argc++] = call->key;
    }
    for (int i = 0; i < call->argc; i++)
        argv[argc++] = call->argv[i];
    struct kv_request *kv = request_new(sizeof(*kv), &kv_class, call->script, 2, argc, argv);

    if (kv == NULL)
        return CHATD_E_BUSY;
    kv->request.repeats = call->repeats;
    kv->caller = self;
    kv->cb = cb;
    kv->arg = arg;
    kv->read = call->read;
    kv->written = call->written;
    return history_submit(history, &kv->request);
}

/* A number as an argument. */
struct number {
    char p[24];
};

static chatd_str number_text(struct number *buf, int64_t n)
{
    int length = snprintf(buf->p, sizeof(buf->p), "%" PRId64, n);

    return (chatd_str){buf->p, (size_t)length};
}

static int kv_get(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    const struct kv_call call = {
        .ns = ns, .key = key, .script = SCRIPT_GET, .repeats = true, .read = read_get};

    return submit(p, self, &call, cb, arg);
}

static int kv_put(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str value,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    struct number ttl;
    struct text ttl_key;
    struct kv_call call = {.ns = ns,
                           .key = key,
                           .value = value,
                           .ttl_ms = ttl_ms,
                           .script = SCRIPT_NONE,
                           .read = read_done};

    if (!is_good(&call))
        return CHATD_E_INVAL;
    if (ttl_ms > 0) {
        const chatd_str argv[] = {CHATD_STR("SET"), text_ttl(&ttl_key, ns, key), value,
                                  CHATD_STR("PX"), number_text(&ttl, ttl_ms)};

        memcpy(call.argv, argv, sizeof(argv));
        call.argc = 5;
    } else {
        const chatd_str argv[] = {CHATD_STR("HSET"), ns, key, value};

        memcpy(call.argv, argv, sizeof(argv));
        call.argc = 4;
    }
    return submit(p, self, &call, cb, arg);
}

static int kv_put_absent(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                         chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    struct number ttl;
    const struct kv_call call = {.ns = ns,
                                 .key = key,
                                 .value = value,
                                 .ttl_ms = ttl_ms,
                                 .script = SCRIPT_PUT_ABSENT,
                                 .argc = 2,
                                 .argv = {value, number_text(&ttl, ttl_ms)},
                                 .read = read_put_absent,
                                 .written = 3};

    return submit(p, self, &call, cb, arg);
}

static int kv_cas(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                  chatd_str expected, chatd_str value, chatd_kv_cb cb, void *arg)
{
    const struct kv_call call = {.ns = ns,
                                 .key = key,
                                 .value = value,
                                 .expected = expected,
                                 .script = SCRIPT_CAS,
                                 .argc = 2,
                                 .argv = {expected, value},
                                 .read = read_cas,
                                 .written = 4};

    return submit(p, self, &call, cb, arg);
}

static int kv_add(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, int64_t n,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    struct number more, ttl;
    const struct kv_call call = {.ns = ns,
                                 .key = key,
                                 .ttl_ms = ttl_ms,
                                 .script = SCRIPT_ADD,
                                 .argc = 2,
                                 .argv = {number_text(&more, n), number_text(&ttl, ttl_ms)},
                                 .read = read_add};

    return submit(p, self, &call, cb, arg);
}

static int kv_del(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    /* Not twice: the second time would find nothing, and somebody may have put it back. */
    const struct kv_call call = {.ns = ns, .key = key, .script = SCRIPT_DEL, .read = read_del};

    return submit(p, self, &call, cb, arg);
}

/* --- scan -------------------------------------------------------------------------------------- */

struct scan_request {
    struct request request;
    chatd_plugin *caller;
    chatd_kv_scan_cb cb;
    void *arg;
};

static bool is_scan(const redisReply *reply)
{
    const redisReply *list;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_ARRAY || reply->element[1]->elements % 2 != 0)
        return false;
    list = reply->element[1];
    for (size_t i = 0; i < list->elements; i++) {
        if (list->element[i]->type != REDIS_REPLY_STRING)
            return false;
    }
    return true;
}

static void scan_answer(struct request *request, int err, redisReply *reply)
{
    const struct scan_request *scan = (const struct scan_request *)request;
    struct chatd_kv_item *items = NULL;
    struct chatd_kv_scan page = {.size = sizeof(page), .stride = sizeof(*items)};

    if (err == CHATD_OK && !is_scan(reply))
        err = CHATD_E_BACKEND;
    if (err == CHATD_OK) {
        const redisReply *list = reply->element[1];

        items = calloc(list->elements / 2 + 1, sizeof(*items));
        err = items != NULL ? CHATD_OK : CHATD_E_BUSY;
        for (size_t i = 0; err == CHATD_OK && i < list->elements; i += 2)
            items[page.n++] = (struct chatd_kv_item){
                .key = {list->element[i]->str, list->element[i]->len},
                .value = {list->element[i + 1]->str, list->element[i + 1]->len}};
        page.items = items;
        page.more = strcmp(reply->element[0]->str, "0") != 0;
        page.cursor =
            page.more ? (chatd_str){reply->element[0]->str, reply->element[0]->len} : CHATD_STR("");
    }
    scan->cb(scan->caller, err, err == CHATD_OK ? &page : NULL, scan->arg);
    free(items);
}

static int kv_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                   uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    static const struct request_class class = {.answer = scan_answer, .destroy = plain_destroy};
    struct history *history = p->data;
    struct number count;
    uint64_t at;

    if (cb == NULL || !text_is_name(ns, 1) || limit == 0 || limit > CHATD_KV_SCAN_MAX ||
        (cursor.n > 0 && !text_number(cursor, &at)))
        return CHATD_E_INVAL;
    if (history == NULL)
        return CHATD_E_STATE;
    const chatd_str argv[] = {CHATD_STR("HSCAN"), ns, cursor.n > 0 ? cursor : CHATD_STR("0"),
                              CHATD_STR("COUNT"), number_text(&count, limit)};
    struct scan_request *scan = request_new(sizeof(*scan), &class, SCRIPT_NONE, 0, 5, argv);

    if (scan == NULL)
        return CHATD_E_BUSY;
    scan->request.repeats = true;
    scan->caller = self;
    scan->cb = cb;
    scan->arg = arg;
    return history_submit(history, &scan->request);
}

const struct chatd_kv_api history_kv_api = {.size = sizeof(history_kv_api),
                                            .get = kv_get,
                                            .put = kv_put,
                                            .put_absent = kv_put_absent,
                                            .cas = kv_cas,
                                            .add = kv_add,
                                            .del = kv_del,
                                            .scan = kv_scan};
