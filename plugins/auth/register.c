/* SPDX-License-Identifier: MIT */
/*
 * POST /register. The way: judge name and password, the latter also in a job; see whether the name is taken, here or in
 * another spelling; ask the event `register`; hash in a job; put the account if it is still absent.
 */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "register.h"

#include "answer.h"
#include "choice.h"
#include "entry.h"
#include "hasher.h"
#include "store.h"
#include "tries.h"
#include "weak.h"

#include <stdlib.h>

/* One registration. It goes from callback to callback and is freed by finish(). */
struct signup {
    chatd_req req;
    char user[NAME_BYTES_MAX + 1]; /* folded */
    char password[PASSWORD_NEW_MAX + 1];
    char address[ENTRY_ADDRESS_BYTES];
    struct chatd_ev_register ev;
};

static void finish(struct auth *a, struct signup *signup, enum auth_result result)
{
    auth_count(a, a->metric.registrations, result);
    explicit_bzero(signup, sizeof(*signup));
    free(signup);
}

static void fail(struct auth *a, struct signup *signup, int err)
{
    answer_failure(a, signup->req, err);
    finish(a, signup, RESULT_ERROR);
}

static void taken(struct auth *a, struct signup *signup)
{
    answer_error(a, signup->req, 409, "name_taken", "This name is taken.", 0);
    finish(a, signup, RESULT_BAD);
}

/* Ends an allowed event that led to no account. Nothing of the core is there after stop(). */
static void drop_event(struct auth *a, struct signup *signup)
{
    if (!a->stopped)
        chatd_ev_drop(a->self, &signup->ev.ev);
}

static void on_put(struct auth *a, int err, chatd_str value, void *arg)
{
    struct signup *signup = arg;

    (void)value;
    if (err == CHATD_OK) {
        (void)chatd_reply_json(a->self, signup->req, 201, CHATD_STR("{\"status\":\"registered\"}"));
        (void)chatd_raised_register(a->self, &signup->ev);
        finish(a, signup, RESULT_OK);
        return;
    }
    drop_event(a, signup);
    if (err == CHATD_E_EXISTS)
        taken(a, signup);
    else
        fail(a, signup, err);
}

static void on_hashed(struct auth *a, int rc, const struct hasher_result *result, void *arg)
{
    struct signup *signup = arg;

    if (rc == CHATD_OK)
        rc = store_put_absent(a, NS_USERS, store_str(signup->user), store_str(result->hash), on_put,
                              signup);
    if (rc < 0) {
        drop_event(a, signup);
        fail(a, signup, rc);
    }
}

static void on_raised(chatd_plugin *self, int verdict, void *arg)
{
    struct auth *a = self->data;
    struct signup *signup = arg;
    int rc;

    if (verdict != (int)CHATD_NEXT) {
        answer_denied(a, signup->req, &signup->ev.ev);
        finish(a, signup, signup->ev.ev.retry_ms > 0 ? RESULT_LIMITED : RESULT_BAD);
        return;
    }
    rc = hasher_make(a, signup->password, on_hashed, signup);
    explicit_bzero(signup->password, sizeof(signup->password));
    if (rc < 0) {
        drop_event(a, signup);
        fail(a, signup, rc);
    }
}

static void raise_register(struct auth *a, struct signup *signup)
{
    int rc;

    signup->ev.ev.size = sizeof(signup->ev);
    signup->ev.ev.req = signup->req;
    signup->ev.user = store_str(signup->user);
    signup->ev.address = store_str(signup->address);
    /* May be over, and `signup` freed, before it returns; but not when it returns an error. */
    rc = chatd_raise_register(a->self, &signup->ev, on_raised, signup);
    if (rc < 0)
        fail(a, signup, rc);
}

/* Looked up before the work of hashing; put_absent decides in the end. */
static void on_account(struct auth *a, int err, chatd_str value, void *arg)
{
    (void)value;
    if (err == CHATD_OK)
        taken(a, arg);
    else if (err == CHATD_E_NOTFOUND)
        raise_register(a, arg);
    else
        fail(a, arg, err);
}

