/* SPDX-License-Identifier: MIT */
/* Whether a token is good, for this plugin and, as chatd.auth, for others. */
#include "check.h"

#include "revoke.h"

#include <chatd/svc/auth.h>

#include <stdlib.h>
#include <utlist.h>

enum check check_token(struct auth *a, chatd_str token, struct token_claims *claims_out)
{
    const struct token_clock clock = {
        .now_s = chatd_wall_ms(a->self) / 1000,
        .leeway_s = auth_config(a)->clock_leeway_ms / 1000,
    };
    const char *why;

    if (!key_ready(a))
        return CHECK_NO_KEY;
    if (token_verify(key_get(a), token, &clock, claims_out, &why) < 0) {
        chatd_log(a->self, CHATD_LOG_DEBUG, "a token was refused: %s", why);
        return CHECK_BAD;
    }
    switch (revoke_known(a, claims_out)) {
    case REVOKED_YES:
        return CHECK_BAD;
    case REVOKED_NO:
        return CHECK_GOOD;
    case REVOKED_UNKNOWN:
        break;
    }
    return a->kv == NULL ? CHECK_GOOD : CHECK_ASK;
}

/* One call of chatd.auth that is not answered. */
struct service_call {
    chatd_plugin *consumer;
    chatd_auth_cb cb;
    void *arg;
    struct token_claims claims;
    int outcome; /* what a posted call will be answered */
    struct service_call *prev, *next;
};

static void service_answer(struct service_call *call, int err)
{
    struct chatd_auth_identity identity = {
        .size = sizeof(identity),
        .user = store_str(call->claims.user),
        .expires_ms = call->claims.expires_s * 1000,
    };

    call->cb(call->consumer, err, err == CHATD_OK ? &identity : NULL, call->arg);
    free(call);
}

static void on_posted(chatd_plugin *self, void *arg)
{
    struct auth *a = self->data;
    struct service_call *call = arg;

    if (a == NULL) /* stopped: answered by check_deinit() */
        return;
    DL_DELETE(a->posted, call);
    service_answer(call, call->outcome);
}

static void on_asked(struct auth *a, enum revoked_state state, void *arg)
{
    int err = CHATD_E_BACKEND;

    if (a->stopped)
        err = CHATD_E_CANCELLED;
    else if (state == REVOKED_YES)
        err = CHATD_E_NOTFOUND;
    else if (state == REVOKED_NO)
        err = CHATD_OK;
    service_answer(arg, err);
}

/* An answer known at once still comes later: callers rely on it. */
static int service_post(struct auth *a, struct service_call *call, int outcome)
{
    int rc;

    call->outcome = outcome;
    rc = chatd_post(a->self, on_posted, call);
    if (rc < 0)
        free(call);
    else
        DL_APPEND(a->posted, call);
    return rc;
}

static int service_check(chatd_plugin *p, chatd_plugin *self, chatd_str token, chatd_auth_cb cb,
                         void *arg)
{
    struct auth *a = p->data;
    struct service_call *call;
    int rc;

    if (a == NULL || a->stopped)
        return CHATD_E_STATE;
    call = auth_alloc(sizeof(*call));
    call->consumer = self;
    call->cb = cb;
    call->arg = arg;
    switch (check_token(a, token, &call->claims)) {
    case CHECK_GOOD:
        return service_post(a, call, CHATD_OK);
    case CHECK_BAD:
        return service_post(a, call, CHATD_E_NOTFOUND);
    case CHECK_NO_KEY:
        return service_post(a, call, CHATD_E_BACKEND);
    case CHECK_ASK:
        break;
    }
    rc = revoke_ask(a, &call->claims, on_asked, call);
    return rc < 0 ? service_post(a, call, CHATD_E_BACKEND) : CHATD_OK;
}

int check_offer_service(struct auth *a)
{
    static const struct chatd_auth_api api = {
        .size = sizeof(api),
        .check_token = service_check,
    };
    const struct chatd_service_def def = {
        .size = sizeof(def),
        .major = CHATD_AUTH_MAJOR,
        .minor = CHATD_AUTH_MINOR,
        .name = CHATD_AUTH_SERVICE,
        .api = &api,
    };

    return chatd_service_offer(a->self, &def);
}

void check_deinit(struct auth *a)
{
    struct service_call *call, *next;

    DL_FOREACH_SAFE(a->posted, call, next)
    {
        DL_DELETE(a->posted, call);
        service_answer(call, CHATD_E_CANCELLED);
    }
}
