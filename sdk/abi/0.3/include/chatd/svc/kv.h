/* SPDX-License-Identifier: MIT */
/*
 * Service chatd.kv 1.0: small values by (namespace, key), shared by all workers and, with Redis, by
 * all hosts.
 *
 * Namespaces and keys are 1 to 256 bytes without NUL, values at most CHATD_KV_VALUE_MAX bytes. Every call is
 * answered by one callback within CHATD_KV_DEADLINE_MS: CHATD_OK; CHATD_E_NOTFOUND; CHATD_E_EXISTS (put_absent:
 * it was there, cas: it was not `expected`; reply->value is what is there); CHATD_E_BACKEND (the store is
 * away or refused); CHATD_E_TIMEOUT (outcome unknown). Entries of one namespace either all have a ttl
 * or none: the two kinds are kept apart.
 */
#ifndef CHATD_SVC_KV_H
#define CHATD_SVC_KV_H

#include <chatd/service.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_KV_SERVICE     "chatd.kv"
#define CHATD_KV_MAJOR       1
#define CHATD_KV_MINOR       0
#define CHATD_KV_DEADLINE_MS 5000u
#define CHATD_KV_VALUE_MAX   65536u
#define CHATD_KV_SCAN_MAX    1000u

struct chatd_kv_reply {
    uint32_t size;
    uint32_t reserved;
    chatd_str value; /* get, put_absent, cas; bytes */
    int64_t number;  /* add: the sum */
};

struct chatd_kv_item {
    chatd_str key, value;
};

struct chatd_kv_scan {
    uint32_t size;
    uint32_t n, stride;
    uint32_t more; /* 1: go on with `cursor` */
    const struct chatd_kv_item *items;
    chatd_str cursor;
};

/* `reply` may be NULL on an error. */
typedef void (*chatd_kv_cb)(chatd_plugin *self, int err, const struct chatd_kv_reply *reply,
                            void *arg);
typedef void (*chatd_kv_scan_cb)(chatd_plugin *self, int err, const struct chatd_kv_scan *page,
                                 void *arg);

/* `p` is the provider, `self` the caller. `cb` may be NULL where the outcome does not matter. */
struct chatd_kv_api {
    uint32_t size;
    uint32_t reserved;
    int (*get)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
               void *arg);
    int (*put)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str value,
               int64_t ttl_ms, chatd_kv_cb cb, void *arg);
    int (*put_absent)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                      chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg);
    int (*cas)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str expected,
               chatd_str value, chatd_kv_cb cb, void *arg);
    int (*add)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, int64_t n,
               int64_t ttl_ms, chatd_kv_cb cb, void *arg);
    int (*del)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
               void *arg);
    int (*scan)(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor, uint32_t limit,
                chatd_kv_scan_cb cb, void *arg);
};

#define CHATD_KV_API(kv) ((const struct chatd_kv_api *)(kv)->api)

/* [loop] Reads an entry. */
static inline int chatd_kv_get(chatd_plugin *self, const struct chatd_service *kv, chatd_str ns,
                               chatd_str key, chatd_kv_cb cb, void *arg)
{
    return CHATD_KV_API(kv)->get(kv->provider, self, ns, key, cb, arg);
}

/* [loop] Writes an entry; ttl_ms > 0: it ends by itself after that time. */
static inline int chatd_kv_put(chatd_plugin *self, const struct chatd_service *kv, chatd_str ns,
                               chatd_str key, chatd_str value, int64_t ttl_ms, chatd_kv_cb cb,
                               void *arg)
{
    return CHATD_KV_API(kv)->put(kv->provider, self, ns, key, value, ttl_ms, cb, arg);
}

/* [loop] Writes it unless it is there (CHATD_E_EXISTS, with its value). */
static inline int chatd_kv_put_absent(chatd_plugin *self, const struct chatd_service *kv,
                                      chatd_str ns, chatd_str key, chatd_str value, int64_t ttl_ms,
                                      chatd_kv_cb cb, void *arg)
{
    return CHATD_KV_API(kv)->put_absent(kv->provider, self, ns, key, value, ttl_ms, cb, arg);
}

/* [loop] Replaces `expected` by `value` (entries without ttl). CHATD_E_EXISTS: it is something else;
 * CHATD_E_NOTFOUND: it is not there, or has a ttl. */
static inline int chatd_kv_cas(chatd_plugin *self, const struct chatd_service *kv, chatd_str ns,
                               chatd_str key, chatd_str expected, chatd_str value, chatd_kv_cb cb,
                               void *arg)
{
    return CHATD_KV_API(kv)->cas(kv->provider, self, ns, key, expected, value, cb, arg);
}

/* [loop] Adds to a counter that begins at 0; ttl_ms > 0 counts from its first addition.
 * CHATD_E_INVAL: the entry is not a number, or the sum does not fit 64 bits. */
static inline int chatd_kv_add(chatd_plugin *self, const struct chatd_service *kv, chatd_str ns,
                               chatd_str key, int64_t n, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    return CHATD_KV_API(kv)->add(kv->provider, self, ns, key, n, ttl_ms, cb, arg);
}

/* [loop] Removes an entry, of either kind; CHATD_E_NOTFOUND: it was not there. */
static inline int chatd_kv_del(chatd_plugin *self, const struct chatd_service *kv, chatd_str ns,
                               chatd_str key, chatd_kv_cb cb, void *arg)
{
    return CHATD_KV_API(kv)->del(kv->provider, self, ns, key, cb, arg);
}

/* [loop] A page of the entries without ttl, in no particular order; begin with an empty cursor.
 * An entry present throughout is seen at least once. `limit`: 1 to CHATD_KV_SCAN_MAX, a hint. */
static inline int chatd_kv_scan(chatd_plugin *self, const struct chatd_service *kv, chatd_str ns,
                                chatd_str cursor, uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    return CHATD_KV_API(kv)->scan(kv->provider, self, ns, cursor, limit, cb, arg);
}

#ifdef __cplusplus
}
#endif
#endif
