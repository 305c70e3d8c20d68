/* SPDX-License-Identifier: MIT */
/* Revoking all tokens of a user, and hearing that somebody did. */
#include "revoke_user.h"

#include <chatd/svc/bus.h>

#include <stdio.h>
#include <stdlib.h>

/* The data is an entry, a blank, and the user. The entry 0 says: whether it was written is not known,
 * look it up. */
#define TOPIC      CHATD_STR("auth.since")
#define DATA_BYTES (SINCE_TEXT_BYTES + 1u + NAME_FIELD_MAX + 1u)

/* Each time somebody else revoked them in between, who was let through by the limits. */
#define WRITES_MAX 8u

static void note(struct auth *a, const char *user, int64_t since_ms)
{
    unsigned n;

    since_note(&a->since, user, since_ms, chatd_mono_ms(a->self));
    n = sockets_close_user(a, user, since_ms);
    if (n > 0)
        chatd_log(a->self, CHATD_LOG_DEBUG, "a user was signed out everywhere: %u sockets closed",
                  n);
}

static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct auth *a = arg;
    const char *blank = data.n > 0 ? memchr(data.p, ' ', data.n) : NULL;
    int64_t since_ms;
    chatd_str user;

    (void)self;
    (void)topic;
    if (lost != 0) {
        since_doubt(&a->since, NULL);
        sockets_doubt(a);
        return;
    }
    if (blank == NULL || !since_read((chatd_str){data.p, (size_t)(blank - data.p)}, &since_ms))
        return;
    user = (chatd_str){blank + 1, data.n - (size_t)(blank + 1 - data.p)};
    if (user.n < 1 || user.n > NAME_FIELD_MAX || memchr(user.p, '\0', user.n) != NULL)
        return;
    if (since_ms > 0) {
        note(a, user.p, since_ms);
    } else {
        since_doubt(&a->since, user.p);
        sockets_doubt_user(a, user.p);
    }
}

int revoke_user_start(struct auth *a)
{
    if (a->bus == NULL)
        return CHATD_OK;
    return chatd_bus_subscribe(a->self, a->bus, TOPIC, on_news, a, &a->since_news);
}

void revoke_user_stop(struct auth *a)
{
    if (a->since_news.v != 0)
        (void)chatd_bus_unsubscribe(a->self, a->bus, a->since_news);
    a->since_news.v = 0;
}

static void publish(struct auth *a, const char *user, int64_t since_ms)
{
    char text[SINCE_TEXT_BYTES], data[DATA_BYTES];

    if (a->bus == NULL)
        return;
    snprintf(data, sizeof(data), "%s %s", since_write(since_ms, text).p, user);
    (void)chatd_bus_publish(a->self, a->bus, TOPIC, store_str(data));
}

int revoke_user_read(struct auth *a, const char *user, int err, chatd_str value,
                     int64_t *since_ms_out)
{
    char shown[NAME_LOG_BYTES];

    *since_ms_out = 0;
    if (err != CHATD_OK)
        return err == CHATD_E_NOTFOUND ? CHATD_OK : err;
    if (since_read(value, since_ms_out))
        return CHATD_OK;
    name_for_log(store_str(user), shown);
    chatd_log(a->self, CHATD_LOG_ERROR,
              "the entry `%s` in chatd.kv `auth-since` is no time in milliseconds: write one that "
              "is, or delete it",
              shown);
    return CHATD_E_BACKEND;
}

/* One reading, or one revocation. */
struct revocation {
    since_cb cb;
    void *arg;
    char user[NAME_FIELD_MAX + 1];
    char before[SINCE_TEXT_BYTES]; /* what is to be replaced; empty: nothing is there */
    int64_t since_ms;
    unsigned writes;
};

static void finish(struct auth *a, struct revocation *r, int err)
{
    r->cb(a, err, err == CHATD_OK ? r->since_ms : 0, r->arg);
    free(r);
}

static void write_entry(struct auth *a, struct revocation *r);

/* Was the entry another one than it was thought to be? Somebody wrote it, or took it away. */
static bool is_other(int err)
{
    return err == CHATD_E_EXISTS || err == CHATD_E_NOTFOUND;
}

/* Notes what is there instead, to be replaced; false: it is no entry. Of one that is gone the time still
 * counts: tokens that were made with it are to be revoked too. */
static bool take_before(struct auth *a, struct revocation *r, int err, chatd_str value)
{
    r->before[0] = '\0';
    if (err == CHATD_E_NOTFOUND)
        return true;
    if (revoke_user_read(a, r->user, CHATD_OK, value, &r->since_ms) != CHATD_OK)
        return false;
    snprintf(r->before, sizeof(r->before), "%s", value.p);
    return true;
}

static void on_written(struct auth *a, int err, chatd_str value, void *arg)
{
    struct revocation *r = arg;

    if (is_other(err) && ++r->writes < WRITES_MAX && take_before(a, r, err, value)) {
        write_entry(a, r);
        return;
    }
    if (!a->stopped && err == CHATD_OK) {
        note(a, r->user, r->since_ms);
        publish(a, r->user, r->since_ms);
        chatd_metric_add(a->self, a->metric.revoked_users, 0, 1);
    } else if (!a->stopped && err == CHATD_E_TIMEOUT) {
        publish(a, r->user, 0);
    }
    finish(a, r, is_other(err) ? CHATD_E_BUSY : err);
}

/* Replaces the entry by a later one. Not by the clock alone: those of other hosts may be ahead, and
 * a token that was made this very millisecond is to be revoked as well. */
static void write_entry(struct auth *a, struct revocation *r)
{
    char text[SINCE_TEXT_BYTES];
    int64_t now_ms = chatd_wall_ms(a->self);
    chatd_str value;
    int rc;

    r->since_ms = now_ms > r->since_ms ? now_ms : r->since_ms + 1;
    value = since_write(r->since_ms, text);
    if (r->before[0] == '\0')
        rc = store_put_absent(a, NS_SINCE, store_str(r->user), value, on_written, r);
    else
        rc = store_cas(a, NS_SINCE, store_str(r->user), store_str(r->before), value, on_written, r);
    if (rc < 0)
        finish(a, r, rc);
}

static void on_before(struct auth *a, int err, chatd_str value, void *arg)
{
    struct revocation *r = arg;
    bool is_there = err == CHATD_OK;

    err = revoke_user_read(a, r->user, err, value, &r->since_ms);
    if (err != CHATD_OK) {
        finish(a, r, err);
        return;
    }
    if (is_there)
        snprintf(r->before, sizeof(r->before), "%s", value.p);
    write_entry(a, r);
}

static void on_since(struct auth *a, int err, chatd_str value, void *arg)
{
    struct revocation *r = arg;

    err = revoke_user_read(a, r->user, err, value, &r->since_ms);
    if (err == CHATD_OK)
        since_note(&a->since, r->user, r->since_ms, chatd_mono_ms(a->self));
    finish(a, r, err);
}

static int begin(struct auth *a, const char *user, store_cb next, since_cb cb, void *arg)
{
    struct revocation *r = auth_alloc(sizeof(*r));
    int rc;

    r->cb = cb;
    r->arg = arg;
    snprintf(r->user, sizeof(r->user), "%s", user);
    rc = store_get(a, NS_SINCE, store_str(r->user), next, r);
    if (rc < 0)
        free(r);
    return rc;
}

int revoke_user(struct auth *a, const char *user, since_cb cb, void *arg)
{
    return begin(a, user, on_before, cb, arg);
}

int revoke_user_since(struct auth *a, const char *user, since_cb cb, void *arg)
{
    return begin(a, user, on_since, cb, arg);
}
