/* SPDX-License-Identifier: MIT */
/* From an upgrade to a connection and to its end: claims, the `upgrade` chain, names, `connected`,
 * `frame`, `closed`. */
#include "host/host.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "host/answer.h"
#include "host/work.h"
#include "net/frame.h"
#include "net/ws_extension.h"
#include "net/ws_handshake.h"

#include <chatd/svc/auth.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct upgrade_walk {
    struct chatd_ev_upgrade ev;
    uint64_t req, conn;
    const struct ws_claim *claim;
};

/* A message on its way through the `frame` chain. */
struct frame_walk {
    struct chatd_ev_frame ev;
    uint64_t conn;
    char data[];
};

/* --- claims ------------------------------------------------------------------------------------- */

_Static_assert(CLAIMS_MAX <= UINT8_MAX, "conn.claim counts them from 1");

int claim_add(chatd_plugin *self, const struct chatd_ws_def *in)
{
    struct host *h = host_of(self);
    struct chatd_ws_def def;
    int rc = host_registration(self, "a socket", in, sizeof(def), &def, sizeof(def));
    size_t i;

    if (rc < 0)
        return rc;
    if (def.path == NULL || def.path[0] != '/' || def.handle == NULL) {
        log_error("%s claims sockets without a path from / on, or without a handler",
                  plugin_of(self)->name);
        return CHATD_E_INVAL;
    }
    if (h->n_claims == CLAIMS_MAX) {
        log_error("%s claims sockets at %s, but %d claims are there already", plugin_of(self)->name,
                  def.path, CLAIMS_MAX);
        return CHATD_E_BUSY;
    }
    for (i = 0; i < h->n_claims; i++) {
        const struct chatd_ws_def *other = &h->claim[i].def;
        const char *a = other->subprotocol ? other->subprotocol : "";
        const char *b = def.subprotocol ? def.subprotocol : "";

        if (h->claim[i].plugin != NULL && strcmp(other->path, def.path) == 0 && strcmp(a, b) == 0) {
            log_error("%s claims sockets at %s (%s), which are %s's", plugin_of(self)->name,
                      def.path, b[0] ? b : "no subprotocol", h->claim[i].plugin->name);
            return CHATD_E_EXISTS;
        }
    }
    h->claim[h->n_claims++] = (struct ws_claim){plugin_of(self), def};
    return CHATD_OK;
}

void claim_remove(struct host *h, const struct plugin *p)
{
    size_t i;

    for (i = 0; i < h->n_claims; i++) {
        if (h->claim[i].plugin == p)
            h->claim[i] = (struct ws_claim){0}; /* the others keep their places */
    }
}

const struct ws_claim *claim_of(const struct host *h, const struct conn *c)
{
    return c->claim > 0 && h->claim[c->claim - 1].plugin != NULL ? &h->claim[c->claim - 1] : NULL;
}

/* A subprotocol that was offered wins over the claim without one. */
static const struct ws_claim *claim_find(const struct host *h, const char *path,
                                         const char *offered)
{
    const struct ws_claim *plain = NULL;
    size_t i;

    for (i = 0; i < h->n_claims; i++) {
        const struct ws_claim *c = &h->claim[i];

        if (c->plugin == NULL || strcmp(c->def.path, path) != 0)
            continue;
        if (c->def.subprotocol == NULL)
            plain = c;
        else if (offered != NULL && ws_subprotocol_offered(offered, c->def.subprotocol))
            return c;
    }
    return plain;
}

static bool is_socket(void *arg, const char *path)
{
    const struct host *h = arg;
    size_t i;

    for (i = 0; i < h->n_claims; i++) {
        if (h->claim[i].plugin != NULL && strcmp(h->claim[i].def.path, path) == 0)
            return true;
    }
    return false;
}

/* --- the upgrade -------------------------------------------------------------------------------- */

/* First in CHANGE: after everybody had the chance to identify, before anybody prepares a page. */
static enum chatd_verdict check_identity(chatd_plugin *self, struct chatd_ev_upgrade *ev)
{
    struct host *h = host_of(self);
    struct conn *c = conn_get(&h->net, ev->ev.conn.v);
    char name[32];
    int n;

    if (c == NULL || conn_user(c) != NULL)
        return CHATD_NEXT;
    if (service_loaded(h, CHATD_AUTH_SERVICE) && !(ev->ws_flags & CHATD_WS_ANONYMOUS))
        return chatd_deny(self, &ev->ev, "unauthorized", "Sign in first.");
    n = snprintf(name, sizeof(name), "guest-%012llx", (unsigned long long)(rng_u64() >> 16));
    conn_name(c, name, (size_t)n);
    return CHATD_NEXT;
}

static void discard(struct host *h, struct conn *c)
{
    wait_gone(h, c->id, 0); /* of other events about it */
    drain_remove(c, NULL);
    slot_end_conn(h, c);
    conn_discard(c);
}

