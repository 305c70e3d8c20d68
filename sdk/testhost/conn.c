/* SPDX-License-Identifier: MIT */
/* Connections: the client's end in the hands of the test, the plugin's by id. */
#include "host.h"

#include <stdio.h>

enum { PLACE_BYTES = 16 }; /* of a queue, beside the bytes of a frame */

struct conn *conn_of(struct testhost *t, uint64_t id)
{
    struct conn *c = table_get(&t->conns, KIND_CONN, id);

    return c != NULL && c->state != TESTHOST_CONN_GONE && c->state != TESTHOST_CONN_REFUSED ? c
                                                                                            : NULL;
}

static struct conn *open_conn(struct testhost *t, chatd_conn conn)
{
    struct conn *c = conn_of(t, conn.v);

    return c != NULL && c->state == TESTHOST_CONN_OPEN ? c : NULL;
}

/* For functions of the test, which may ask after one that has ended. */
static struct conn *any_conn(struct testhost *t, chatd_conn conn)
{
    struct conn *c = table_get(&t->conns, KIND_CONN, conn.v);

    if (c == NULL)
        fault(t, "the test names a connection that never was");
    return c;
}

/* --- what it sends while something waits for it ------------------------------------------------------ */

void conn_hold(struct conn *c, struct incoming *in)
{
    c->held = mem_grow(c->held, c->n_held, sizeof(*c->held));
    c->held[c->n_held++] = in;
}

/* The last of its waits may be over: what it sent meanwhile has its turn, as far as nothing waits anew. */
void conn_let_go(struct testhost *t, uint64_t id)
{
    struct conn *c;

    while ((c = conn_of(t, id)) != NULL && c->n_held > 0 && !wait_pauses(t, id)) {
        struct incoming *in = c->held[0];

        c->n_held--;
        memmove(c->held, c->held + 1, c->n_held * sizeof(*c->held));
        incoming_run(t, in);
    }
}

static void forget_held(struct conn *c)
{
    for (size_t i = 0; i < c->n_held; i++)
        incoming_free(c->host, c->held[i]);
    c->n_held = 0;
}

/* --- its end -------------------------------------------------------------------------------------- */

static void end(struct testhost *t, struct conn *c, enum testhost_conn_state state)
{
    if (c->is_ending)
        return;
    c->is_ending = true;
    if (c->state == TESTHOST_CONN_OPEN)
        c->state = TESTHOST_CONN_CLOSING; /* nothing is sent to it any more, also in `closed` */
    forget_held(c);
    wait_abandon(t, c->id, 0);
    if (c->was_open) {
        struct loan loan = {0};
        struct chatd_ev_closed ev = {
            .ev = {.size = sizeof(ev), .conn = {c->id}},
            .user = lend_str(&loan, c->user),
            .reason =
                lend_str(&loan, c->close_code != 0 ? "closed by the server" : "client closed"),
            .code = c->close_code != 0 ? (uint32_t)c->close_code : 1006};

        walk_watch(t, CHATD_EV_closed,
                   &((struct chatd_ev_closed *)lend(&loan, &ev, sizeof(ev)))->ev);
        loan_end(t, &loan);
    }
    channel_forget(t, c->id);
    slots_end(t, &c->slots);
    if (c->upgrade != NULL)
        request_over(t, c->upgrade);
    c->state = state;
}

bool conn_step(struct testhost *t)
{
    for (size_t i = 0; i < t->conns.n; i++) {
        struct conn *c = t->conns.row[i];

        if (c->state == TESTHOST_CONN_CLOSING && !c->is_ending) {
            end(t, c, TESTHOST_CONN_GONE);
            return true;
        }
        if (c->state == TESTHOST_CONN_OPEN && c->drained != NULL && !c->is_refused &&
            c->backlog < TESTHOST_QUEUE_SOFT) {
            void (*drained)(chatd_plugin *, chatd_conn, void *) = c->drained;

            c->drained = NULL;
            enter(t);
            drained(&t->plugin.pub, (chatd_conn){c->id}, c->drained_arg);
            leave(t);
            return true;
        }
    }
    return false;
}

/* --- its identity ends ----------------------------------------------------------------------------- */

/* As in the core: in whole seconds, by the clock that does not jump. */
static void expire_at(const struct testhost *t, struct conn *c, int64_t wall_ms)
{
    int64_t left_s = wall_ms > t->wall_ms ? (wall_ms - t->wall_ms + 999) / 1000 : 1;

    c->expires_ms = wall_ms;
    c->expires_at_ms = wall_ms == 0 ? 0 : t->mono_ms + left_s * 1000;
}

