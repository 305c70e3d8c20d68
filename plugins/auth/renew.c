/* SPDX-License-Identifier: MIT */
/* POST /api/v1/session and the verb `session.refresh`. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "renew.h"

#include "answer.h"
#include "body.h"
#include "caller.h"
#include "check.h"
#include "cookie.h"
#include "revoke.h"

#include <chatd/json.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TOO_OLD    "This session is not renewed any more: sign in again."
#define DOUBTFUL   "Whether this token was revoked is not known at the moment."
#define AWAY_MS    2000u
#define VERB_BYTES (TOKEN_BYTES_MAX + 1024u)

/* Until when a token may be renewed. One of ours says what session_max was when its owner logged in; what
 * it is now counts as well. Another issuer decides for itself. */
static int64_t renewable_until_s(const struct auth *a, const struct token_claims *claims)
{
    int64_t until_s = claims->issued_s + auth_config(a)->session_max_ms / 1000;

    return claims->is_own && until_s < claims->renew_s ? until_s : claims->renew_s;
}

/* The end that a renewal gives, as exp says it; 0: there is none to be had. It is never earlier than
 * before: token_ttl may have become shorter. */
static int64_t renewed_end_s(struct auth *a, const struct token_claims *claims, int64_t before_s)
{
    const int64_t renew_s = renewable_until_s(a, claims);
    int64_t end_s = (chatd_wall_ms(a->self) + auth_config(a)->token_ttl_ms) / 1000;

    if (end_s > renew_s)
        end_s = renew_s > before_s ? renew_s : 0;
    return end_s > before_s || end_s == 0 ? end_s : before_s;
}

static int64_t leeway_s(const struct auth *a)
{
    return auth_config(a)->clock_leeway_ms / 1000;
}

/* --- POST /api/v1/session ----------------------------------------------------------------------- */

static bool came_as_bearer(struct auth *a, chatd_req req)
{
    chatd_str header, token;

    return chatd_req_header(a->self, req, "Authorization", &header) == CHATD_OK &&
           bearer_token(header, &token) == CHATD_OK;
}

/* A script in a browser gets to see no token that it has not seen already: the cookie is for the
 * browser alone. */
static int reply(struct auth *a, chatd_req req, const struct token_claims *claims,
                 const char *token)
{
    const int64_t now_s = chatd_wall_ms(a->self) / 1000;
    char user[NAME_FIELD_MAX * 6 + 3];
    char body[TOKEN_BYTES_MAX + sizeof(user) + 64];
    int n, rc;

    chatd_json_quote(store_str(claims->user), user);
    n = snprintf(body, sizeof(body), "{\"user\":%s,\"expires\":%" PRId64, user,
                 claims->expires_s + leeway_s(a));
    if (came_as_bearer(a, req)) {
        n += snprintf(body + n, sizeof(body) - (size_t)n, ",\"token\":\"%s\"}", token);
        rc = chatd_reply_json(a->self, req, 200, (chatd_str){body, (size_t)n});
    } else {
        snprintf(body + n, sizeof(body) - (size_t)n, "}");
        rc = answer_cookie(a, req, 200, body, token, claims->expires_s - now_s, 0);
    }
    explicit_bzero(body, sizeof(body));
    return rc;
}

static void renew(struct auth *a, chatd_req req, struct token_claims *claims)
{
    char *token = NULL;
    int rc;

    claims->expires_s = renewed_end_s(a, claims, claims->expires_s - leeway_s(a));
    if (claims->expires_s == 0) {
        answer_error(a, req, 403, "not_renewable", TOO_OLD, 0);
        return;
    }
    rc = token_make(key_get(a), claims, claims->issued_s, &token);
    if (rc == CHATD_OK) {
        rc = reply(a, req, claims, token);
        explicit_bzero(token, strlen(token));
        free(token);
    }
    if (rc == CHATD_OK)
        chatd_metric_add(a->self, a->metric.renewed, 0, 1);
    else if (rc != CHATD_E_GONE)
        answer_error(a, req, 500, "internal", "The token could not be made.", 0);
}

/* One call, while the store is asked. */
struct renewal {
    chatd_req req;
    struct token_claims claims;
};

/* Unlike a request that is let in, a renewal may not be in doubt: the token would outlive the entry
 * that says it was revoked. */
static void on_looked_up(struct auth *a, enum revoked_state state, void *arg)
{
    struct renewal *renewal = arg;

    if (state == REVOKED_NO)
        renew(a, renewal->req, &renewal->claims);
    else if (state == REVOKED_YES)
        answer_error(a, renewal->req, 401, "unauthorized", "This token was revoked.", 0);
    else
        answer_error(a, renewal->req, 503, "unavailable", DOUBTFUL, AWAY_MS);
    free(renewal);
}

static void look_up(struct auth *a, chatd_req req, const struct token_claims *claims)
{
    struct renewal *renewal = auth_alloc(sizeof(*renewal));

    renewal->req = req;
    renewal->claims = *claims;
    if (revoke_ask(a, &renewal->claims, on_looked_up, renewal) < 0)
        on_looked_up(a, REVOKED_UNKNOWN, renewal);
}

static void handle_session(chatd_plugin *self, chatd_req req)
{
    struct auth *a = self->data;
    struct token_claims claims;

    if (!caller_get(a, req, &claims))
        return;
    /* Known after the event `http`, unless the store is away, or it took long from there to here. */
    if (a->kv == NULL || revoke_known(a, &claims) == REVOKED_NO)
        renew(a, req, &claims);
    else
        look_up(a, req, &claims);
}

/* --- session.refresh ---------------------------------------------------------------------------- */

