/* SPDX-License-Identifier: MIT */
/* Revoking tokens, and asking whether one was. */
#include "revoke.h"

#include "revoke_user.h"

#include <chatd/svc/bus.h>

#include <stdlib.h>

#define TOPIC CHATD_STR("auth.revoked") /* the data is the jti */

static void note_revoked(struct auth *a, const char *jti)
{
    /* Our own tokens live no longer than token_ttl from now. */
    const int64_t keep_ms = auth_config(a)->token_ttl_ms;
    unsigned n;

    revoked_note(&a->revoked, jti, REVOKED_YES, chatd_mono_ms(a->self), keep_ms);
    n = sockets_close(a, jti);
    if (n > 0)
        chatd_log(a->self, CHATD_LOG_DEBUG, "a token was revoked: %u sockets closed", n);
}

static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct auth *a = arg;

    (void)self;
    (void)topic;
    if (lost != 0) {
        revoked_doubt(&a->revoked);
        sockets_doubt(a);
    } else if (data.n >= 1 && data.n <= TOKEN_JTI_MAX && memchr(data.p, '\0', data.n) == NULL) {
        note_revoked(a, data.p);
    }
}

int revoke_start(struct auth *a)
{
    if (a->bus == NULL)
        return CHATD_OK;
    return chatd_bus_subscribe(a->self, a->bus, TOPIC, on_news, a, &a->news);
}

void revoke_stop(struct auth *a)
{
    if (a->news.v != 0)
        (void)chatd_bus_unsubscribe(a->self, a->bus, a->news);
    a->news.v = 0;
}

struct revocation {
    revoke_cb cb;
    void *arg;
    char jti[TOKEN_JTI_MAX + 1];
};

static void publish(struct auth *a, const char *jti)
{
    if (a->bus != NULL)
        (void)chatd_bus_publish(a->self, a->bus, TOPIC, store_str(jti));
}

static void on_put(struct auth *a, int err, chatd_str value, void *arg)
{
    struct revocation *revocation = arg;

    (void)value;
    /* Told even when the store did not take it: what runs now closes its sockets all the same. */
    if (!a->stopped) {
        publish(a, revocation->jti);
        if (err == CHATD_OK)
            chatd_metric_add(a->self, a->metric.revoked, 0, 1);
    }
    revocation->cb(a, err, revocation->arg);
    free(revocation);
}

/* How long a token is to be known as revoked: a renewal of it has the same jti and ends later, and
 * one may be under way on another worker, by another clock. */
static int64_t left_of(const struct auth *a, const struct token_claims *claims)
{
    int64_t left_ms = claims->expires_s * 1000 - chatd_wall_ms(a->self);
    int64_t renewed_ms = auth_config(a)->token_ttl_ms + 2 * auth_config(a)->clock_leeway_ms + 60000;

    return claims->renew_s > 0 && renewed_ms > left_ms ? renewed_ms : left_ms;
}

int revoke_token(struct auth *a, const struct token_claims *claims, revoke_cb cb, void *arg)
{
    int64_t left_ms = left_of(a, claims);
    struct revocation *revocation = auth_alloc(sizeof(*revocation));
    int rc;

    revocation->cb = cb;
    revocation->arg = arg;
    memcpy(revocation->jti, claims->jti, sizeof(revocation->jti));
    note_revoked(a, claims->jti);
    rc = store_put(a, NS_REVOKED, store_str(revocation->jti), CHATD_STR("1"),
                   left_ms > 0 ? left_ms : 1, on_put, revocation);
    if (rc < 0) {
        publish(a, claims->jti);
        free(revocation);
    }
    return rc;
}

enum revoked_state revoke_known(struct auth *a, const struct token_claims *claims)
{
    int64_t now_ms = chatd_mono_ms(a->self);
    enum revoked_state alone = revoked_get(&a->revoked, claims->jti, now_ms);
    enum revoked_state with_all = since_get(&a->since, claims, now_ms);

    if (alone == REVOKED_YES || with_all == REVOKED_YES)
        return REVOKED_YES;
    return alone == REVOKED_NO && with_all == REVOKED_NO ? REVOKED_NO : REVOKED_UNKNOWN;
}

/* Two entries of the store answer it. */
struct question {
    revoke_ask_cb cb;
    void *arg;
    const struct token_claims *claims;
    unsigned pending;
    bool failed;
};

static void answered(struct auth *a, struct question *question, int err)
{
    enum revoked_state state = REVOKED_UNKNOWN;

    if (err != CHATD_OK)
        question->failed = true;
    if (--question->pending > 0)
        return;
    /* Asked of the tables, not of the answers: the news may have overtaken them. */
    if (!a->stopped)
        state = revoke_known(a, question->claims);
    if (question->failed && state == REVOKED_NO)
        state = REVOKED_UNKNOWN;
    /* A store that does not answer is no reason to forget what it said. */
    if (question->failed && since_get(&a->since, question->claims, -1) == REVOKED_YES)
        state = REVOKED_YES;
    question->cb(a, state, question->arg);
    free(question);
}

static void on_jti(struct auth *a, int err, chatd_str value, void *arg)
{
    struct question *question = arg;

    (void)value;
    if (err == CHATD_OK || err == CHATD_E_NOTFOUND)
        revoked_note(&a->revoked, question->claims->jti, err == CHATD_OK ? REVOKED_YES : REVOKED_NO,
                     chatd_mono_ms(a->self), REVOKED_CACHE_MS);
    answered(a, question, err == CHATD_E_NOTFOUND ? CHATD_OK : err);
}

static void on_since(struct auth *a, int err, int64_t since_ms, void *arg)
{
    (void)since_ms; /* noted by whoever read it */
    answered(a, arg, err);
}

int revoke_ask(struct auth *a, const struct token_claims *claims, revoke_ask_cb cb, void *arg)
{
    struct question *question = auth_alloc(sizeof(*question));
    int rc;

    question->cb = cb;
    question->arg = arg;
    question->claims = claims;
    question->pending = 2;
    rc = store_get(a, NS_REVOKED, store_str(claims->jti), on_jti, question);
    if (rc < 0) {
        free(question);
        return rc;
    }
    rc = revoke_user_since(a, claims->user, on_since, question);
    if (rc < 0)
        answered(a, question, rc);
    return CHATD_OK;
}
