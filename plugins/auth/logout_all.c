/* SPDX-License-Identifier: MIT */
/* POST /api/v1/logout-all: revokes every token of the caller's account, its own included. */
#include "logout_all.h"

#include "answer.h"
#include "body.h"
#include "caller.h"
#include "revoke_user.h"

#include <stdlib.h>

struct logout_all {
    chatd_req req;
};

static void on_revoked(struct auth *a, int err, int64_t since_ms, void *arg)
{
    struct logout_all *call = arg;

    (void)since_ms;
    if (err == CHATD_OK)
        (void)answer_cookie(a, call->req, 200, "{\"status\":\"logged out\"}", "", 0, 0);
    else
        answer_failure(a, call->req, err);
    free(call);
}

static void handle(chatd_plugin *self, chatd_req req)
{
    struct auth *a = self->data;
    struct token_claims claims;
    struct logout_all *call;
    int rc;

    if (a->kv == NULL) {
        answer_no_store(a, req);
        return;
    }
    if (!caller_get(a, req, &claims))
        return;
    call = auth_alloc(sizeof(*call));
    call->req = req;
    rc = revoke_user(a, claims.user, on_revoked, call);
    if (rc < 0)
        on_revoked(a, rc, 0, call);
}

int logout_all_init(struct auth *a)
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .flags = CHATD_ROUTE_LOGIN | CHATD_ROUTE_JSON,
        .method = "POST",
        .pattern = "/api/v1/logout-all",
        .max_body = BODY_BYTES_MAX,
        .handle = handle,
    };

    return chatd_route(a->self, &route);
}
