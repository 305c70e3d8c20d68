/* SPDX-License-Identifier: MIT */
/* chatd.v1 as far as the core knows it: the envelope {type, id, ...}, and verbs by name. */
#include "host/host.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/answer.h"
#include "host/envelope.h"
#include "host/metric.h"
#include "host/work.h"

#include <chatd/bucket.h>
#include <chatd/svc/auth.h>

#include <string.h>

/* --- answers ------------------------------------------------------------------------------------ */

int verb_send(struct host *h, uint64_t conn, const struct buf *text)
{
    struct conn *c = conn_get(&h->net, conn);
    struct frame *f;
    int rc;

    if (c == NULL || c->state != CONN_OPEN)
        return CHATD_E_GONE;
    f = frame_new(CHATD_TEXT, text->p, text->n);
    rc = conn_send(c, f, SEND_OR_CLOSE) < 0 ? CHATD_E_BUSY : CHATD_OK;
    frame_unref(&f);
    return rc;
}

int verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members)
{
    struct buf out = {0};
    int rc;

    if (id.n == 0)
        return CHATD_OK;
    answer_ack(&out, id, members);
    rc = verb_send(host_of(self), conn.v, &out);
    buf_deinit(&out);
    return rc;
}

int verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
               const char *message, uint32_t retry_ms)
{
    struct buf out = {0};
    int rc;

    answer_error(&out, id, code, message, retry_ms);
    rc = verb_send(host_of(self), conn.v, &out);
    buf_deinit(&out);
    return rc;
}

/* --- the envelope ------------------------------------------------------------------------------- */

static const struct verb *find(const struct host *h, chatd_str type)
{
    size_t i;

    for (i = 0; i < h->n_verbs; i++) {
        if (strlen(h->verb[i].def.name) == type.n &&
            memcmp(h->verb[i].def.name, type.p, type.n) == 0)
            return &h->verb[i];
    }
    return NULL;
}

/* What a connection may still ask, and how many refusals it may still ignore: chatd/bucket.h. */
struct pace {
    int64_t requests, patience;
};

enum { PATIENCE = 100 };

/* True: it asks too much, and was told. Who goes on without waiting is closed. */
static bool over_rate(struct host *h, chatd_conn conn, chatd_str id)
{
    struct pace *pace = slot_block(&h->core.pub, h->verb_slot, conn.v);
    int64_t rate = h->opt.verb_rate, now = clock_mono_ms();
    uint32_t retry_ms;

    if (pace == NULL ||
        (retry_ms = chatd_bucket_take(&pace->requests, rate, 2 * rate, 1, now)) == 0)
        return false;
    h->values->rate_limited++;
    if (chatd_bucket_take(&pace->patience, (rate + 3) / 4, PATIENCE + 4 * rate, 1, now) == 0) {
        verb_error(&h->core.pub, conn, id, "rate_limited", "Too many messages.", retry_ms);
    } else {
        chatd_conn_close(&h->core.pub, conn, CHATD_CLOSE_TOO_MANY, "too many messages");
    }
    return true;
}

/* A message that no handler gets counts as one, and is no cheaper for who sends it. */
static void refuse(struct host *h, chatd_conn conn, chatd_str id, const char *code,
                   const char *text)
{
    if (!over_rate(h, conn, id))
        verb_error(&h->core.pub, conn, id, code, text, 0);
}

static void dispatch(struct host *h, chatd_conn conn, const struct chatd_verb_call *call)
{
    const struct verb *v = find(h, call->type);
    struct conn *c = conn_get(&h->net, conn.v);

    if (v == NULL) {
        refuse(h, conn, call->id, "unknown_type", "No such message type here.");
    } else if (call->json.n > v->def.max_body) {
        refuse(h, conn, call->id, "too_large", "This message is too large.");
    } else if ((v->def.flags & CHATD_VERB_LOGIN) && conn_user(c) == NULL &&
               service_loaded(h, CHATD_AUTH_SERVICE)) {
        refuse(h, conn, call->id, "unauthorized", "Sign in first.");
    } else if (!(v->def.flags & CHATD_VERB_RATE) || !over_rate(h, conn, call->id)) {
        struct work_before before = work_enter(v->plugin, WORK_VERB, conn.v);

        v->def.handle(&v->plugin->pub, call);
        work_leave(h, before);
    }
}

static void on_v1_message(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode,
                          chatd_str data)
{
    struct envelope envelope;
    const char *why;

    if (opcode != CHATD_TEXT) {
        chatd_conn_close(self, conn, CHATD_CLOSE_UNSUPPORTED, "text frames only");
        return;
    }
    why = envelope_open(data, &envelope);
    if (why != NULL) {
        char *text = mem_printf("Not understood: %s.", why);

        refuse(host_of(self), conn, envelope.id, "bad_request", text);
        mem_free(text);
    } else {
        dispatch(host_of(self), conn,
                 &(struct chatd_verb_call){.size = sizeof(struct chatd_verb_call),
                                           .conn = conn,
                                           .type = envelope.type,
                                           .id = envelope.id,
                                           .json = data});
    }
    envelope_close(&envelope);
}

/* --- registration ------------------------------------------------------------------------------- */

static bool name_ok(const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) <= ENVELOPE_ID_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

int verb_add(chatd_plugin *self, const struct chatd_verb_def *in)
{
    struct host *h = host_of(self);
    struct chatd_verb_def def;
    const struct verb *other;
    int rc = host_registration(self, "a verb", in, sizeof(def), &def, sizeof(def));

    if (rc < 0)
        return rc;
    if (!name_ok(def.name) || def.handle == NULL) {
        log_error("%s adds a verb whose name is not made of a-z 0-9 . _ - or that has no handler",
                  plugin_of(self)->name);
        return CHATD_E_INVAL;
    }
    other = find(h, (chatd_str){def.name, strlen(def.name)});
    if (other != NULL) {
        log_error("%s adds the verb %s, which is %s's", plugin_of(self)->name, def.name,
                  other->plugin->name);
        return CHATD_E_EXISTS;
    }
    h->verb = mem_realloc(h->verb, (h->n_verbs + 1) * sizeof(*h->verb));
    h->verb[h->n_verbs++] = (struct verb){plugin_of(self), def};
    return CHATD_OK;
}

void verb_remove(struct host *h, const struct plugin *p)
{
    size_t i, kept = 0;

    for (i = 0; i < h->n_verbs; i++) {
        if (h->verb[i].plugin != p)
            h->verb[kept++] = h->verb[i];
    }
    h->n_verbs = kept;
}

void verb_init(struct host *h)
{
    static const struct chatd_ws_def claim = {.size = sizeof(claim),
                                              .path = "/ws",
                                              .subprotocol = V1_SUBPROTOCOL,
                                              .handle = on_v1_message};

    claim_add(&h->core.pub, &claim);
    slot_add(&h->core.pub, CHATD_SLOT_CONN, sizeof(struct pace), NULL, &h->verb_slot);
}
