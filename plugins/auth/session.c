/* SPDX-License-Identifier: MIT */
/* Who a request or a WebSocket belongs to, by its token. */
#include "session.h"

#include "answer.h"
#include "check.h"
#include "cookie.h"
#include "revoke.h"

#include <chatd/json.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A little more than the store may take: it answers first. */
#define WAIT_MS (CHATD_KV_DEADLINE_MS + 1000u)

int session_token(struct auth *a, chatd_req req, chatd_str *token_out)
{
    chatd_str header;
    int rc = chatd_req_header(a->self, req, "Authorization", &header);

    if (rc == CHATD_OK && bearer_token(header, token_out) == CHATD_OK)
        return CHATD_OK;
    /* Another scheme (a proxy's Basic) says nothing about the cookie. Two headers do: which of
     * them counts would depend on who reads. */
    if (rc != CHATD_OK && rc != CHATD_E_NOTFOUND)
        return CHATD_E_NOTFOUND;
    rc = chatd_req_cookie(a->self, req, COOKIE_NAME, token_out);
    return rc == CHATD_OK && token_out->n > 0 ? CHATD_OK : CHATD_E_NOTFOUND;
}

/* A request or connection (the other id is zero) whose token is being looked up. */
struct visitor {
    chatd_req req;
    chatd_conn conn;
    chatd_wait wait;
    struct token_claims claims;
};

static bool is_named(struct auth *a, const struct visitor *v)
{
    struct chatd_conn_info conn = {.size = sizeof(conn)};
    struct chatd_request req = {.size = sizeof(req)};

    if (v->conn.v != 0)
        return chatd_conn_info(a->self, v->conn, &conn) == CHATD_OK && conn.user.n > 0;
    return chatd_request(a->self, v->req, &req) == CHATD_OK && req.user.n > 0;
}

/* Gives the visitor its name. Errors mean that it left, or that somebody else named it. */
static void admit(struct auth *a, const struct visitor *v, bool sure)
{
    chatd_str user = store_str(v->claims.user);
    int64_t expires_ms = v->claims.expires_s * 1000;

    if (v->conn.v == 0)
        (void)chatd_req_identify(a->self, v->req, user, expires_ms);
    else if (chatd_conn_identify(a->self, v->conn, user, expires_ms) == CHATD_OK)
        sockets_add(a, v->conn, &v->claims, sure);
}

static void on_asked(struct auth *a, enum revoked_state state, void *arg)
{
    struct visitor *v = arg;

    if (!a->stopped && v->wait.v != 0) {
        /* A store that is away keeps nobody out whose token is good; its sockets are looked up
         * again when it is back. */
        if (state != REVOKED_YES)
            admit(a, v, state == REVOKED_NO);
        (void)chatd_resume(a->self, v->wait, CHATD_NEXT, NULL, NULL);
    }
    free(v);
}

static enum chatd_verdict unavailable(struct auth *a, struct chatd_ev *ev)
{
    return chatd_deny_for(a->self, ev, "unavailable", "Tokens cannot be checked at the moment.",
                          1000);
}

static enum chatd_verdict ask(struct auth *a, struct chatd_ev *ev, const struct visitor *visitor)
{
    struct visitor *v = auth_alloc(sizeof(*v));

    *v = *visitor;
    /* Asked before the wait begins: the answer never comes before the call returns. */
    if (revoke_ask(a, &v->claims, on_asked, v) < 0) {
        admit(a, v, false);
        free(v);
        return CHATD_NEXT;
    }
    if (chatd_ev_wait(a->self, ev, WAIT_MS, NULL, NULL, &v->wait) < 0) {
        v->wait.v = 0;
        return unavailable(a, ev);
    }
    return CHATD_WAIT;
}

static enum chatd_verdict check(struct auth *a, struct chatd_ev *ev, struct visitor *v)
{
    chatd_str token;

    if (is_named(a, v) || session_token(a, ev->req, &token) < 0)
        return CHATD_NEXT;
    switch (check_token(a, token, &v->claims)) {
    case CHECK_GOOD:
        admit(a, v, true);
        return CHATD_NEXT;
    case CHECK_NO_KEY:
        return unavailable(a, ev);
    case CHECK_ASK:
        return ask(a, ev, v);
    case CHECK_BAD:
        break;
    }
    return CHATD_NEXT;
}

static enum chatd_verdict on_http(chatd_plugin *self, struct chatd_ev_http *http)
{
    struct visitor v = {.req = http->ev.req};

    if ((http->route_flags & (CHATD_ROUTE_LOGIN | CHATD_ROUTE_IDENTITY)) == 0)
        return CHATD_NEXT;
    return check(self->data, &http->ev, &v);
}

static enum chatd_verdict on_upgrade(chatd_plugin *self, struct chatd_ev_upgrade *upgrade)
{
    struct visitor v = {.conn = upgrade->ev.conn};

    return check(self->data, &upgrade->ev, &v);
}

static void handle_me(chatd_plugin *self, chatd_req req)
{
    struct chatd_request info = {.size = sizeof(info)};
    char user[NAME_FIELD_MAX * 6 + 3];
    char body[sizeof(user) + 64];
    int n;

    if (chatd_request(self, req, &info) < 0)
        return;
    if (info.user.n > NAME_FIELD_MAX) {
        answer_error(self->data, req, 500, "internal", "The user's name is too long.", 0);
        return;
    }
    chatd_json_quote(info.user, user);
    n = snprintf(body, sizeof(body), "{\"user\":%s,\"expires\":%" PRId64 "}", user,
                 info.expires_ms / 1000);
    (void)chatd_reply_json(self, req, 200, (chatd_str){body, (size_t)n});
}

int session_init(struct auth *a)
{
    const struct chatd_route_def me = {
        .size = sizeof(me),
        .flags = CHATD_ROUTE_LOGIN,
        .method = "GET",
        .pattern = "/api/v1/me",
        .handle = handle_me,
    };
    int rc = chatd_on_http(a->self, CHATD_CHECK, on_http);

    if (rc == CHATD_OK)
        rc = chatd_on_upgrade(a->self, CHATD_CHECK, on_upgrade);
    return rc == CHATD_OK ? chatd_route(a->self, &me) : rc;
}
