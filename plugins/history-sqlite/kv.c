/* SPDX-License-Identifier: MIT */
/* The service chatd.kv: each call becomes one operation of the batch. */
#include "history.h"

#include <chatd/svc/kv.h>
#include <stdlib.h>
#include <string.h>

#define KV_NAME_MAX    256u                  /* bytes of a namespace or key */
#define SCAN_BYTES_MAX ((size_t)1024 * 1024) /* a page ends early when it is this large */

_Static_assert(BATCH_DEADLINE_MS == CHATD_KV_DEADLINE_MS, "the batch keeps the kv's deadline");

struct kv_op {
    struct op op;
    chatd_plugin *caller;
    chatd_kv_cb cb;
    void *arg;
    struct store_key key;
    chatd_str value, expected;
    int64_t n;

    /* Results. */
    struct arena arena;
    chatd_str there;
    int64_t sum;
};

struct scan_op {
    struct op op;
    chatd_plugin *caller;
    chatd_kv_scan_cb cb;
    void *arg;
    chatd_str ns, cursor;
    uint32_t limit;

    /* Results. */
    struct arena arena;
    struct chatd_kv_item *items;
    uint32_t n;
    bool more, starved;
};

/* --- single entries ---------------------------------------------------------------------------- */

static int get_run(struct op *op, struct store *store)
{
    struct kv_op *kv = (struct kv_op *)op;

    arena_free(&kv->arena);
    return store_kv_get(store, &kv->key, &kv->arena, &kv->there);
}

static int put_run(struct op *op, struct store *store)
{
    struct kv_op *kv = (struct kv_op *)op;

    return store_kv_put(store, &kv->key, kv->value);
}

static int put_absent_run(struct op *op, struct store *store)
{
    struct kv_op *kv = (struct kv_op *)op;
    int err = store_kv_put_absent(store, &kv->key, kv->value, &kv->arena, &kv->there);

    if (err == CHATD_OK)
        kv->there = kv->value;
    return err;
}

static int cas_run(struct op *op, struct store *store)
{
    struct kv_op *kv = (struct kv_op *)op;
    int err = store_kv_cas(store, &kv->key, kv->expected, kv->value, &kv->arena, &kv->there);

    if (err == CHATD_OK)
        kv->there = kv->value;
    return err;
}

static int add_run(struct op *op, struct store *store)
{
    struct kv_op *kv = (struct kv_op *)op;

    return store_kv_add(store, &kv->key, kv->n, &kv->sum);
}

static int del_run(struct op *op, struct store *store)
{
    struct kv_op *kv = (struct kv_op *)op;

    return store_kv_del(store, &kv->key);
}

static void kv_answer(struct op *op, int err)
{
    const struct kv_op *kv = (const struct kv_op *)op;
    struct chatd_kv_reply reply = {.size = sizeof(reply), .value = CHATD_STR("")};

    if (kv->cb == NULL)
        return;
    if (err == CHATD_OK || err == CHATD_E_EXISTS) {
        reply.number = kv->sum;
        if (kv->there.p != NULL)
            reply.value = kv->there;
    }
    kv->cb(kv->caller, err, &reply, kv->arg);
}

static void kv_destroy(struct op *op)
{
    arena_free(&((struct kv_op *)op)->arena);
    free(op);
}

#define KV_CLASS(name, write)                     \
    static const struct op_class name##_class = { \
        .writes = (write), .run = name##_run, .answer = kv_answer, .destroy = kv_destroy}

KV_CLASS(get, false);
KV_CLASS(put, true);
KV_CLASS(put_absent, true);
KV_CLASS(cas, true);
KV_CLASS(add, true);
KV_CLASS(del, true);

static bool is_name(chatd_str name)
{
    return name.n >= 1 && name.n <= KV_NAME_MAX && memchr(name.p, '\0', name.n) == NULL;
}

/* Checks and submits a call; `wanted` carries what differs between them. */
static int kv_submit(chatd_plugin *p, chatd_plugin *self, const struct op_class *class,
                     const struct kv_op *wanted, chatd_kv_cb cb, void *arg)
{
    struct kv_op copy = *wanted;
    chatd_str *const strings[] = {&copy.key.ns, &copy.key.key, &copy.value, &copy.expected};

    if (!is_name(copy.key.ns) || !is_name(copy.key.key) || copy.value.n > CHATD_KV_VALUE_MAX ||
        copy.expected.n > CHATD_KV_VALUE_MAX || copy.key.ttl_ms < 0)
        return CHATD_E_INVAL;
    struct kv_op *kv = history_op_new(sizeof(*kv), class, strings, 4);

    if (kv == NULL)
        return CHATD_E_BUSY;
    copy.op = kv->op;
    *kv = copy;
    kv->caller = self;
    kv->cb = cb;
    kv->arg = arg;
    kv->key.now_ms = chatd_wall_ms(p);
    return history_submit(p->data, &kv->op);
}

