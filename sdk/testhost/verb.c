/* SPDX-License-Identifier: MIT */
/* Sockets that the plugin claims, and its message types. */
#include "host.h"

#include "host/answer.h"

enum { ID_MAX = 64 };

/* --- registration --------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* The claim of a path by subprotocol, else the one without; chatd.v1 at /ws is the core's. */
const struct chatd_ws_def *claim_find(const struct testhost *t, const char *path,
                                      const char *subprotocol)
{
    const struct chatd_ws_def *other = NULL;

    for (size_t i = 0; i < t->n_claims; i++) {
        const struct chatd_ws_def *claim = &t->claim[i];

        if (strcmp(claim->path, path) != 0)
            continue;
        if (same(claim->subprotocol, subprotocol))
            return claim;
        if (claim->subprotocol == NULL &&
            (strcmp(subprotocol, "chatd.v1") != 0 || strcmp(path, "/ws") != 0))
            other = claim;
    }
    return other;
}

int ws_claim(chatd_plugin *self, const struct chatd_ws_def *in)
{
    struct testhost *t = host_of(self);
    struct chatd_ws_def copy;
    int rc;

    if (!may_register(self, "a socket"))
        return CHATD_E_STATE;
    if ((rc = record_read(t, in, sizeof(copy), &copy, sizeof(copy), "chatd_ws")) < 0)
        return rc;
    if (copy.path == NULL || copy.path[0] != '/' || copy.handle == NULL) {
        fault(t, "claims a socket without a path or a handler");
        return CHATD_E_INVAL;
    }
    for (size_t i = 0; i < t->n_claims; i++) {
        if (same(t->claim[i].path, copy.path) && same(t->claim[i].subprotocol, copy.subprotocol)) {
            fault(t, "claims %s twice", copy.path);
            return CHATD_E_EXISTS;
        }
    }
    t->claim = mem_realloc(t->claim, (t->n_claims + 1) * sizeof(*t->claim));
    t->claim[t->n_claims++] = copy;
    return CHATD_OK;
}

static const struct chatd_verb_def *verb_find(const struct testhost *t, const char *name)
{
    for (size_t i = 0; i < t->n_verbs; i++) {
        if (strcmp(t->verb[i].name, name) == 0)
            return &t->verb[i];
    }
    return NULL;
}

static bool is_verb_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) <= ID_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

int verb_new(chatd_plugin *self, const struct chatd_verb_def *in)
{
    struct testhost *t = host_of(self);
    struct chatd_verb_def copy;
    int rc;

    if (!may_register(self, "a verb"))
        return CHATD_E_STATE;
    if ((rc = record_read(t, in, sizeof(copy), &copy, sizeof(copy), "chatd_verb")) < 0)
        return rc;
    if (!is_verb_name(copy.name) || copy.handle == NULL) {
        fault(t, "adds a verb whose name is not made of a-z 0-9 . _ -, or without a handler");
        return CHATD_E_INVAL;
    }
    if (verb_find(t, copy.name) != NULL || strcmp(copy.name, "ping") == 0) {
        fault(t, "adds the verb %s, which is there already", copy.name);
        return CHATD_E_EXISTS;
    }
    t->verb = mem_realloc(t->verb, (t->n_verbs + 1) * sizeof(*t->verb));
    t->verb[t->n_verbs++] = copy;
    return CHATD_OK;
}

/* --- answers -------------------------------------------------------------------------------------- */

static int answer(struct testhost *t, chatd_conn conn, struct buf *text)
{
    struct conn *c = conn_of(t, conn.v);
    int rc = c != NULL && c->state == TESTHOST_CONN_OPEN ? conn_deliver(t, c, text->p, text->n, 0)
                                                         : CHATD_E_GONE;

    buf_deinit(text);
    return rc;
}

int verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members)
{
    struct testhost *t = loop_of(self, "chatd_verb_ack");
    struct buf text = {0};

    if (id.n == 0)
        return CHATD_OK;
    answer_ack(&text, id, members);
    return answer(t, conn, &text);
}

static int refuse(struct testhost *t, chatd_conn conn, chatd_str id, const char *code,
                  const char *message, uint32_t retry_ms)
{
    struct buf text = {0};

    answer_error(&text, id, code, message, retry_ms);
    return answer(t, conn, &text);
}

int verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
               const char *message, uint32_t retry_ms)
{
    struct testhost *t = loop_of(self, "chatd_verb_error");

    if (code == NULL || message == NULL || message[0] == '\0') {
        fault(t, "answers an error without a code or a sentence");
        return CHATD_E_INVAL;
    }
    return refuse(t, conn, id, code, message, retry_ms);
}

/* --- what the client sends ------------------------------------------------------------------------ */

/* One message on its way through `frame`. */
struct incoming {
    struct chatd_ev_frame ev; /* first */
    struct loan loan;
    char *type, *id; /* of a verb; NULL: a message as it is */
};

