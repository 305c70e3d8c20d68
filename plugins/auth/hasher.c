/* SPDX-License-Identifier: MIT */
/* Password hashing in the shared CPU threads. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "hasher.h"

#include "auth.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HASHER_DEADLINE_MS 15000u

/* All that the thread touches. */
struct hashing {
    struct auth *a;
    hasher_cb cb;
    void *arg;
    unsigned cost;
    bool checking;
    char fresh[PASSWORD_NEW_MAX + 1]; /* empty: no new one is wanted */
    char stored[PASSWORD_HASH_CHARS + 1];
    char password[PASSWORD_TRY_MAX + 1];
    unsigned char salt[PASSWORD_SALT_BYTES];
    struct hasher_result result;
    double seconds;
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* [pool] */
static int check(struct hashing *h)
{
    unsigned stored_cost = 0;

    if (!password_hash_known((chatd_str){h->stored, strlen(h->stored)}, &stored_cost)) {
        password_spend(h->password, 0, h->cost);
        return CHATD_OK;
    }
    h->result.matched = password_verify(h->password, h->stored);
    if (!h->result.matched) {
        password_spend(h->password, stored_cost, h->cost);
        return CHATD_OK;
    }
    if (h->fresh[0] != '\0')
        return password_hash(h->fresh, h->cost, h->salt, h->result.hash);
    if (!password_needs_rehash(h->stored, h->cost))
        return CHATD_OK;
    /* A failed rehash is no reason to turn away somebody who knows the password. */
    if (password_hash(h->password, h->cost, h->salt, h->result.hash) != CHATD_OK)
        h->result.hash[0] = '\0';
    return CHATD_OK;
}

/* [pool] */
static int run(void *arg)
{
    struct hashing *h = arg;
    double begin = seconds_now();
    int rc = h->checking ? check(h) : password_hash(h->password, h->cost, h->salt, h->result.hash);

    h->seconds = seconds_now() - begin;
    return rc;
}

static void done(chatd_plugin *self, int rc, void *arg)
{
    const struct hashing *h = arg;

    /* After a deadline the thread may still be writing: nothing of `h` but its first members. */
    if (rc == CHATD_OK)
        chatd_metric_observe(self, h->a->metric.hash_seconds, 0, h->seconds);
    h->cb(h->a, rc, rc == CHATD_OK ? &h->result : NULL, h->arg);
}

static void release(void *arg)
{
    explicit_bzero(arg, sizeof(struct hashing));
    free(arg);
}

static int start(struct auth *a, struct hashing *h, const char *password)
{
    struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_CPU,
        .deadline_ms = HASHER_DEADLINE_MS,
        .run = run,
        .done = done,
        .release = release,
        .arg = h,
    };
    int rc;

    memcpy(h->password, password, strnlen(password, PASSWORD_TRY_MAX));
    chatd_random(a->self, h->salt, sizeof(h->salt));
    h->cost = (unsigned)auth_config(a)->bcrypt_cost;
    rc = chatd_job(a->self, &job);
    if (rc == CHATD_E_BUSY)
        auth_limited(a, LIMIT_QUEUE);
    if (rc < 0)
        release(h);
    return rc;
}

int hasher_make(struct auth *a, const char *password, hasher_cb cb, void *arg)
{
    struct hashing *h = auth_alloc(sizeof(*h));

    h->a = a;
    h->cb = cb;
    h->arg = arg;
    return start(a, h, password);
}

int hasher_check(struct auth *a, const char *password, const char *stored, hasher_cb cb, void *arg)
{
    return hasher_change(a, password, stored, "", cb, arg);
}

int hasher_change(struct auth *a, const char *password, const char *stored, const char *fresh,
                  hasher_cb cb, void *arg)
{
    struct hashing *h = auth_alloc(sizeof(*h));

    h->a = a;
    h->cb = cb;
    h->arg = arg;
    h->checking = true;
    memcpy(h->stored, stored, strnlen(stored, PASSWORD_HASH_CHARS));
    memcpy(h->fresh, fresh, strnlen(fresh, PASSWORD_NEW_MAX));
    return start(a, h, password);
}
