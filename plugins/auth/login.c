/* SPDX-License-Identifier: MIT */
/*
 * POST /login. The way: see whether the account has had too many wrong passwords; look the name up as it was typed, then folded, each time since when its
 * tokens are good before its hash; try the password in a job, or do the same work for nobody when
 * there is no such account; ask the event `login`; sign.
 */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "login.h"

#include "answer.h"
#include "entry.h"
#include "grant.h"
#include "hasher.h"
#include "revoke_user.h"
#include "tries.h"

#include <stdlib.h>

/* One attempt. It goes from callback to callback and is freed by finish(). */
struct login {
    chatd_req req;
    char user[NAME_FIELD_MAX + 1];   /* as typed, then the name of the account */
    char folded[NAME_BYTES_MAX + 1]; /* empty: nothing else to look up */
    char password[PASSWORD_TRY_MAX + 1];
    char stored[PASSWORD_HASH_CHARS + 1]; /* empty: no such account */
    char fresh[PASSWORD_HASH_CHARS + 1];  /* empty: the stored hash is as it should be */
    char address[ENTRY_ADDRESS_BYTES];
    int64_t since_ms; /* for the token */
    struct guess guess;
    bool is_key; /* `user` may be one of the store; what it would not take is nobody's name */
    struct chatd_ev_login ev;
};

static void finish(struct auth *a, struct login *login, enum auth_result result)
{
    auth_count(a, a->metric.logins, result);
    guess_end(a, &login->guess);
    explicit_bzero(login, sizeof(*login));
    free(login);
}

static void fail(struct auth *a, struct login *login, int err)
{
    answer_failure(a, login->req, err);
    finish(a, login, RESULT_ERROR);
}

