/* SPDX-License-Identifier: MIT */
/* The test as the owner of events: what became of each. */
#include "host.h"

struct outcome {
    struct testhost_outcome pub; /* first */
    struct outcome *next;
    struct testhost *t;
    uint32_t event;
    struct chatd_ev *ev;
    struct loan loan; /* the payload, and what is behind it */
    char *code, *text;
    bool is_message, in_call;
};

static struct outcome *outcome_new(struct testhost *t, uint32_t event)
{
    struct outcome *o = mem_alloc(sizeof(*o));

    *o = (struct outcome){.pub = {.verdict = CHATD_WAIT, .code = "", .text = ""},
                          .next = t->outcomes,
                          .t = t,
                          .event = event};
    t->outcomes = o;
    return o;
}

static void keep_denial(struct outcome *o)
{
    o->code = mem_strndup(o->ev->code.p, o->ev->code.n);
    o->text = mem_strndup(o->ev->text.p, o->ev->text.n);
    o->pub.code = o->code;
    o->pub.text = o->text;
    o->pub.retry_ms = o->ev->retry_ms;
}

static void commit_message(struct outcome *o)
{
    struct chatd_ev_message *message = (struct chatd_ev_message *)o->ev;

    o->text = mem_strndup(message->text.p, message->text.n);
    o->pub.text = o->text;
    message->seq = ++o->t->seq;
    message->ts = o->t->wall_ms;
}

static void settled(struct walk *walk, int verdict)
{
    struct outcome *o = walk->arg;

    o->pub.verdict = verdict;
    if (verdict == CHATD_DENY) {
        keep_denial(o);
        event_drop(o->ev);
    } else {
        if (o->is_message)
            commit_message(o);
        walk_watch(o->t, o->event, o->ev);
    }
    walk_free(walk);
    if (!o->in_call)
        loan_end(o->t, &o->loan);
}

static const struct testhost_outcome *decide(struct outcome *o, void *back, size_t size)
{
    struct testhost *t = o->t;

    if (!may_play(t, "raises an event")) {
        o->pub.verdict = CHATD_DENY;
        return &o->pub;
    }
    o->in_call = true;
    if (event_kind(t, o->event) == CHATD_NOTIFY) {
        o->pub.verdict = CHATD_NEXT;
        walk_watch(t, o->event, o->ev);
    } else {
        walk_begin(t, o->event, o->ev, settled, o);
    }
    if (o->pub.verdict != CHATD_WAIT && back != NULL) {
        memcpy(back, o->ev, size);
        ((struct chatd_ev *)back)->core = NULL;
    }
    if (o->pub.verdict != CHATD_WAIT)
        loan_end(t, &o->loan);
    o->in_call = false;
    testhost_turn(t);
    return &o->pub;
}

const struct testhost_outcome *testhost_raise(struct testhost *t, uint32_t event, void *ev)
{
    struct outcome *o = outcome_new(t, event);
    size_t size = ((const struct chatd_ev *)ev)->size;

    if (size < sizeof(struct chatd_ev) || size > CHATD_RECORD_MAX) {
        fault(t, "the test raises %s with a size of %zu; write .ev.size = sizeof(it)",
              event_name(t, event), size);
        o->pub.verdict = CHATD_DENY;
        return &o->pub;
    }
    o->ev = lend(&o->loan, ev, size);
    return decide(o, ev, size);
}

const struct testhost_outcome *testhost_say(struct testhost *t, chatd_conn conn, const char *room,
                                            const char *text)
{
    struct outcome *o = outcome_new(t, CHATD_EV_message);
    const struct conn *c = conn_of(t, conn.v);
    struct chatd_ev_message message = {.ev = {.size = sizeof(message), .conn = conn}};

    o->is_message = true;
    message.room = lend_str(&o->loan, room);
    message.user = lend_str(&o->loan, c != NULL ? c->user : NULL);
    message.cid = lend_str(&o->loan, NULL);
    message.text = lend_str(&o->loan, text);
    o->ev = lend(&o->loan, &message, sizeof(message));
    return decide(o, NULL, 0);
}

void event_free(struct testhost *t)
{
    struct outcome *o;
    struct walk *walk;

    while ((walk = t->walks) != NULL) {
        t->walks = walk->next;
        if (walk->plugin_done == NULL)
            event_drop(walk->ev);
        mem_free(walk);
    }
    while ((o = t->outcomes) != NULL) {
        t->outcomes = o->next;
        loan_end(t, &o->loan);
        mem_free(o->code);
        mem_free(o->text);
        mem_free(o);
    }
    table_free(&t->waits);
    mem_free(t->hook);
}
