/* SPDX-License-Identifier: MIT */
/*
 * POST /api/v1/password. The way: judge the new password, also in a job; look up the old one's hash; try the old and
 * hash the new in one job; replace the hash if it is still the one that was tried; revoke all tokens
 * of the account; give out a new one.
 *
 * The hash comes before the tokens: whoever logs in with the old password meanwhile has read
 * auth-since before, and gets a token that is revoked with the others.
 */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "change.h"

#include "answer.h"
#include "caller.h"
#include "choice.h"
#include "entry.h"
#include "grant.h"
#include "hasher.h"
#include "revoke_user.h"
#include "tries.h"
#include "weak.h"

#include <stdio.h>
#include <stdlib.h>

/* One change. It goes from callback to callback and is freed by finish(). */
struct change {
    chatd_req req;
    char user[NAME_FIELD_MAX + 1];
    char old[PASSWORD_TRY_MAX + 1];
    char fresh[PASSWORD_NEW_MAX + 1];
    char stored[PASSWORD_HASH_CHARS + 1]; /* empty: no such account */
    char address[ENTRY_ADDRESS_BYTES];
    struct guess guess;
};

static void finish(struct auth *a, struct change *change, enum auth_result result)
{
    auth_count(a, a->metric.changes, result);
    guess_end(a, &change->guess);
    explicit_bzero(change, sizeof(*change));
    free(change);
}

static void fail(struct auth *a, struct change *change, int err)
{
    answer_failure(a, change->req, err);
    finish(a, change, RESULT_ERROR);
}

static void on_revoked(struct auth *a, int err, int64_t since_ms, void *arg)
{
    struct change *change = arg;
    int rc;

    if (err != CHATD_OK) {
        answer_error(a, change->req, 503, "unavailable",
                     "The password is changed, but the other sessions could not be ended: sign out "
                     "everywhere.",
                     0);
        finish(a, change, RESULT_ERROR);
        return;
    }
    rc = grant_token(a, change->req, change->user, since_ms);
    if (rc < 0 && rc != CHATD_E_GONE)
        answer_error(a, change->req, 500, "internal",
                     "The password is changed, but no token could be made: log in again.", 0);
    finish(a, change, RESULT_OK);
}

static void on_replaced(struct auth *a, int err, chatd_str value, void *arg)
{
    struct change *change = arg;
    char shown[NAME_LOG_BYTES];
    int rc;

    (void)value;
    if (err == CHATD_E_EXISTS || err == CHATD_E_NOTFOUND) {
        answer_error(a, change->req, 409, "conflict",
                     "Somebody else changed the password just now.", 0);
        finish(a, change, RESULT_BAD);
        return;
    }
    if (err != CHATD_OK) {
        fail(a, change, err);
        return;
    }
    name_for_log(store_str(change->user), shown);
    chatd_log(a->self, CHATD_LOG_INFO, "the password of `%s` was changed from %s", shown,
              change->address);
    rc = revoke_user(a, change->user, on_revoked, change);
    if (rc < 0)
        on_revoked(a, rc, 0, change);
}

static void refuse(struct auth *a, struct change *change)
{
    char shown[NAME_LOG_BYTES];

    name_for_log(store_str(change->user), shown);
    chatd_log(a->self, CHATD_LOG_INFO, "a change of the password of `%s` from %s failed", shown,
              change->address);
    guess_wrong(a, &change->guess);
    /* Not 401: the token is good. */
    answer_error(a, change->req, 403, "bad_credentials", "The old password is wrong.", 0);
    finish(a, change, RESULT_BAD);
}

static void on_tried(struct auth *a, int rc, const struct hasher_result *result, void *arg)
{
    struct change *change = arg;

    if (rc == CHATD_OK && !result->matched) {
        refuse(a, change);
        return;
    }
    if (rc == CHATD_OK)
        rc = store_cas(a, NS_USERS, store_str(change->user), store_str(change->stored),
                       store_str(result->hash), on_replaced, change);
    if (rc < 0)
        fail(a, change, rc);
}

