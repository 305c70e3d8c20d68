/* SPDX-License-Identifier: MIT */
/* Events that wait: a chain is parked until resume, its deadline, or the client's leaving. */
#include "host/host.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/work.h"

#include <string.h>

enum { WAIT_MAX_MS = 60000, WAITS_MAX = 1 << 16 };

struct wait {
    struct chain chain; /* where to go on, once parked */
    struct host *host;
    struct plugin *plugin; /* whose handler waits */
    uint64_t id, conn, req;
    void (*gone)(chatd_plugin *self, void *arg);
    void *arg;
    struct event *deadline;
    struct wait *next, **prev;
    bool parked, resolved;
    int verdict; /* when resolved before it was parked */
};

static void on_deadline(evutil_socket_t fd, short what, void *arg);

void wait_init(struct host *h)
{
    slab_init(&h->wait_slab, sizeof(struct wait), WAITS_MAX, h->opt.worker);
}

int wait_new(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
             void (*gone)(chatd_plugin *self, void *arg), void *arg, chatd_wait *wait_out)
{
    struct host *h = host_of(self);
    struct chain *ch = h->chain;
    struct timeval tv = {deadline_ms / 1000, deadline_ms % 1000 * 1000L};
    struct conn *c = conn_get(&h->net, ev->conn.v);
    struct wait *w;
    uint64_t id;

    if (wait_out == NULL)
        return CHATD_E_INVAL;
    if (ch == NULL || ch->ev != ev || ch->running != plugin_of(self) || ch->wait != NULL)
        return CHATD_E_STATE;
    if (ch->def->kind != CHATD_DECIDE_ASYNC || deadline_ms == 0 || deadline_ms > WAIT_MAX_MS)
        return CHATD_E_INVAL;
    w = slab_new(&h->wait_slab, &id);
    if (w == NULL)
        return CHATD_E_BUSY;
    w->host = h;
    w->plugin = plugin_of(self);
    w->id = id;
    w->conn = ev->conn.v;
    w->req = ev->req.v;
    w->gone = gone;
    w->arg = arg;
    w->chain = *ch; /* its event; where to go on is known when it is parked */
    w->deadline = evtimer_new(h->base, on_deadline, w);
    event_add(w->deadline, &tv);
    w->next = h->waits;
    w->prev = &h->waits;
    if (h->waits != NULL)
        h->waits->prev = &w->next;
    h->waits = w;
    if (c != NULL)
        conn_pause(c);
    ch->wait = w;
    wait_out->v = id;
    return CHATD_OK;
}

void wait_free(struct wait *w)
{
    struct host *h = w->host;
    struct conn *c = conn_get(&h->net, w->conn);

    *w->prev = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    event_free(w->deadline);
    slab_free(&h->wait_slab, w->id);
    /* Last: it may work through what came meanwhile. */
    if (c != NULL)
        conn_resume(c);
}

int wait_park(struct wait *w, struct chain *ch)
{
    int verdict = w->verdict;

    if (w->resolved) {
        wait_free(w);
        return verdict;
    }
    w->chain = *ch;
    w->parked = true;
    return CHATD_WAIT;
}

/* Goes on with a parked chain. The connection is let go last, so that its next message comes after
 * this one is through. */
static void go_on(struct wait *w, int verdict)
{
    struct chain ch = w->chain;

    w->parked = false;
    w->resolved = true;
    if (verdict == CHATD_DONE && ch.band == CHATD_CHECK) {
        log_error("%s resumed %s with DONE in CHECK: denied; this is a fault of the plugin",
                  w->plugin->name, ch.def->name);
        verdict =
            hook_deny(&w->plugin->pub, ch.ev, "internal", "A plugin of the server failed.", 0);
    }
    if (verdict == CHATD_DONE) {
        while (ch.index < ch.def->n_decide && ch.def->hook[ch.index].band == ch.band)
            ch.index++;
    }
    ch.wait = NULL;
    if (verdict != CHATD_DENY)
        verdict = hook_walk(w->host, &ch);
    if (verdict != CHATD_WAIT)
        hook_finish(&ch, verdict);
    wait_free(w);
}

int wait_resume(chatd_plugin *self, chatd_wait id, int verdict, const char *code, const char *text,
                uint32_t retry_ms)
{
    struct wait *w = slab_get(&host_of(self)->wait_slab, id.v);

    if (w == NULL || w->resolved || w->plugin != plugin_of(self))
        return CHATD_E_GONE;
    if (verdict != CHATD_NEXT && verdict != CHATD_DONE && verdict != CHATD_DENY)
        return CHATD_E_INVAL;
    if (verdict == CHATD_DENY)
        hook_deny(self, w->chain.ev, code != NULL ? code : "forbidden",
                  text != NULL ? text : "Refused.", retry_ms);
    if (!w->parked) {
        w->resolved = true;
        w->verdict = verdict;
        return CHATD_OK;
    }
    go_on(w, verdict);
    return CHATD_OK;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct wait *w = arg;

    (void)fd;
    (void)what;
    log_warn("%s did not resume %s by its deadline: denied", w->plugin->name, w->chain.def->name);
    hook_deny(&w->plugin->pub, w->chain.ev, "timeout", "The server took too long to decide.", 1000);
    go_on(w, CHATD_DENY);
}

static void abandon(struct wait *w)
{
    w->resolved = true; /* the wait is over: a resume in gone() is too late */
    if (w->gone != NULL) {
        struct work_before before = work_enter(w->plugin, WORK_GONE, w->conn);

        w->gone(&w->plugin->pub, w->arg);
        work_leave(w->host, before);
    }
    hook_deny(&w->plugin->pub, w->chain.ev, "gone", "The client left.", 0);
    go_on(w, CHATD_DENY);
}

/* Hooks before the one where a parked chain goes on were taken out of the array. */
void wait_shift(struct host *h, const struct event_def *def, size_t at)
{
    struct wait *w;

    for (w = h->waits; w != NULL; w = w->next) {
        if (w->parked && w->chain.def == def && w->chain.index > at)
            w->chain.index--;
    }
}

void wait_gone(struct host *h, uint64_t conn, uint64_t req)
{
    struct wait *w = h->waits;

    while (w != NULL) {
        if (w->parked && !w->resolved &&
            ((conn != 0 && w->conn == conn) || (req != 0 && w->req == req))) {
            abandon(w);
            w = h->waits; /* anything may have changed */
        } else {
            w = w->next;
        }
    }
}

void wait_remove(struct host *h, const struct plugin *p)
{
    struct wait *w = h->waits;

    while (w != NULL) {
        if (w->parked && !w->resolved && (w->plugin == p || w->chain.raiser == p)) {
            abandon(w);
            w = h->waits;
        } else {
            w = w->next;
        }
    }
}
