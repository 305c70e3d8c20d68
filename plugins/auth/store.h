/* SPDX-License-Identifier: MIT */
/*
 * Calls to chatd.kv. On top of the service they work without a provider (CHATD_E_BACKEND at once),
 * notice when the store goes and comes back, and may still be answered after stop(): the callback
 * then gets CHATD_E_CANCELLED and only frees what it owns.
 */
#ifndef AUTH_STORE_H
#define AUTH_STORE_H

#include "auth.h"

#include <chatd/svc/kv.h>

#include <string.h>

/* The namespaces; users and users-folded are part of the wire's contract with other servers. */
#define NS_USERS   CHATD_STR("users")        /* account -> bcrypt hash */
#define NS_FOLDED  CHATD_STR("users-folded") /* folded name -> the account of another spelling */
#define NS_REVOKED CHATD_STR("revoked")      /* jti -> "1", until the token would have expired */
#define NS_SINCE   CHATD_STR("auth-since")   /* user -> a time: older tokens are revoked */
#define NS_KNOWN   CHATD_STR("auth-known")   /* address and account -> "1", for a time */
#define NS_SECRETS CHATD_STR("chatd-secrets")

/* `value` is empty where there is none. */
typedef void (*store_cb)(struct auth *a, int err, chatd_str value, void *arg);
typedef void (*store_scan_cb)(struct auth *a, int err, const struct chatd_kv_scan *page, void *arg);

/* [loop] All: CHATD_OK and one callback later, or an error and none. A cb may be NULL. */
int store_get(struct auth *a, chatd_str ns, chatd_str key, store_cb cb, void *arg);
int store_put(struct auth *a, chatd_str ns, chatd_str key, chatd_str value, int64_t ttl_ms,
              store_cb cb, void *arg);
int store_put_absent(struct auth *a, chatd_str ns, chatd_str key, chatd_str value, store_cb cb,
                     void *arg);
int store_cas(struct auth *a, chatd_str ns, chatd_str key, chatd_str expected, chatd_str value,
              store_cb cb, void *arg);
int store_scan(struct auth *a, chatd_str ns, chatd_str cursor, uint32_t limit, store_scan_cb cb,
               void *arg);

/* The chatd_str of a C string. */
static inline chatd_str store_str(const char *text)
{
    chatd_str s = {text, strlen(text)};

    return s;
}

#endif