static void on_account(struct auth *a, int err, chatd_str value, void *arg)
{
    struct change *change = arg;
    unsigned cost;
    int rc = err;

    /* A token from elsewhere may be of somebody who has no account here. */
    if (err == CHATD_OK && change->old[0] != '\0' && password_hash_known(value, &cost))
        memcpy(change->stored, value.p, value.n);
    if (err == CHATD_OK || err == CHATD_E_NOTFOUND)
        rc = hasher_change(a, change->old, change->stored, change->fresh, on_tried, change);
    explicit_bzero(change->old, sizeof(change->old));
    explicit_bzero(change->fresh, sizeof(change->fresh));
    if (rc < 0)
        fail(a, change, rc);
}

static void on_weighed(struct auth *a, int rc, const char *why, void *arg)
{
    struct change *change = arg;

    if (why != NULL) {
        answer_weak(a, change->req, why);
        finish(a, change, RESULT_BAD);
        return;
    }
    if (rc == CHATD_OK)
        rc = store_get(a, NS_USERS, store_str(change->user), on_account, change);
    if (rc < 0)
        fail(a, change, rc);
}

static void limited(struct auth *a, struct change *change, uint32_t retry_ms)
{
    char shown[NAME_LOG_BYTES];

    if (!a->stopped) {
        name_for_log(store_str(change->user), shown);
        chatd_log(a->self, CHATD_LOG_INFO,
                  "a change of the password of `%s` from %s: too many wrong passwords", shown,
                  change->address);
        answer_limited(a, change->req, LIMIT_ACCOUNT, retry_ms);
    }
    finish(a, change, RESULT_LIMITED);
}

static void on_guess(struct auth *a, uint32_t retry_ms, void *arg)
{
    struct change *change = arg;
    int rc;

    if (retry_ms > 0) {
        limited(a, change, retry_ms);
        return;
    }
    rc = weak_ask(a, change->fresh, change->user, on_weighed, change);
    if (rc == 1)
        on_weighed(a, CHATD_OK, NULL, change);
    else if (rc < 0)
        fail(a, change, rc);
}

/* NULL, or a sentence. */
static const char *judge(const struct body *body, const char *user)
{
    if (body->fresh.n == body->password.n &&
        memcmp(body->fresh.p, body->password.p, body->fresh.n) == 0)
        return "The new password is the old one.";
    return choice_judge(body->fresh, user);
}

static struct change *change_new(const struct entry *entry, const struct token_claims *claims)
{
    struct change *change = auth_alloc(sizeof(*change));

    change->req = entry->req;
    memcpy(change->user, claims->user, sizeof(change->user));
    memcpy(change->fresh, entry->body.fresh.p, entry->body.fresh.n);
    /* What crypt does not take was never a password: it stays empty, and is wrong. */
    if (password_try_ok(entry->body.password))
        memcpy(change->old, entry->body.password.p, entry->body.password.n);
    memcpy(change->address, entry->address, sizeof(change->address));
    return change;
}

static void handle(chatd_plugin *self, chatd_req req)
{
    struct auth *a = self->data;
    const struct entry_kind kind = {
        .limit = &a->login_limit,
        .total = &a->login_total,
        .per_minute = auth_config(a)->login_rate,
        .total_per_minute = auth_config(a)->login_rate_total,
        .metric = a->metric.changes,
        .try_kind = TRY_LOGIN,
        .what = "password",
        .parse = body_parse_change,
    };
    struct token_claims claims;
    struct entry entry;
    struct change *change = NULL;
    const char *why;

    if (!caller_get(a, req, &claims)) {
        auth_count(a, a->metric.changes, RESULT_BAD);
        return;
    }
    if (!entry_open(a, req, &kind, &entry))
        return;
    why = judge(&entry.body, claims.user);
    if (why == NULL) {
        change = change_new(&entry, &claims);
    } else {
        answer_error(a, req, 400, "bad_password", why, 0);
        auth_count(a, a->metric.changes, RESULT_BAD);
    }
    entry_close(&entry);
    if (change != NULL)
        guess_begin(a, store_str(change->user), change->address, &change->guess, on_guess, change);
}

int change_init(struct auth *a)
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .flags = CHATD_ROUTE_LOGIN | CHATD_ROUTE_JSON,
        .method = "POST",
        .pattern = "/api/v1/password",
        .max_body = BODY_BYTES_MAX,
        .handle = handle,
    };

    return chatd_route(a->self, &route);
}