static void to_claim(struct testhost *t, const struct conn *c, const struct incoming *in)
{
    if (c->claim == NULL) {
        fault(t, "the test sends to %s, which the plugin did not claim", c->path);
        return;
    }
    enter(t);
    c->claim->handle(&t->plugin.pub, (chatd_conn){c->id}, (enum chatd_opcode)in->ev.opcode,
                     in->ev.data);
    leave(t);
}

static void to_verb(struct testhost *t, const struct conn *c, const struct incoming *in)
{
    const struct chatd_verb_def *verb = verb_find(t, in->type);
    struct loan loan = {0};
    struct chatd_verb_call call = {.size = sizeof(call),
                                   .conn = {c->id},
                                   .type = lend_str(&loan, in->type),
                                   .id = lend_str(&loan, in->id),
                                   .json = in->ev.data};

    if (verb == NULL) {
        fault(t, "the test sends %s, which is no verb of the plugin", in->type);
        refuse(t, call.conn, call.id, "unknown_type", "No such message type here.", 0);
    } else if (call.json.n > verb->max_body) {
        refuse(t, call.conn, call.id, "too_large", "This message is too large.", 0);
    } else if ((verb->flags & CHATD_VERB_LOGIN) && has_auth(t) && c->user == NULL) {
        refuse(t, call.conn, call.id, "unauthorized", "Sign in first.", 0);
    } else {
        enter(t);
        verb->handle(&t->plugin.pub, lend(&loan, &call, sizeof(call)));
        leave(t);
    }
    loan_end(t, &loan);
}

static void walked(struct walk *walk, int verdict)
{
    struct incoming *in = walk->arg;
    struct testhost *t = walk->t;
    struct conn *c = conn_of(t, in->ev.ev.conn.v);

    if (c != NULL && c->state != TESTHOST_CONN_OPEN)
        c = NULL;
    if (verdict != CHATD_DENY && c != NULL) {
        if (in->type != NULL)
            to_verb(t, c, in);
        else
            to_claim(t, c, in);
        walk_watch(t, CHATD_EV_frame, &in->ev.ev);
    } else {
        if (c != NULL)
            conn_begin_close(c, CHATD_CLOSE_FORBIDDEN);
        event_drop(&in->ev.ev);
    }
    incoming_free(t, in);
    walk_free(walk);
}

void incoming_run(struct testhost *t, struct incoming *in)
{
    walk_begin(t, CHATD_EV_frame, &in->ev.ev, walked, in);
}

void incoming_free(struct testhost *t, struct incoming *in)
{
    loan_end(t, &in->loan);
    mem_free(in->type);
    mem_free(in->id);
    mem_free(in);
}

static void incoming(struct testhost *t, chatd_conn conn, enum chatd_opcode opcode, chatd_str data,
                     const char *type, const char *id)
{
    struct conn *c = conn_of(t, conn.v);
    struct incoming *in;

    if (c == NULL || c->state != TESTHOST_CONN_OPEN) {
        fault(t, "the test sends on a connection that is not open");
        return;
    }
    in = mem_alloc(sizeof(*in));
    in->type = type != NULL ? mem_strdup(type) : NULL;
    in->id = id != NULL ? mem_strdup(id) : NULL;
    in->ev = (struct chatd_ev_frame){.ev = {.size = sizeof(in->ev), .conn = conn},
                                     .data = lend_bytes(&in->loan, data),
                                     .opcode = (uint32_t)opcode};
    if (c->n_held > 0 || wait_pauses(t, conn.v))
        conn_hold(c, in);
    else
        incoming_run(t, in);
    testhost_turn(t);
}

void testhost_send(struct testhost *t, chatd_conn conn, enum chatd_opcode opcode, chatd_str data)
{
    incoming(t, conn, opcode, data, NULL, NULL);
}

void testhost_send_text(struct testhost *t, chatd_conn conn, const char *text)
{
    testhost_send(t, conn, CHATD_TEXT, (chatd_str){text, strlen(text)});
}

void testhost_verb(struct testhost *t, chatd_conn conn, const char *type, const char *id,
                   const char *members)
{
    struct buf json = {0};

    if (id != NULL && strlen(id) > ID_MAX)
        fault(t, "the test sends an id above %d bytes", ID_MAX);
    buf_puts(&json, "{\"type\":");
    buf_json(&json, type, strlen(type));
    if (id != NULL) {
        buf_puts(&json, ",\"id\":");
        buf_json(&json, id, strlen(id));
    }
    if (members != NULL && members[0] != '\0')
        buf_printf(&json, ",%s", members);
    buf_puts(&json, "}");
    incoming(t, conn, CHATD_TEXT, (chatd_str){json.p, json.n}, type, id);
    buf_deinit(&json);
}