static bool expires(const struct conn *c)
{
    return c->state == TESTHOST_CONN_OPEN && c->expires_at_ms > 0;
}

int64_t conn_due(const struct testhost *t)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < t->conns.n; i++) {
        const struct conn *c = t->conns.row[i];

        if (expires(c) && c->expires_at_ms < due)
            due = c->expires_at_ms;
    }
    return due;
}

bool conn_expire(struct testhost *t)
{
    for (size_t i = 0; i < t->conns.n; i++) {
        struct conn *c = t->conns.row[i];

        if (expires(c) && c->expires_at_ms <= t->mono_ms) {
            conn_begin_close(c, CHATD_CLOSE_TOKEN);
            return true;
        }
    }
    return false;
}

void testhost_hangup(struct testhost *t, chatd_conn conn)
{
    struct conn *c = any_conn(t, conn);

    if (c == NULL || conn_of(t, conn.v) == NULL)
        return;
    end(t, c, TESTHOST_CONN_GONE);
    testhost_turn(t);
}

void conn_stop(struct testhost *t)
{
    for (size_t i = 0; i < t->conns.n; i++) {
        struct conn *c = t->conns.row[i];

        if (conn_of(t, c->id) == NULL)
            continue;
        if (c->close_code == 0)
            c->close_code = CHATD_CLOSE_GOING_AWAY;
        end(t, c, TESTHOST_CONN_GONE);
    }
}

/* --- its beginning -------------------------------------------------------------------------------- */

struct upgrade {
    struct chatd_ev_upgrade ev; /* first */
    struct conn *conn;
    struct loan loan;
};

static void open_it(struct testhost *t, struct conn *c)
{
    struct loan loan = {0};
    struct chatd_ev_connected ev = {.ev = {.size = sizeof(ev), .conn = {c->id}},
                                    .path = lend_str(&loan, c->path),
                                    .subprotocol = lend_str(&loan, c->subprotocol),
                                    .user = lend_str(&loan, c->user)};

    c->state = TESTHOST_CONN_OPEN;
    c->was_open = true;
    c->connected_ms = t->wall_ms;
    if (c->expires_ms > 0)
        expire_at(t, c, c->expires_ms);
    walk_watch(t, CHATD_EV_connected,
               &((struct chatd_ev_connected *)lend(&loan, &ev, sizeof(ev)))->ev);
    loan_end(t, &loan);
}

static void decided(struct walk *walk, int verdict)
{
    struct upgrade *upgrade = walk->arg;
    struct testhost *t = walk->t;
    struct conn *c = upgrade->conn;

    request_over(t, c->upgrade);
    c->upgrade = NULL;
    if (verdict == CHATD_DENY) {
        c->code = mem_strndup(upgrade->ev.ev.code.p, upgrade->ev.ev.code.n);
        event_drop(&upgrade->ev.ev);
        end(t, c, TESTHOST_CONN_REFUSED);
    } else {
        walk_watch(t, CHATD_EV_upgrade, &upgrade->ev.ev);
        open_it(t, c);
    }
    loan_end(t, &upgrade->loan);
    mem_free(upgrade);
    walk_free(walk);
}

/* The core's own hook behind all others of CHECK: who is nobody is refused or made a guest. */
static int name_guest(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    struct conn *c = table_get(&t->conns, KIND_CONN, ev->conn.v);
    const struct chatd_ev_upgrade *upgrade = (const void *)ev;

    (void)arg;
    if (c->user != NULL)
        return CHATD_NEXT;
    if (has_auth(t) && !(upgrade->ws_flags & CHATD_WS_ANONYMOUS))
        return event_deny(ev, "unauthorized", "Sign in first.", 0);
    c->user = mem_printf("guest-%d", ++t->guests);
    return CHATD_NEXT;
}

void conn_hook(struct testhost *t)
{
    hook_add(t, &(struct hook){.event = CHATD_EV_upgrade, .band = CHATD_CHECK, .test = name_guest});
}

static char *copy_of(const char *text, const char *otherwise)
{
    return mem_strdup(text != NULL ? text : otherwise);
}