/* The text of `text` in `out`, which has room for `max` bytes and a NUL. */
static void copy(char *out, size_t max, chatd_str text)
{
    size_t n = text.n < max ? text.n : max;

    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

/* Puts the better hash in the place of the one that was just verified; if somebody changed it
 * meanwhile, theirs stays. */
static void rehash(struct auth *a, const struct login *login)
{
    if (login->fresh[0] != '\0')
        (void)store_cas(a, NS_USERS, store_str(login->user), store_str(login->stored),
                        store_str(login->fresh), NULL, NULL);
}

static void on_raised(chatd_plugin *self, int verdict, void *arg)
{
    struct auth *a = self->data;
    struct login *login = arg;
    int rc;

    if (verdict != (int)CHATD_NEXT) {
        answer_denied(a, login->req, &login->ev.ev);
        finish(a, login, login->ev.ev.retry_ms > 0 ? RESULT_LIMITED : RESULT_BAD);
        return;
    }
    rehash(a, login);
    rc = grant_token(a, login->req, login->user, login->since_ms);
    if (rc == CHATD_OK) {
        (void)chatd_raised_login(self, &login->ev);
        finish(a, login, RESULT_OK);
        return;
    }
    chatd_ev_drop(self, &login->ev.ev);
    if (rc != CHATD_E_GONE)
        answer_error(a, login->req, 500, "internal", "The token could not be made.", 0);
    finish(a, login, RESULT_ERROR);
}

static void raise_login(struct auth *a, struct login *login)
{
    int rc;

    login->ev.ev.size = sizeof(login->ev);
    login->ev.ev.req = login->req;
    login->ev.user = store_str(login->user);
    login->ev.address = store_str(login->address);
    /* May be over, and `login` freed, before it returns; but not when it returns an error. */
    rc = chatd_raise_login(a->self, &login->ev, on_raised, login);
    if (rc < 0)
        fail(a, login, rc);
}

static void refuse(struct auth *a, struct login *login)
{
    char shown[NAME_LOG_BYTES];

    name_for_log(store_str(login->user), shown);
    chatd_log(a->self, CHATD_LOG_INFO, "login of `%s` from %s failed", shown, login->address);
    guess_wrong(a, &login->guess);
    /* One answer for an unknown name and a wrong password. */
    answer_error(a, login->req, 401, "bad_credentials", "The name or the password is wrong.", 0);
    finish(a, login, RESULT_BAD);
}

static void on_tried(struct auth *a, int rc, const struct hasher_result *result, void *arg)
{
    struct login *login = arg;

    if (rc < 0) {
        fail(a, login, rc);
    } else if (!result->matched) {
        refuse(a, login);
    } else {
        guess_right(a, &login->guess);
        memcpy(login->fresh, result->hash, sizeof(login->fresh));
        raise_login(a, login);
    }
}

static void try_password(struct auth *a, struct login *login)
{
    int rc = hasher_check(a, login->password, login->stored, on_tried, login);

    explicit_bzero(login->password, sizeof(login->password));
    if (rc < 0)
        fail(a, login, rc);
}

static void found(struct auth *a, struct login *login, chatd_str stored)
{
    char shown[NAME_LOG_BYTES];
    unsigned cost;

    if (password_hash_known(stored, &cost)) {
        copy(login->stored, PASSWORD_HASH_CHARS, stored);
    } else {
        name_for_log(store_str(login->user), shown);
        chatd_log(a->self, CHATD_LOG_WARN,
                  "the account `%s` has no bcrypt hash of cost %u to %u: nobody can log in to it",
                  shown, PASSWORD_COST_MIN, PASSWORD_COST_MAX);
    }
    /* A password that crypt does not take was never one; the work is done for nobody. */
    if (login->password[0] == '\0')
        login->stored[0] = '\0';
    try_password(a, login);
}

static void on_user(struct auth *a, int err, chatd_str value, void *arg);

static void on_since(struct auth *a, int err, int64_t since_ms, void *arg)
{
    struct login *login = arg;

    login->since_ms = since_ms;
    if (err == CHATD_OK)
        err = store_get(a, NS_USERS, store_str(login->user), on_user, login);
    if (err < 0)
        fail(a, login, err);
}

static void look_up(struct auth *a, struct login *login)
{
    int rc = revoke_user_since(a, login->user, on_since, login);

    if (rc < 0)
        fail(a, login, rc);
}

static void on_user(struct auth *a, int err, chatd_str value, void *arg)
{
    struct login *login = arg;

    if (err == CHATD_OK) {
        found(a, login, value);
    } else if (err != CHATD_E_NOTFOUND) {
        fail(a, login, err);
    } else if (login->folded[0] != '\0') {
        copy(login->user, NAME_FIELD_MAX, store_str(login->folded));
        login->folded[0] = '\0';
        look_up(a, login);
    } else {
        try_password(a, login);
    }
}

static struct login *login_new(const struct entry *entry)
{
    struct login *login = auth_alloc(sizeof(*login));
    const char *why;

    login->req = entry->req;
    memcpy(login->address, entry->address, sizeof(login->address));
    copy(login->user, NAME_FIELD_MAX, entry->body.user);
    login->is_key = entry->body.user.n >= 1 && entry->body.user.n <= NAME_FIELD_MAX;
    if (password_try_ok(entry->body.password))
        copy(login->password, PASSWORD_TRY_MAX, entry->body.password);
    if (name_fold(entry->body.user, login->folded, &why) < 0 ||
        strcmp(login->folded, login->user) == 0)
        login->folded[0] = '\0';
    return login;
}

static void limited(struct auth *a, struct login *login, uint32_t retry_ms)
{
    char shown[NAME_LOG_BYTES];

    if (!a->stopped) {
        name_for_log(store_str(login->user), shown);
        chatd_log(a->self, CHATD_LOG_INFO, "login of `%s` from %s: too many wrong passwords", shown,
                  login->address);
    }
    answer_limited(a, login->req, LIMIT_ACCOUNT, retry_ms);
    finish(a, login, RESULT_LIMITED);
}

static void on_guess(struct auth *a, uint32_t retry_ms, void *arg)
{
    struct login *login = arg;

    if (retry_ms > 0)
        limited(a, login, retry_ms);
    else if (login->is_key)
        look_up(a, login);
    else
        try_password(a, login);
}

static void handle(chatd_plugin *self, chatd_req req)
{
    struct auth *a = self->data;
    const struct entry_kind kind = {
        .limit = &a->login_limit,
        .total = &a->login_total,
        .per_minute = auth_config(a)->login_rate,
        .total_per_minute = auth_config(a)->login_rate_total,
        .metric = a->metric.logins,
        .try_kind = TRY_LOGIN,
        .what = "login",
        .parse = body_parse,
    };
    struct entry entry;
    struct login *login;

    if (!entry_open(a, req, &kind, &entry))
        return;
    login = login_new(&entry);
    entry_close(&entry);
    guess_begin(a, store_str(login->user), login->address, &login->guess, on_guess, login);
}

int login_init(struct auth *a)
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .method = "POST",
        .pattern = "/login",
        .max_body = BODY_BYTES_MAX,
        .handle = handle,
    };

    return chatd_route(a->self, &route);
}
