/* SPDX-License-Identifier: MIT */
/* The keys of tokens: from the options, or shared through chatd.kv. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "key.h"

#include "keyload.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_DRAWN_BYTES  48 /* 64 characters of base64, as `openssl rand -base64 48` gives */
#define BACKOFF_FIRST_MS 250u
#define BACKOFF_MAX_MS   10000u

/* A store that was emptied under a running server tells nobody. */
#define REFRESH_MS 30000u

const struct ring *key_get(const struct auth *a)
{
    return &a->key.ring;
}

bool key_ready(const struct auth *a)
{
    return a->key.ring.has_signer;
}

/* So that who looks at a token, or at two instances that do not agree, knows which is which. */
static void tell(const struct auth *a)
{
    const struct ring *ring = &a->key.ring;
    char others[RING_KEYS_MAX * (RING_KID_CHARS + 16)] = "";
    unsigned i;
    size_t n = 0;

    for (i = 1; i < ring->n; i++)
        n += (size_t)snprintf(others + n, sizeof(others) - n, "%s %s (%s)", i > 1 ? "," : "",
                              ring->key[i].kid, ring_alg_name(ring->key[i].alg));
    chatd_log(a->self, CHATD_LOG_INFO, "tokens are signed with the key %s (%s)%s%s",
              ring->key[0].kid, ring_alg_name(ring->key[0].alg),
              n > 0 ? "; those of older keys are good:" : "", others);
}

/* A key drawn by us or another instance, of a good length, signs from now on. */
static void key_set(struct auth *a, chatd_str text)
{
    ring_remove_signer(&a->key.ring);
    (void)ring_add_secret(&a->key.ring, text, true);
    a->key.backoff_ms = BACKOFF_FIRST_MS;
    tell(a);
    auth_report(a);
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
    if (key_ready(a))
        return;
    (void)chatd_timer_start(a->self, a->key.backoff_ms, 0, on_backoff, a, &timer);
    a->key.backoff_ms *= 2;
    if (a->key.backoff_ms > BACKOFF_MAX_MS)
        a->key.backoff_ms = BACKOFF_MAX_MS;
}

/* The store has a key: ours, or the one that another instance was quicker with. */
static void take(struct auth *a, chatd_str value)
{
    const char *ours = key_ready(a) ? a->key.ring.key[0].signs : "";

    if (!ring_secret_ok(value)) {
        chatd_log(
            a->self, CHATD_LOG_ERROR,
            "the key `jwt` in chatd.kv `chatd-secrets` has %zu bytes, %u to %u, none of them NUL, "
            "are needed: "
            "delete it, or set jwt_secret",
            value.n, RING_SECRET_MIN, RING_SECRET_MAX);
        try_later(a, "no key for tokens: the one in chatd.kv has a wrong length");
        return;
    }
    if (value.n == strlen(ours) && memcmp(value.p, ours, value.n) == 0)
        return;
    if (key_ready(a))
        chatd_log(a->self, CHATD_LOG_WARN,
                  "the key in chatd.kv was replaced: tokens signed with the old one are void");
    key_set(a, value);
}

static void on_key(struct auth *a, int err, chatd_str value, void *arg)
{
    char *candidate = arg;

    a->key.asking = false;
    if (a->stopped || err == CHATD_E_CANCELLED || a->key.configured)
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
    candidate = auth_alloc(RING_SECRET_MAX + 1);
    /* What we sign with already goes back in when the store has lost it, not a new one. */
    if (key_ready(a))
        memcpy(candidate, a->key.ring.key[0].signs, strlen(a->key.ring.key[0].signs));
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

int key_init(struct auth *a)
{
    a->key.configured = keyload_has_signer(auth_config(a));
    return keyload(a, auth_config(a), &a->key.ring);
}

static int no_store(const struct auth *a)
{
    chatd_log(a->self, CHATD_LOG_ERROR,
              "no key for tokens: switch a plugin on that offers chatd.kv (history-sqlite = on), "
              "or write `jwt_secret = ...` under [auth]; make one with `openssl rand -base64 48`");
    return CHATD_E_STATE;
}

/* Whoever has no key yet begins to ask for one. */
static void settle(struct auth *a)
{
    a->key.backoff_ms = BACKOFF_FIRST_MS;
    if (key_ready(a)) {
        tell(a);
    } else {
        a->key.missing = "no key for tokens: chatd.kv has not answered yet";
        key_refresh(a);
    }
    auth_report(a);
}

int key_start(struct auth *a)
{
    chatd_timer timer;

    if (!a->key.configured && a->kv == NULL)
        return no_store(a);
    settle(a);
    /* A reload may take the configured key away. */
    return a->kv != NULL ? chatd_timer_start(a->self, REFRESH_MS, REFRESH_MS, on_refresh, a, &timer)
                         : CHATD_OK;
}

int key_reload(struct auth *a, const struct auth_config *fresh)
{
    bool configured = keyload_has_signer(fresh);
    struct ring ring;
    int rc;

    if (!configured && a->kv == NULL)
        return no_store(a);
    rc = keyload(a, fresh, &ring);
    if (rc < 0)
        return rc;
    /* The key of chatd.kv stays the current one. */
    if (!configured && !a->key.configured && key_ready(a))
        (void)ring_add_secret(&ring, store_str(a->key.ring.key[0].signs), true);
    ring_deinit(&a->key.ring);
    a->key.ring = ring;
    a->key.configured = configured;
    settle(a);
    return CHATD_OK;
}

void key_deinit(struct key *key)
{
    ring_deinit(&key->ring);
}
