/* SPDX-License-Identifier: MIT */
/* The open WebSockets of this worker by the token that let them in. */
#include "sockets.h"

#include "store.h"
#include "table.h"
#include "token.h"

#include <stdio.h>
#include <utlist.h>

#define RECHECK_MS 5000u
#define ASKING_MAX \
    64u /* look-ups under way at once, so that a full house does not flood the store */

/* The slot of a connection; zero while no token let it in. */
struct socket {
    struct socket_token *token;
    chatd_conn conn;
    bool revoked; /* while the upgrade was still being decided */
    struct socket *prev, *next;
};

/* Lives as long as a connection of its token. */
struct socket_token {
    char jti[TOKEN_JTI_MAX + 1];
    struct socket *sockets;
    bool queued; /* in `unsure` */
    struct socket_token *prev, *next;
    UT_hash_handle hh;
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

static void token_drop(struct auth *a, struct socket_token *token)
{
    unqueue(a, token);
    HASH_DEL(a->sockets.tokens, token);
    free(token);
}

static struct socket_token *token_get(struct auth *a, const char *jti)
{
    struct socket_token *token = find(a, jti);

    if (token != NULL)
        return token;
    token = auth_alloc(sizeof(*token));
    snprintf(token->jti, sizeof(token->jti), "%s", jti);
    HASH_ADD_STR(a->sockets.tokens, jti, token);
    return token;
}

void sockets_add(struct auth *a, chatd_conn conn, const char *jti, bool sure)
{
    struct socket *socket = chatd_slot_of(a->self, a->sockets.slot, conn.v);

    if (socket == NULL || socket->token != NULL)
        return;
    socket->conn = conn;
    socket->token = token_get(a, jti);
    DL_APPEND(socket->token->sockets, socket);
    if (!sure)
        queue(a, socket->token);
}

/* The connection has ended: its block goes with it. */
static void on_slot_gone(chatd_plugin *self, void *block)
{
    struct auth *a = self->data;
    struct socket *socket = block;
    struct socket_token *token = socket->token;

    if (a == NULL || a->stopped || token == NULL)
        return;
    DL_DELETE(token->sockets, socket);
    socket->token = NULL;
    if (token->sockets == NULL)
        token_drop(a, token);
}

static void close_revoked(struct auth *a, chatd_conn conn)
{
    (void)chatd_conn_close(a->self, conn, CHATD_CLOSE_TOKEN, "signed out");
}

unsigned sockets_close(struct auth *a, const char *jti)
{
    struct socket_token *token = find(a, jti);
    struct socket *socket, *next;
    unsigned n = 0;

    if (token == NULL)
        return 0;
    unqueue(a, token);
    /* A close may end a connection at once, and the last one takes the token with it: the walk
     * holds on to the next block only, which no close of another connection can free. */
    for (socket = token->sockets; socket != NULL; socket = next) {
        next = socket->next;
        socket->revoked = true;
        close_revoked(a, socket->conn);
        n++;
    }
    return n;
}

/* A connection may be revoked between its check and its opening, when there is nothing to close. */
static void on_connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    struct auth *a = self->data;
    const struct socket *socket = chatd_slot_of(self, a->sockets.slot, ev->ev.conn.v);

    if (socket != NULL && socket->revoked)
        close_revoked(a, ev->ev.conn);
}

static void on_answer(struct auth *a, int err, chatd_str value, void *arg)
{
    char *jti = arg;
    struct socket_token *token;

    (void)value;
    if (a->stopped || err == CHATD_E_CANCELLED) {
        free(jti);
        return;
    }
    a->sockets.asking--;
    token = find(a, jti);
    if (err == CHATD_OK) {
        (void)sockets_close(a, jti);
    } else if (err != CHATD_E_NOTFOUND) {
        a->sockets.paused = true;
        if (token != NULL)
            queue(a, token);
    }
    free(jti);
    if (!a->sockets.paused)
        sockets_recheck(a);
}

void sockets_recheck(struct auth *a)
{
    a->sockets.paused = false;
    while (a->sockets.unsure != NULL && a->sockets.asking < ASKING_MAX) {
        struct socket_token *token = a->sockets.unsure;
        char *jti = auth_alloc(sizeof(token->jti));

        memcpy(jti, token->jti, sizeof(token->jti));
        if (store_get(a, NS_REVOKED, store_str(jti), on_answer, jti) < 0) {
            free(jti);
            a->sockets.paused = true;
            return;
        }
        unqueue(a, token);
        a->sockets.asking++;
    }
}

void sockets_doubt(struct auth *a)
{
    struct socket_token *token, *next;

    if (a->kv == NULL)
        return;
    HASH_ITER(hh, a->sockets.tokens, token, next)
    queue(a, token);
    if (!a->sockets.paused)
        sockets_recheck(a);
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