static int kv_get(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    const struct kv_op wanted = {.key = {.ns = ns, .key = key}};

    return kv_submit(p, self, &get_class, &wanted, cb, arg);
}

static int kv_put(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str value,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    const struct kv_op wanted = {.key = {.ns = ns, .key = key, .ttl_ms = ttl_ms}, .value = value};

    return kv_submit(p, self, &put_class, &wanted, cb, arg);
}

static int kv_put_absent(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                         chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    const struct kv_op wanted = {.key = {.ns = ns, .key = key, .ttl_ms = ttl_ms}, .value = value};

    return kv_submit(p, self, &put_absent_class, &wanted, cb, arg);
}

static int kv_cas(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                  chatd_str expected, chatd_str value, chatd_kv_cb cb, void *arg)
{
    const struct kv_op wanted = {
        .key = {.ns = ns, .key = key}, .value = value, .expected = expected};

    return kv_submit(p, self, &cas_class, &wanted, cb, arg);
}

static int kv_add(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, int64_t n,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    const struct kv_op wanted = {.key = {.ns = ns, .key = key, .ttl_ms = ttl_ms}, .n = n};

    return kv_submit(p, self, &add_class, &wanted, cb, arg);
}

static int kv_del(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    const struct kv_op wanted = {.key = {.ns = ns, .key = key}};

    return kv_submit(p, self, &del_class, &wanted, cb, arg);
}

/* --- scan -------------------------------------------------------------------------------------- */

static bool scan_take(void *arg, chatd_str key, chatd_str value)
{
    struct scan_op *scan = arg;
    struct chatd_kv_item *item = &scan->items[scan->n];

    scan->more =
        scan->n == scan->limit || (scan->n > 0 && scan->arena.bytes + value.n > SCAN_BYTES_MAX);
    if (scan->more)
        return false;
    scan->starved = !arena_copy(&scan->arena, key.p, key.n, &item->key) ||
                    !arena_copy(&scan->arena, value.p, value.n, &item->value);
    scan->n += !scan->starved;
    return !scan->starved;
}

static int scan_run(struct op *op, struct store *store)
{
    struct scan_op *scan = (struct scan_op *)op;

    arena_free(&scan->arena);
    scan->n = 0;
    scan->more = scan->starved = false;
    if (scan->items == NULL)
        scan->items = calloc(scan->limit, sizeof(*scan->items));
    if (scan->items == NULL)
        return CHATD_E_BUSY;
    int err = store_kv_scan(store, scan->ns, scan->cursor, scan->limit, scan_take, scan);

    return err == CHATD_OK && scan->starved ? CHATD_E_BUSY : err;
}

static void scan_answer(struct op *op, int err)
{
    const struct scan_op *scan = (const struct scan_op *)op;

    if (err != CHATD_OK) {
        scan->cb(scan->caller, err, NULL, scan->arg);
        return;
    }
    const struct chatd_kv_scan page = {.size = sizeof(page),
                                       .n = scan->n,
                                       .stride = sizeof(scan->items[0]),
                                       .more = scan->more,
                                       .items = scan->items,
                                       .cursor = scan->more ? scan->items[scan->n - 1].key
                                                            : CHATD_STR("")};

    scan->cb(scan->caller, CHATD_OK, &page, scan->arg);
}

static void scan_destroy(struct op *op)
{
    struct scan_op *scan = (struct scan_op *)op;

    arena_free(&scan->arena);
    free(scan->items);
    free(scan);
}

static const struct op_class scan_class = {
    .writes = false, .run = scan_run, .answer = scan_answer, .destroy = scan_destroy};

static int kv_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                   uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    chatd_str *const strings[] = {&ns, &cursor};

    if (cb == NULL || !is_name(ns) || (cursor.n > 0 && !is_name(cursor)) || limit == 0 ||
        limit > CHATD_KV_SCAN_MAX)
        return CHATD_E_INVAL;
    struct scan_op *scan = history_op_new(sizeof(*scan), &scan_class, strings, 2);

    if (scan == NULL)
        return CHATD_E_BUSY;
    scan->caller = self;
    scan->cb = cb;
    scan->arg = arg;
    scan->ns = ns;
    scan->cursor = cursor;
    scan->limit = limit;
    return history_submit(p->data, &scan->op);
}

const struct chatd_kv_api history_kv_api = {.size = sizeof(history_kv_api),
                                            .get = kv_get,
                                            .put = kv_put,
                                            .put_absent = kv_put_absent,
                                            .cas = kv_cas,
                                            .add = kv_add,
                                            .del = kv_del,
                                            .scan = kv_scan};
