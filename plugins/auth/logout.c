/* SPDX-License-Identifier: MIT */
/* POST /logout. Safe to repeat, and without a token it succeeds: whoever asks is signed out. */
#include "logout.h"

#include "answer.h"
#include "body.h"
#include "check.h"
#include "revoke.h"
#include "session.h"

#include <stdlib.h>

#define UNAVAILABLE(message) "{\"error\":{\"code\":\"unavailable\",\"message\":\"" message "\"}}"

struct logout {
    chatd_req req;
};

static void done(struct auth *a, chatd_req req)
{
    (void)answer_cookie(a, req, 200, "{\"status\":\"logged out\"}", "", 0, 0);
}

/* The browser forgets the token in any case; who kept a copy can still use it elsewhere. */
static void failed(struct auth *a, chatd_req req)
{
    chatd_log(a->self, CHATD_LOG_WARN, "a token could not be revoked: the store did not take it");
    if (a->kv == NULL)
        (void)answer_cookie(a, req, 503,
                            UNAVAILABLE("The token is revoked on running servers only: no plugin "
                                        "offers the service chatd.kv."),
                            "", 0, 0);
    else
        (void)answer_cookie(a, req, 503,
                            UNAVAILABLE("The token could not be revoked for good; it ends when it "
                                        "expires."),
                            "", 0, 2);
}

static void on_revoked(struct auth *a, int err, void *arg)
{
    struct logout *logout = arg;

    if (err == CHATD_OK)
        done(a, logout->req);
    else if (!a->stopped)
        failed(a, logout->req);
    free(logout);
}

static void revoke(struct auth *a, chatd_req req, const struct token_claims *claims)
{
    struct logout *logout = auth_alloc(sizeof(*logout));

    logout->req = req;
    if (revoke_token(a, claims, on_revoked, logout) < 0) {
        free(logout);
        failed(a, req);
    }
}

static void handle(chatd_plugin *self, chatd_req req)
{
    struct auth *a = self->data;
    struct token_claims claims;
    chatd_str token;

    if (session_token(a, req, &token) < 0) {
        done(a, req);
        return;
    }
    switch (check_token(a, token, &claims)) {
    case CHECK_GOOD:
    case CHECK_ASK:
        revoke(a, req, &claims);
        break;
    case CHECK_BAD:
        done(a, req);
        break;
    case CHECK_NO_KEY:
        failed(a, req);
        break;
    }
}

int logout_init(struct auth *a)
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .method = "POST",
        .pattern = "/logout",
        .max_body = BODY_BYTES_MAX,
        .handle = handle,
    };

    return chatd_route(a->self, &route);
}
