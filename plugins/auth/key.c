/* SPDX-License-Identifier: MIT */
/* The key that signs tokens: from the options, or shared through chatd.kv. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "key.h"

#include "store.h"

#include <stdlib.h>

#define KEY_DRAWN_BYTES  48 /* 64 characters of base64, as `openssl rand -base64 48` gives */
#define BACKOFF_FIRST_MS 250u
#define BACKOFF_MAX_MS   10000u

/* A store that was emptied under a running server tells nobody. */
#define REFRESH_MS 30000u

#define HOW_TO_MAKE_ONE "make one with `openssl rand -base64 48`"

static const char *configured_secret(const struct auth *a)
{
    const char *secret = auth_config(a)->jwt_secret;

    /* Empty is as good as absent: compose files pass variables on that nobody set. */
    return secret != NULL && secret[0] != '\0' ? secret : NULL;
}

int key_check_config(struct auth *a)
{
    const char *secret = configured_secret(a);
    size_t n = secret != NULL ? strlen(secret) : TOKEN_KEY_MIN;

    if (n >= TOKEN_KEY_MIN && n <= TOKEN_KEY_MAX)
        return CHATD_OK;
    chatd_log(a->self, CHATD_LOG_ERROR,
              "jwt_secret has %zu bytes; it needs %u to %u: " HOW_TO_MAKE_ONE, n, TOKEN_KEY_MIN,
              TOKEN_KEY_MAX);
    return CHATD_E_INVAL;
}

static void key_set(struct auth *a, chatd_str text)
{
    explicit_bzero(a->key.text, sizeof(a->key.text));
    memcpy(a->key.text, text.p, text.n);
    a->key.n = text.n;
    a->key.backoff_ms = BACKOFF_FIRST_MS;
    auth_report(a);
}

chatd_str key_get(const struct auth *a)
{
    return (chatd_str){a->key.text, a->key.n};
}

/* base64 of KEY_DRAWN_BYTES, which are a multiple of three: no padding. */
static void draw(chatd_plugin *self, char out[KEY_DRAWN_BYTES / 3 * 4 + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[KEY_DRAWN_BYTES];
    char *o = out;
    size_t i;

    chatd_random(self, bytes, sizeof(bytes));
    for (i = 0; i < sizeof(bytes); i += 3) {
        uint32_t v =
            (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2];

        *o++ = digits[v >> 18];
        *o++ = digits[v >> 12 & 63];
        *o++ = digits[v >> 6 & 63];
        *o++ = digits[v & 63];
    }
    *o = '\0';
    explicit_bzero(bytes, sizeof(bytes));
}

static void on_backoff(chatd_plugin *self, void *arg)
{
    (void)self;
    key_refresh(arg);
}

static void try_later(struct auth *a, const char *missing)
{
    chatd_timer timer;

    a->key.missing = missing;
    auth_report(a);
    /* With a key at hand there is no hurry: on_refresh() asks again. */
    if (a->key.n > 0)
        return;
    (void)chatd_timer_start(a->self, a->key.backoff_ms, 0, on_backoff, a, &timer);
    a->key.backoff_ms *= 2;
    if (a->key.backoff_ms > BACKOFF_MAX_MS)
        a->key.backoff_ms = BACKOFF_MAX_MS;
}

/* The store has a key: ours, or the one that another instance was quicker with. */
static void take(struct auth *a, chatd_str value)
{
    if (value.n < TOKEN_KEY_MIN || value.n > TOKEN_KEY_MAX) {
        chatd_log(a->self, CHATD_LOG_ERROR,
                  "the key `jwt` in chatd.kv `chatd-secrets` has %zu bytes, %u to %u are needed: "
                  "delete it, or set jwt_secret",
                  value.n, TOKEN_KEY_MIN, TOKEN_KEY_MAX);
        try_later(a, "no key for tokens: the one in chatd.kv has a wrong length");
        return;
    }
    if (value.n == a->key.n && memcmp(value.p, a->key.text, value.n) == 0)
        return;
    if (a->key.n > 0)
        chatd_log(a->self, CHATD_LOG_WARN,
                  "the key in chatd.kv was replaced: tokens signed with the old one are void");
    key_set(a, value);
}

static void on_key(struct auth *a, int err, chatd_str value, void *arg)
{
    char *candidate = arg;

    a->key.asking = false;
    if (a->stopped || err == CHATD_E_CANCELLED)
        ;
    else if (err == CHATD_OK)
        take(a, store_str(candidate));
    else if (err == CHATD_E_EXISTS)
        take(a, value);
    else
        try_later(a, "no key for tokens: chatd.kv failed");
    explicit_bzero(candidate, strlen(candidate));
    free(candidate);
}

void key_refresh(struct auth *a)
{
    char *candidate;
    int rc;

    if (a->key.configured || a->key.asking)
        return;
    candidate = auth_alloc(sizeof(a->key.text));
    /* What we sign with already goes back in when the store has lost it, not a new one. */
    if (a->key.n > 0)
        memcpy(candidate, a->key.text, a->key.n);
    else
        draw(a->self, candidate);
    a->key.asking = true;
    rc = store_put_absent(a, NS_SECRETS, CHATD_STR("jwt"), store_str(candidate), on_key, candidate);
    if (rc < 0)
        on_key(a, rc, CHATD_STR(""), candidate);
}

static void on_refresh(chatd_plugin *self, void *arg)
{
    (void)self;
    key_refresh(arg);
}

int key_start(struct auth *a)
{
    const char *secret = configured_secret(a);
    chatd_timer timer;

    a->key.backoff_ms = BACKOFF_FIRST_MS;
    if (secret != NULL) {
        a->key.configured = true;
        key_set(a, store_str(secret));
        return CHATD_OK;
    }
    if (a->kv == NULL) {
        chatd_log(
            a->self, CHATD_LOG_ERROR,
            "no key for tokens: switch a plugin on that offers chatd.kv (history-sqlite = on), "
            "or write `jwt_secret = ...` under [auth]; " HOW_TO_MAKE_ONE);
        return CHATD_E_STATE;
    }
    a->key.missing = "no key for tokens: chatd.kv has not answered yet";
    auth_report(a);
    key_refresh(a);
    return chatd_timer_start(a->self, REFRESH_MS, REFRESH_MS, on_refresh, a, &timer);
}

void key_deinit(struct key *key)
{
    explicit_bzero(key, sizeof(*key));
}