/* Agrees to permessage-deflate if an offer can be kept to, and writes the answer; else "". */
static void agree_on_compression(struct http_req *r, struct conn *c,
                                 char answer[WS_EXTENSION_ANSWER_BYTES])
{
    struct ws_deflate_terms terms;
    const char *offers;
    unsigned i;

    answer[0] = '\0';
    if (c->net->limits.deflate_level == 0)
        return;
    for (i = 0; (offers = http_req_header_at(r, "Sec-WebSocket-Extensions", i)) != NULL; i++) {
        if (ws_extension_take(offers, &terms)) {
            conn_allow_compressed(c, terms.window_bits);
            ws_extension_answer(&terms, answer);
            return;
        }
    }
}

static void put_header(struct buf *text, const char *name, const char *value)
{
    buf_puts(text, name);
    buf_puts(text, ": ");
    buf_puts(text, value);
    buf_puts(text, "\r\n");
}

static struct frame *greeting(struct http_req *r, struct conn *c, const struct ws_claim *claim)
{
    char accept[29], extension[WS_EXTENSION_ANSWER_BYTES];
    struct buf text = {0};
    struct frame *f;

    ws_accept_key(http_req_header(r, "Sec-WebSocket-Key"), accept);
    agree_on_compression(r, c, extension);
    buf_reserve(&text, 256);
    buf_puts(&text, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\n");
    put_header(&text, "Sec-WebSocket-Accept", accept);
    if (claim->def.subprotocol != NULL)
        put_header(&text, "Sec-WebSocket-Protocol", claim->def.subprotocol);
    if (extension[0] != '\0')
        put_header(&text, "Sec-WebSocket-Extensions", extension);
    buf_puts(&text, "\r\n");
    f = frame_raw(text.p, text.n);
    buf_deinit(&text);
    return f;
}

static chatd_str str_of(const char *s)
{
    return (chatd_str){s != NULL ? s : "", s != NULL ? strlen(s) : 0};
}

static void open_connection(struct host *h, struct http_req *r, struct conn *c,
                            const struct ws_claim *claim)
{
    struct chatd_ev_connected ev = {.ev = {.size = sizeof(ev), .conn = {c->id}}};
    struct frame *hello = greeting(r, c, claim);
    void *early;
    size_t early_n;
    int fd = http_take_over(r, &early, &early_n);

    if (fd < 0) {
        log_error("cannot take a connection over: out of descriptors");
        frame_unref(&hello);
        mem_free(early);
        discard(h, c);
        return;
    }
    c->claim = (uint8_t)(claim - h->claim + 1);
    c->connected_ms = clock_wall_ms();
    conn_open(c, fd, hello, early, early_n);
    frame_unref(&hello);
    mem_free(early);
    if (c->expires_ms > 0)
        conn_expire_at(c, c->expires_ms, clock_wall_ms());
    ev.path = str_of(claim->def.path);
    ev.subprotocol = str_of(claim->def.subprotocol);
    ev.user = str_of(conn_user(c));
    chatd_raised_connected(&h->core.pub, &ev);
    conn_resume(c);
}

static void on_walked(chatd_plugin *self, int verdict, void *arg)
{
    struct upgrade_walk *walk = arg;
    struct host *h = host_of(self);
    struct conn *c = conn_get(&h->net, walk->conn);
    struct http_req *r = http_req_get(&h->http, walk->req);
    struct chatd_ev *ev = &walk->ev.ev;

    if (verdict == CHATD_NEXT && r != NULL && c != NULL && !h->stopping)
        chatd_raised_upgrade(self, &walk->ev);
    else if (verdict == CHATD_NEXT)
        chatd_ev_drop(self, ev);
    r = http_req_get(&h->http, walk->req); /* a handler may have answered it */
    if (verdict == CHATD_NEXT && r != NULL && c != NULL && !h->stopping) {
        open_connection(h, r, c, walk->claim);
    } else {
        if (c != NULL)
            discard(h, c);
        r = http_req_get(&h->http, walk->req);
        if (r != NULL && verdict == CHATD_DENY)
            http_reply_error(r, answer_status(ev->code.p), ev->code.p, ev->text.p, ev->retry_ms,
                             NULL, 0);
        else if (r != NULL)
            http_reply_error(r, 503, "unavailable", "The server stops.", 1000, NULL, 0);
    }
    mem_free(walk);
}

/* max_connections is for the whole server; those of the other workers count too. */
static bool is_full(struct host *h)
{
    if (h->net.conns.n_live + board_connections_elsewhere(h->board) < h->net.limits.max_connections)
        return false;
    h->net.count->refused_full++;
    return true;
}

static void on_upgrade(void *arg, struct http_req *r)
{
    struct host *h = arg;
    const struct ws_claim *claim =
        claim_find(h, r->path, http_req_header(r, "Sec-WebSocket-Protocol"));
    struct upgrade_walk *walk;
    int64_t refused;
    struct conn *c;

    if (claim == NULL) {
        http_reply_error(r, 404, "not_found", "No WebSocket is offered here.", 0, NULL, 0);
        return;
    }
    refused = h->net.count->refused_address;
    c = h->stopping || is_full(h) ? NULL : conn_new(&h->net, http_req_address(r));
    if (c == NULL && h->net.count->refused_address > refused) {
        http_reply_error(r, 429, "rate_limited", "Too many connections come from your address.",
                         5000, NULL, 0);
        return;
    }
    if (c == NULL) {
        http_reply_error(r, 503, "full", "The server takes no more connections now.", 5000, NULL,
                         0);
        return;
    }
    r->conn = c->id;
    walk = mem_alloc(sizeof(*walk));
    walk->req = r->id;
    walk->conn = c->id;
    walk->claim = claim;
    walk->ev.ev.size = sizeof(walk->ev);
    walk->ev.ev.conn.v = c->id;
    walk->ev.ev.req.v = r->id;
    walk->ev.path = str_of(claim->def.path);
    walk->ev.subprotocol = str_of(claim->def.subprotocol);
    walk->ev.ws_flags = claim->def.flags;
    chatd_raise_upgrade(&h->core.pub, &walk->ev, on_walked, walk);
}

/* --- messages ----------------------------------------------------------------------------------- */

static void handle(struct host *h, struct conn *c, int opcode, chatd_str data)
{
    const struct ws_claim *claim = claim_of(h, c);
    struct work_before before;

    if (claim == NULL)
        return;
    /* The core's own opens an envelope and calls who has the verb, which is what is to be marked. */
    if (claim->plugin == &h->core) {
        claim->def.handle(&h->core.pub, (chatd_conn){c->id}, (enum chatd_opcode)opcode, data);
        return;
    }
    before = work_enter(claim->plugin, WORK_SOCKET, c->id);
    claim->def.handle(&claim->plugin->pub, (chatd_conn){c->id}, (enum chatd_opcode)opcode, data);
    work_leave(h, before);
}

static void on_frame_walked(chatd_plugin *self, int verdict, void *arg)
{
    struct frame_walk *walk = arg;
    struct host *h = host_of(self);
    struct conn *c = conn_get(&h->net, walk->conn);

    if (verdict == CHATD_NEXT && c != NULL && c->state == CONN_OPEN) {
        handle(h, c, (int)walk->ev.opcode, walk->ev.data);
        chatd_raised_frame(self, &walk->ev);
    } else if (verdict == CHATD_NEXT) {
        chatd_ev_drop(self, &walk->ev.ev);
    } else if (c != NULL && c->state == CONN_OPEN) {
        conn_close(c, CHATD_CLOSE_FORBIDDEN, walk->ev.ev.text.p);
    }
    mem_free(walk);
}

static void on_message(void *arg, struct conn *c, int opcode, const char *data, size_t n)
{
    struct host *h = arg;
    struct frame_walk *walk;

    if (!hook_hooked(&h->core.pub, CHATD_EV_frame)) {
        handle(h, c, opcode, (chatd_str){data, n});
        return;
    }
    walk = mem_alloc(sizeof(*walk) + n + 1);
    memcpy(walk->data, data, n);
    walk->conn = c->id;
    walk->ev.ev.size = sizeof(walk->ev);
    walk->ev.ev.conn.v = c->id;
    walk->ev.data = (chatd_str){walk->data, n};
    walk->ev.opcode = (uint32_t)opcode;
    chatd_raise_frame(&h->core.pub, &walk->ev, on_frame_walked, walk);
}

/* --- the end ------------------------------------------------------------------------------------ */

static void on_closed(void *arg, struct conn *c, unsigned code, const char *reason)
{
    struct host *h = arg;
    struct chatd_ev_closed ev = {.ev = {.size = sizeof(ev), .conn = {c->id}}};

    wait_gone(h, c->id, 0);
    ev.user = str_of(conn_user(c));
    ev.reason = str_of(reason);
    ev.code = code;
    if (log_wants(LOG_L_DEBUG))
        log_debug("%s (%s) closed: %u %s", conn_user(c), conn_address(c), code, reason);
    chatd_raised_closed(&h->core.pub, &ev);
    drain_remove(c, NULL);
    slot_end_conn(h, c);
}

static void on_gone(void *arg, struct conn *c)
{
    wait_gone(arg, c->id, 0);
}

static void on_drained(void *arg, struct conn *c)
{
    drain_run(arg, c);
}

static void on_behind(void *arg, const struct net_behind *behind)
{
    channel_behind(arg, behind);
}

void upgrade_init(struct host *h)
{
    h->http.calls.upgrade = on_upgrade;
    h->http.calls.is_socket = is_socket;
    h->net.calls.message = on_message;
    h->net.calls.closed = on_closed;
    h->net.calls.gone = on_gone;
    h->net.calls.drained = on_drained;
    h->net.calls.behind = on_behind;
    h->net.calls.arg = h;
    chatd_on_upgrade(&h->core.pub, CHATD_CHANGE, check_identity);
}
