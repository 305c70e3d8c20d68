/* SPDX-License-Identifier: MIT */
/* The open WebSockets of this worker by the token that let them in, and these by their user. */
#include "sockets.h"

#include "revoke.h"
#include "table.h"

#include <stdio.h>
#include <utlist.h>

#define RECHECK_MS 5000u
#define ASKING_MAX \
    64u /* look-ups under way at once, so that a full house does not flood the store */

/* The slot of a connection; zero while no token let it in. */
struct socket {
    struct socket_token *token;
    chatd_conn conn;
    struct socket *prev, *next;
};

/* Lives as long as a connection of its token. */
struct socket_token {
    char jti[TOKEN_JTI_MAX + 1];
    int64_t since_ms;
    int64_t renew_s; /* until when it may be renewed */
    int64_t issued_s;
    bool is_own;
    bool
        revoked; /* those it lets in are closed: it may be while an upgrade is still being decided */
    struct socket_user *user;
    struct socket *sockets;
    bool queued;                        /* in `unsure` */
    struct socket_token *prev, *next;   /* there */
    struct socket_token *uprev, *unext; /* of the user */
    UT_hash_handle hh;
};

/* Lives as long as a token of it. */
struct socket_user {
    struct socket_token *tokens;
    UT_hash_handle hh;
    char name[];
};

static struct socket_token *find(struct auth *a, const char *jti)
{
    struct socket_token *token = NULL;

    HASH_FIND_STR(a->sockets.tokens, jti, token);
    return token;
}

static void queue(struct auth *a, struct socket_token *token)
{
    if (token->queued)
        return;
    token->queued = true;
    DL_APPEND(a->sockets.unsure, token);
}

static void unqueue(struct auth *a, struct socket_token *token)
{
    if (!token->queued)
        return;
    token->queued = false;
    DL_DELETE(a->sockets.unsure, token);
}

static struct socket_user *user_find(struct auth *a, const char *name)
{
    struct socket_user *user = NULL;

    HASH_FIND_STR(a->sockets.users, name, user);
    return user;
}

static struct socket_user *user_get(struct auth *a, const char *name)
{
    struct socket_user *user = user_find(a, name);
    size_t n = strlen(name) + 1;

    if (user != NULL)
        return user;
    user = auth_alloc(sizeof(*user) + n);
    memcpy(user->name, name, n);
    HASH_ADD_STR(a->sockets.users, name, user);
    return user;
}

static void token_drop(struct auth *a, struct socket_token *token)
{
    struct socket_user *user = token->user;

    unqueue(a, token);
    /* NOLINTNEXTLINE(clang-analyzer-*): uthash frees an empty table, and forgets it */
    HASH_DEL(a->sockets.tokens, token);
    DL_DELETE2(user->tokens, token, uprev, unext);
    free(token);
    if (user->tokens == NULL) {
        HASH_DEL(a->sockets.users, user);
        free(user);
    }
}

static struct socket_token *token_get(struct auth *a, const struct token_claims *claims)
{
    struct socket_token *token = find(a, claims->jti);

    if (token != NULL)
        return token;
    token = auth_alloc(sizeof(*token));
    snprintf(token->jti, sizeof(token->jti), "%s", claims->jti);
    token->since_ms = claims->since_ms;
    token->renew_s = claims->renew_s;
    token->issued_s = claims->issued_s;
    token->is_own = claims->is_own;
    token->user = user_get(a, claims->user);
    HASH_ADD_STR(a->sockets.tokens, jti, token);
    DL_APPEND2(token->user->tokens, token, uprev, unext);
    return token;
}

void sockets_add(struct auth *a, chatd_conn conn, const struct token_claims *claims, bool sure)
{
    struct socket *socket = chatd_slot_of(a->self, a->sockets.slot, conn.v);

    if (socket == NULL || socket->token != NULL)
        return;
    socket->conn = conn;
    socket->token = token_get(a, claims);
    DL_APPEND(socket->token->sockets, socket);
    if (!sure)
        queue(a, socket->token);
}

bool sockets_get(struct auth *a, chatd_conn conn, struct token_claims *claims_out)
{
    const struct socket *socket = chatd_slot_of(a->self, a->sockets.slot, conn.v);

    if (socket == NULL || socket->token == NULL)
        return false;
    *claims_out = (struct token_claims){
        .since_ms = socket->token->since_ms,
        .renew_s = socket->token->renew_s,
        .issued_s = socket->token->issued_s,
        .is_own = socket->token->is_own,
    };
    snprintf(claims_out->jti, sizeof(claims_out->jti), "%s", socket->token->jti);
    snprintf(claims_out->user, sizeof(claims_out->user), "%s", socket->token->user->name);
    return true;
}

static void leave(struct auth *a, struct socket *socket)
{
    struct socket_token *token = socket->token;

    if (token == NULL)
        return;
    DL_DELETE(token->sockets, socket);
    socket->token = NULL;
    if (token->sockets == NULL)
        token_drop(a, token);
}