static void on_other_spelling(struct auth *a, int err, chatd_str value, void *arg)
{
    struct signup *signup = arg;
    int rc;

    (void)value;
    if (err == CHATD_OK) {
        taken(a, signup);
        return;
    }
    rc = err;
    if (err == CHATD_E_NOTFOUND)
        rc = store_get(a, NS_USERS, store_str(signup->user), on_account, signup);
    if (rc < 0)
        fail(a, signup, rc);
}

static void on_spellings(struct auth *a, int err, void *arg)
{
    struct signup *signup = arg;

    if (err == CHATD_OK)
        err = store_get(a, NS_FOLDED, store_str(signup->user), on_other_spelling, signup);
    if (err < 0)
        fail(a, signup, err);
}

/* NULL and the folded name in `user`, or a sentence with its code. */
static const char *judge(const struct auth *a, const struct body *body,
                         char user[NAME_BYTES_MAX + 1], const char **code_out)
{
    const char *why;

    *code_out = "bad_name";
    if (name_fold(body->user, user, &why) < 0)
        return why;
    if (name_reserved(user))
        return "Names that begin with guest- are given out by the server.";
    if (name_listed(user, auth_config(a)->reserved_names))
        return "This name is reserved. Please choose another.";
    *code_out = "bad_password";
    return choice_judge(body->password, user);
}

static struct signup *signup_new(const struct entry *entry, const char *user)
{
    struct signup *signup = auth_alloc(sizeof(*signup));

    signup->req = entry->req;
    memcpy(signup->user, user, strlen(user));
    memcpy(signup->password, entry->body.password.p, entry->body.password.n);
    memcpy(signup->address, entry->address, sizeof(signup->address));
    return signup;
}

static void on_weighed(struct auth *a, int rc, const char *why, void *arg)
{
    struct signup *signup = arg;

    if (why != NULL) {
        answer_weak(a, signup->req, why);
        finish(a, signup, RESULT_BAD);
        return;
    }
    if (rc == CHATD_OK)
        rc = folded_wait(a, on_spellings, signup);
    if (rc == 1)
        on_spellings(a, CHATD_OK, signup);
    else if (rc < 0)
        fail(a, signup, rc);
}

static void begin(struct auth *a, struct signup *signup)
{
    int rc = weak_ask(a, signup->password, signup->user, on_weighed, signup);

    if (rc == 1)
        on_weighed(a, CHATD_OK, NULL, signup);
    else if (rc < 0)
        fail(a, signup, rc);
}

static void handle(chatd_plugin *self, chatd_req req)
{
    struct auth *a = self->data;
    const struct entry_kind kind = {
        .limit = &a->register_limit,
        .total = &a->register_total,
        .per_minute = auth_config(a)->register_rate,
        .total_per_minute = auth_config(a)->register_rate_total,
        .metric = a->metric.registrations,
        .try_kind = TRY_REGISTER,
        .what = "register",
        .parse = body_parse,
    };
    char user[NAME_BYTES_MAX + 1];
    struct entry entry;
    struct signup *signup = NULL;
    const char *why, *code;

    if (auth_config(a)->registration == REGISTRATION_CLOSED) {
        answer_error(a, req, 403, "registration_closed", "This server takes no new accounts.", 0);
        auth_count(a, a->metric.registrations, RESULT_BAD);
        return;
    }
    if (!entry_open(a, req, &kind, &entry))
        return;
    why = judge(a, &entry.body, user, &code);
    if (why == NULL) {
        signup = signup_new(&entry, user);
    } else {
        answer_error(a, req, 400, code, why, 0);
        auth_count(a, a->metric.registrations, RESULT_BAD);
    }
    entry_close(&entry);
    if (signup != NULL)
        begin(a, signup);
}

int register_init(struct auth *a)
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .method = "POST",
        .pattern = "/register",
        .max_body = BODY_BYTES_MAX,
        .handle = handle,
    };

    return chatd_route(a->self, &route);
}