chatd_conn testhost_connect(struct testhost *t, const struct testhost_client *client)
{
    const char *target = client->path != NULL ? client->path : "/ws";
    struct upgrade *upgrade;
    struct conn *c;

    if (!may_play(t, "connects"))
        return (chatd_conn){0};
    c = mem_alloc(sizeof(*c));
    c->id = table_add(&t->conns, KIND_CONN, c);
    c->host = t;
    c->last = &c->first;
    c->path = mem_strndup(target, strcspn(target, "?"));
    c->subprotocol = copy_of(client->subprotocol, "chatd.v1");
    c->address = copy_of(client->address, "127.0.0.1");
    c->user = client->user != NULL ? mem_strdup(client->user) : NULL;
    c->claim = claim_find(t, c->path, c->subprotocol);
    if (c->claim == NULL && strcmp(c->path, "/ws") != 0) {
        c->code = mem_strdup("not_found");
        c->state = TESTHOST_CONN_REFUSED;
        return (chatd_conn){c->id};
    }
    upgrade = mem_alloc(sizeof(*upgrade));
    c->upgrade = request_new(t, "GET", target, client->headers, client->address);
    c->upgrade->is_upgrade = true;
    upgrade->conn = c;
    upgrade->ev = (struct chatd_ev_upgrade){
        .ev = {.size = sizeof(upgrade->ev), .conn = {c->id}, .req = {c->upgrade->id}},
        .path = lend_str(&upgrade->loan, c->path),
        .subprotocol = lend_str(&upgrade->loan, c->subprotocol),
        .ws_flags = c->claim != NULL ? c->claim->flags : 0};
    walk_begin(t, CHATD_EV_upgrade, &upgrade->ev.ev, decided, upgrade);
    testhost_turn(t);
    return (chatd_conn){c->id};
}

enum testhost_conn_state testhost_conn_state(struct testhost *t, chatd_conn conn)
{
    const struct conn *c = any_conn(t, conn);

    return c != NULL ? c->state : TESTHOST_CONN_GONE;
}

const char *testhost_conn_code(struct testhost *t, chatd_conn conn)
{
    const struct conn *c = any_conn(t, conn);

    return c != NULL && c->code != NULL ? c->code : "";
}

int testhost_close_code(struct testhost *t, chatd_conn conn)
{
    const struct conn *c = any_conn(t, conn);

    return c != NULL ? c->close_code : 0;
}

const char *testhost_conn_user(struct testhost *t, chatd_conn conn)
{
    const struct conn *c = any_conn(t, conn);

    return c != NULL && c->user != NULL ? c->user : "";
}

/* --- what it is sent ------------------------------------------------------------------------------ */

void conn_begin_close(struct conn *c, int code)
{
    c->state = TESTHOST_CONN_CLOSING;
    c->close_code = code;
}

/* Who has nothing waiting is not slow, however large the frame. */
static bool has_room(const struct conn *c, size_t n, size_t limit)
{
    return c->backlog == 0 || c->backlog + n + PLACE_BYTES <= limit;
}

int conn_deliver(struct testhost *t, struct conn *c, const char *bytes, size_t n, int flags)
{
    struct message *message;

    (void)t;
    if (flags & CHATD_SEND_EPHEMERAL) {
        if (!has_room(c, n, TESTHOST_QUEUE_SOFT))
            return CHATD_E_BUSY;
    } else if (!has_room(c, n, TESTHOST_QUEUE_HARD)) {
        if (flags & CHATD_SEND_OR_SKIP)
            c->is_refused = true;
        else
            conn_begin_close(c, CHATD_CLOSE_TOO_SLOW);
        return CHATD_E_BUSY;
    }
    message = mem_alloc(sizeof(*message) + n + 1);
    message->n = n;
    if (n > 0)
        memcpy(message->bytes, bytes, n);
    *c->last = message;
    c->last = &message->next;
    c->unread++;
    if (c->backlog > 0)
        c->backlog += n + PLACE_BYTES;
    return CHATD_OK;
}

chatd_str testhost_next(struct testhost *t, chatd_conn conn)
{
    struct conn *c = any_conn(t, conn);

    if (c == NULL || c->first == NULL)
        return (chatd_str){NULL, 0};
    mem_free(c->told);
    c->told = c->first;
    c->first = c->told->next;
    c->unread--;
    if (c->first == NULL)
        c->last = &c->first;
    return (chatd_str){c->told->bytes, c->told->n};
}

const char *testhost_next_text(struct testhost *t, chatd_conn conn)
{
    return testhost_next(t, conn).p;
}

int testhost_unread(struct testhost *t, chatd_conn conn)
{
    const struct conn *c = any_conn(t, conn);

    return c != NULL ? c->unread : 0;
}