/* One call, while the store is asked. */
struct refresh {
    chatd_conn conn;
    char id[65];
    bool has_token; /* the caller brought one; else the one it came with is renewed */
    struct token_claims claims;
};

static void refuse(struct auth *a, const struct refresh *r, const char *code, const char *message)
{
    (void)chatd_verb_error(a->self, r->conn, store_str(r->id), code, message,
                           strcmp(code, "unavailable") == 0 ? AWAY_MS : 0);
}

/* Moves the end of the connection. `sure`: the store says that the token was not revoked. */
static void take(struct auth *a, const struct refresh *r, bool sure)
{
    struct chatd_conn_info info = {.size = sizeof(info)};
    int64_t expires_ms = r->claims.expires_s * 1000;
    char members[96];
    int n;

    if (chatd_conn_info(a->self, r->conn, &info) < 0)
        return;
    if (!r->has_token) {
        int64_t end_s = renewed_end_s(a, &r->claims, info.expires_ms / 1000 - leeway_s(a));

        if (end_s == 0) {
            refuse(a, r, "auth.not_renewable", TOO_OLD);
            return;
        }
        expires_ms = (end_s + leeway_s(a)) * 1000;
    }
    if (chatd_conn_identify(a->self, r->conn, store_str(r->claims.user), expires_ms) < 0) {
        refuse(a, r, "forbidden", "This is somebody else's token.");
        return;
    }
    sockets_move(a, r->conn, &r->claims, sure);
    chatd_metric_add(a->self, a->metric.renewed, 0, 1);
    n = snprintf(members, sizeof(members), "\"expires\":%" PRId64 ",\"now\":%" PRId64, expires_ms,
                 chatd_wall_ms(a->self));
    (void)chatd_verb_ack(a->self, r->conn, store_str(r->id), (chatd_str){members, (size_t)n});
}

/* Has the connection become another token's while the store was asked about the one it came with? */
static bool has_moved(struct auth *a, const struct refresh *r)
{
    struct token_claims claims;

    return !r->has_token &&
           (!sockets_get(a, r->conn, &claims) || strcmp(claims.jti, r->claims.jti) != 0);
}

static void decide(struct auth *a, const struct refresh *r, enum revoked_state state)
{
    if (has_moved(a, r))
        refuse(a, r, "unavailable", "This connection has taken another token meanwhile.");
    else if (state == REVOKED_YES)
        refuse(a, r, "unauthorized", "This token was revoked.");
    else if (state == REVOKED_UNKNOWN && !r->has_token)
        refuse(a, r, "unavailable", DOUBTFUL); /* as renewing a token */
    else
        take(a, r, state == REVOKED_NO); /* as an upgrade with it */
}

static void on_asked(struct auth *a, enum revoked_state state, void *arg)
{
    struct refresh *r = arg;

    if (!a->stopped)
        decide(a, r, state);
    free(r);
}

static void ask(struct auth *a, const struct refresh *refresh)
{
    struct refresh *r = auth_alloc(sizeof(*r));

    *r = *refresh;
    if (revoke_ask(a, &r->claims, on_asked, r) < 0)
        on_asked(a, REVOKED_UNKNOWN, r);
}

static void refresh_by_token(struct auth *a, struct refresh *r, chatd_str token)
{
    switch (check_token(a, token, &r->claims)) {
    case CHECK_GOOD:
        take(a, r, true);
        break;
    case CHECK_ASK:
        ask(a, r);
        break;
    case CHECK_NO_KEY:
        refuse(a, r, "unavailable", "Tokens cannot be checked at the moment.");
        break;
    case CHECK_BAD:
        refuse(a, r, "unauthorized", "This token is not valid.");
        break;
    }
}

static void refresh_own(struct auth *a, struct refresh *r)
{
    if (!sockets_get(a, r->conn, &r->claims)) {
        refuse(a, r, "auth.not_renewable", TOO_OLD);
        return;
    }
    switch (revoke_known(a, &r->claims)) {
    case REVOKED_YES:
        refuse(a, r, "unauthorized", "This token was revoked.");
        break;
    case REVOKED_NO:
        take(a, r, true);
        break;
    case REVOKED_UNKNOWN:
        if (a->kv == NULL)
            take(a, r, true);
        else
            ask(a, r);
        break;
    }
}

static void handle_refresh(chatd_plugin *self, const struct chatd_verb_call *call)
{
    struct refresh r = {.conn = call->conn};
    const char *why;
    chatd_str token;
    json_t *json = chatd_json_object(call->json, &why);

    if (json == NULL) /* the core has looked at it */
        return;
    memcpy(r.id, call->id.p, call->id.n);
    switch (chatd_json_str(json, "token", &token)) {
    case CHATD_OK:
        r.has_token = true;
        refresh_by_token(self->data, &r, token);
        break;
    case CHATD_E_NOTFOUND:
        refresh_own(self->data, &r);
        break;
    default:
        refuse(self->data, &r, "bad_request", "token must be a string.");
        break;
    }
    json_decref(json);
}

int renew_init(struct auth *a)
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .flags = CHATD_ROUTE_LOGIN | CHATD_ROUTE_JSON,
        .method = "POST",
        .pattern = "/api/v1/session",
        .max_body = BODY_BYTES_MAX,
        .handle = handle_session,
    };
    const struct chatd_verb_def verb = {
        .size = sizeof(verb),
        .flags = CHATD_VERB_LOGIN | CHATD_VERB_RATE,
        .name = "session.refresh",
        .max_body = VERB_BYTES,
        .handle = handle_refresh,
    };
    int rc = chatd_route(a->self, &route);

    return rc < 0 ? rc : chatd_verb(a->self, &verb);
}