void sockets_move(struct auth *a, chatd_conn conn, const struct token_claims *claims, bool sure)
{
    struct socket *socket = chatd_slot_of(a->self, a->sockets.slot, conn.v);

    if (socket == NULL)
        return;
    leave(a, socket);
    sockets_add(a, conn, claims, sure);
}

/* The connection has ended: its block goes with it. */
static void on_slot_gone(chatd_plugin *self, void *block)
{
    struct auth *a = self->data;

    if (a != NULL && !a->stopped)
        leave(a, block);
}

static void close_revoked(struct auth *a, chatd_conn conn)
{
    (void)chatd_conn_close(a->self, conn, CHATD_CLOSE_TOKEN, "signed out");
}

static unsigned close_token(struct auth *a, struct socket_token *token)
{
    struct socket *socket, *next;
    unsigned n = 0;

    unqueue(a, token);
    token->revoked = true;
    /* A close may end a connection at once, and the last one takes the token with it: the walk
     * holds on to the next block only, which no close of another connection can free. */
    for (socket = token->sockets; socket != NULL; socket = next) {
        next = socket->next;
        close_revoked(a, socket->conn);
        n++;
    }
    return n;
}

unsigned sockets_close(struct auth *a, const char *jti)
{
    struct socket_token *token = find(a, jti);

    return token != NULL ? close_token(a, token) : 0;
}

unsigned sockets_close_user(struct auth *a, const char *user, int64_t since_ms)
{
    struct socket_user *row = user_find(a, user);
    struct socket_token *token, *next;
    unsigned n = 0;

    /* As above; the last token takes the user with it. */
    for (token = row != NULL ? row->tokens : NULL; token != NULL; token = next) {
        next = token->unext;
        if (token->since_ms < since_ms)
            n += close_token(a, token);
    }
    return n;
}

/* A connection may be revoked between its check and its opening, when there is nothing to close. */
static void on_connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    struct auth *a = self->data;
    const struct socket *socket = chatd_slot_of(self, a->sockets.slot, ev->ev.conn.v);

    if (socket != NULL && socket->token != NULL && socket->token->revoked)
        close_revoked(a, ev->ev.conn);
}

static void on_answer(struct auth *a, enum revoked_state state, void *arg)
{
    struct token_claims *claims = arg;
    struct socket_token *token;

    if (a->stopped) {
        free(claims);
        return;
    }
    a->sockets.asking--;
    token = find(a, claims->jti);
    if (state == REVOKED_YES) {
        (void)sockets_close(a, claims->jti);
    } else if (state == REVOKED_UNKNOWN) {
        a->sockets.paused = true;
        if (token != NULL)
            queue(a, token);
    }
    free(claims);
    if (!a->sockets.paused)
        sockets_recheck(a);
}

void sockets_recheck(struct auth *a)
{
    a->sockets.paused = false;
    while (a->sockets.unsure != NULL && a->sockets.asking < ASKING_MAX) {
        struct socket_token *token = a->sockets.unsure;
        struct token_claims *claims = auth_alloc(sizeof(*claims));

        snprintf(claims->jti, sizeof(claims->jti), "%s", token->jti);
        snprintf(claims->user, sizeof(claims->user), "%s", token->user->name);
        claims->since_ms = token->since_ms;
        if (revoke_ask(a, claims, on_answer, claims) < 0) {
            free(claims);
            a->sockets.paused = true;
            return;
        }
        unqueue(a, token);
        a->sockets.asking++;
    }
}

static void doubted(struct auth *a)
{
    if (!a->sockets.paused)
        sockets_recheck(a);
}

void sockets_doubt(struct auth *a)
{
    struct socket_token *token, *next;

    if (a->kv == NULL)
        return;
    HASH_ITER(hh, a->sockets.tokens, token, next)
    queue(a, token);
    doubted(a);
}

void sockets_doubt_user(struct auth *a, const char *user)
{
    struct socket_user *row = user_find(a, user);
    struct socket_token *token;

    if (a->kv == NULL || row == NULL)
        return;
    for (token = row->tokens; token != NULL; token = token->unext)
        queue(a, token);
    doubted(a);
}

static void on_timer(chatd_plugin *self, void *arg)
{
    (void)self;
    sockets_recheck(arg);
}

int sockets_init(struct auth *a)
{
    int rc =
        chatd_slot(a->self, CHATD_SLOT_CONN, sizeof(struct socket), on_slot_gone, &a->sockets.slot);

    return rc < 0 ? rc : chatd_on_connected(a->self, on_connected);
}

int sockets_start(struct auth *a)
{
    chatd_timer timer;

    /* Without a store there is nobody to ask later either. */
    if (a->kv == NULL)
        return CHATD_OK;
    return chatd_timer_start(a->self, RECHECK_MS, RECHECK_MS, on_timer, a, &timer);
}

void sockets_deinit(struct auth *a)
{
    struct socket_token *token, *next;

    HASH_ITER(hh, a->sockets.tokens, token, next)
    token_drop(a, token);
}