void testhost_backlog(struct testhost *t, chatd_conn conn, size_t bytes)
{
    struct conn *c = any_conn(t, conn);

    if (c != NULL) {
        c->is_refused = c->is_refused && bytes >= c->backlog;
        c->backlog = bytes;
    }
}

void conn_free(struct testhost *t)
{
    for (size_t i = 0; i < t->conns.n; i++) {
        struct conn *c = t->conns.row[i];
        struct message *message;

        while ((message = c->first) != NULL) {
            c->first = message->next;
            mem_free(message);
        }
        forget_held(c);
        mem_free(c->held);
        mem_free(c->told);
        mem_free(c->user);
        mem_free(c->path);
        mem_free(c->subprotocol);
        mem_free(c->address);
        mem_free(c->code);
    }
    table_free(&t->conns);
    mem_free(t->slot);
}

/* --- the plugin's end ----------------------------------------------------------------------------- */

int conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info)
{
    struct testhost *t = loop_of(self, "chatd_conn_info");
    const struct conn *c = conn_of(t, conn.v);
    struct chatd_conn_info full;
    size_t size = info->size;

    if (c == NULL)
        return CHATD_E_GONE;
    if (size < sizeof(uint32_t) || size > CHATD_RECORD_MAX) {
        fault(t, "calls chatd_conn_info() without a size");
        return CHATD_E_INVAL;
    }
    full = (struct chatd_conn_info){.size = (uint32_t)size,
                                    .is_open = c->state == TESTHOST_CONN_OPEN,
                                    .user = lend_str(&t->loan, c->user),
                                    .address = lend_str(&t->loan, c->address),
                                    .path = lend_str(&t->loan, c->path),
                                    .subprotocol = lend_str(&t->loan, c->subprotocol),
                                    .expires_ms = c->expires_ms,
                                    .connected_ms = c->connected_ms};
    memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
    return CHATD_OK;
}

int conn_identify(chatd_plugin *self, chatd_conn conn, chatd_str user, int64_t expires_ms)
{
    struct testhost *t = loop_of(self, "chatd_conn_identify");
    struct conn *c = conn_of(t, conn.v);

    if (c == NULL)
        return CHATD_E_GONE;
    if (c->user == NULL && (user.n == 0 || memchr(user.p, '\0', user.n) != NULL))
        return CHATD_E_INVAL;
    if (c->user == NULL)
        c->user = mem_strndup(user.p, user.n);
    else if (strlen(c->user) != user.n || memcmp(c->user, user.p, user.n) != 0)
        return CHATD_E_EXISTS;
    if (c->was_open)
        expire_at(t, c, expires_ms);
    else
        c->expires_ms = expires_ms;
    return CHATD_OK;
}

int conn_send(chatd_plugin *self, chatd_conn conn, int opcode, chatd_str data, int flags)
{
    struct testhost *t = loop_of(self, "chatd_conn_send");
    struct conn *c = open_conn(t, conn);

    if (c == NULL)
        return CHATD_E_GONE;
    if (opcode != CHATD_TEXT && opcode != CHATD_BINARY) {
        fault(t, "sends with opcode %d", opcode);
        return CHATD_E_INVAL;
    }
    return conn_deliver(t, c, data.p, data.n, flags);
}

int conn_close(chatd_plugin *self, chatd_conn conn, int code, const char *reason)
{
    struct testhost *t = loop_of(self, "chatd_conn_close");
    struct conn *c = open_conn(t, conn);

    (void)reason;
    if (c == NULL)
        return CHATD_E_GONE;
    if (code < 1000 || code > 4999 || (code >= 1004 && code <= 1006) || code == 1015) {
        fault(t, "closes with %d, which never stands in a frame (RFC 6455, 7.4.1)", code);
        return CHATD_E_INVAL;
    }
    conn_begin_close(c, code);
    return CHATD_OK;
}

int conn_backlog(chatd_plugin *self, chatd_conn conn, size_t *bytes_out)
{
    const struct conn *c = open_conn(loop_of(self, "chatd_conn_backlog"), conn);

    if (c == NULL)
        return CHATD_E_GONE;
    *bytes_out = c->backlog;
    return CHATD_OK;
}

int conn_when_drained(chatd_plugin *self, chatd_conn conn,
                      void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    struct conn *c = open_conn(loop_of(self, "chatd_conn_when_drained"), conn);

    if (c == NULL)
        return CHATD_E_GONE;
    if (c->drained != NULL)
        return CHATD_E_EXISTS;
    c->drained = cb;
    c->drained_arg = arg;
    return CHATD_OK;
}
