/* SPDX-License-Identifier: MIT */
/* Events: registration, order, and the walk over a flat array of handlers. */
#include "host/host.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/nearest.h"
#include "host/metric.h"
#include "host/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EV_ALLOC_MAX = 1 << 20, NAMED_FIRST = 1000 };

/* What handlers attached to an event: lives until the owner is done with it. */
struct scratch {
    struct scratch *next;
    size_t bytes; /* of all blocks so far; counted in the first one of the list */
    max_align_t data[];
};

static struct event_def *find(const struct host *h, uint32_t id)
{
    size_t i;

    if (id > 0 && id < CHATD_EV_END)
        return &h->event[id - 1];
    for (i = CHATD_EV_END - 1; i < h->n_events; i++) {
        if (h->event[i].id == id)
            return &h->event[i];
    }
    return NULL;
}

static struct event_def *add_event(struct host *h, const char *name, uint32_t id, uint32_t kind,
                                   const char *owner)
{
    struct event_def *def;

    h->event = mem_realloc(h->event, (h->n_events + 1) * sizeof(*h->event));
    def = &h->event[h->n_events++];
    memset(def, 0, sizeof(*def));
    def->name = mem_strdup(name);
    def->id = id;
    def->kind = kind;
    def->owner = owner;
    return def;
}

void hook_init(struct host *h)
{
#define ADD(id, name, payload, kind, owner) add_event(h, #name, id, CHATD_##kind, owner);
    CHATD_EVENTS(ADD)
#undef ADD
}

void hook_deinit(struct host *h)
{
    size_t i;

    for (i = 0; i < h->n_events; i++) {
        mem_free(h->event[i].name);
        mem_free(h->event[i].hook);
    }
    mem_free(h->event);
}

/* --- registration ------------------------------------------------------------------------------- */

int hook_on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn)
{
    struct host *h = host_of(self);
    struct event_def *def = find(h, event);

    if (!host_may_register(self, "a hook"))
        return CHATD_E_STATE;
    if (def == NULL || fn == NULL || band < CHATD_CHECK || band > CHATD_WATCH ||
        (def->owner != NULL && def->kind == CHATD_NOTIFY && band != CHATD_WATCH)) {
        log_error("%s hooks event %u (%s) in band %d%s: this chatd does not have that",
                  plugin_of(self)->name, event, def != NULL ? def->name : "unknown", band,
                  fn == NULL ? " without a handler" : "");
        return CHATD_E_INVAL;
    }
    def->hook = mem_realloc(def->hook, (def->n + 1) * sizeof(*def->hook));
    def->hook[def->n++] = (struct hook){.thunk = thunk,
                                        .fn = fn,
                                        .plugin = plugin_of(self),
                                        .band = band,
                                        .registered = h->n_hooks++,
                                        .rank = UINT32_MAX};
    return CHATD_OK;
}

int hook_event_named(chatd_plugin *self, const char *name, uint32_t kind, int define,
                     uint32_t *event_out)
{
    struct host *h = host_of(self);
    struct event_def *def = NULL;
    size_t i;

    if (!host_may_register(self, "an event"))
        return CHATD_E_STATE;
    if (name == NULL || strchr(name, '.') == NULL || strchr(name, '/') == NULL ||
        kind > CHATD_DECIDE_ASYNC || event_out == NULL)
        return CHATD_E_INVAL;
    for (i = CHATD_EV_END - 1; i < h->n_events; i++) {
        if (strcmp(h->event[i].name, name) == 0)
            def = &h->event[i];
    }
    if (def == NULL)
        def = add_event(h, name, NAMED_FIRST + (uint32_t)h->n_events, CHATD_DECIDE_ASYNC, NULL);
    if (define) {
        if (def->definer != NULL)
            return CHATD_E_EXISTS;
        def->definer = plugin_of(self);
        def->kind = kind;
    }
    *event_out = def->id;
    return CHATD_OK;
}

/* Who is under way in this event goes on with the same hook as before. */
static void shift_chains(struct host *h, const struct event_def *def, size_t at)
{
    struct chain *ch;

    for (ch = h->chain; ch != NULL; ch = ch->up) {
        if (ch->def == def && ch->index > at)
            ch->index--;
    }
    wait_shift(h, def, at);
}

void hook_remove(struct host *h, const struct plugin *p)
{
    size_t e, i, kept;

    for (e = 0; e < h->n_events; e++) {
        struct event_def *def = &h->event[e];

        for (i = kept = 0; i < def->n; i++) {
            if (def->hook[i].plugin != p)
                def->hook[kept++] = def->hook[i];
            else
                shift_chains(h, def, kept);
        }
        def->n = kept;
        for (def->n_decide = 0; def->n_decide < kept; def->n_decide++) {
            if (def->hook[def->n_decide].band == CHATD_WATCH)
                break;
        }
        if (def->definer == p)
            def->definer = NULL;
    }
}

/* Band first, then the INI's rank, then the order of needs, then registration. The core's own come
 * first in their band whatever the INI says. */
static int by_order(const void *a, const void *b)
{
    const struct hook *x = a, *y = b;
    const uint32_t key[][2] = {{(uint32_t)x->band, (uint32_t)y->band},
                               {x->plugin->order > 0, y->plugin->order > 0},
                               {x->rank, y->rank},
                               {x->plugin->order, y->plugin->order},
                               {x->registered, y->registered}};
    size_t i;

    for (i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
        if (key[i][0] != key[i][1])
            return key[i][0] < key[i][1] ? -1 : 1;
    }
    return 0;
}

static const char *event_at(void *ctx, size_t i)
{
    return ((const struct host *)ctx)->event[i].name;
}

static void complain_of_event(struct host *h, const struct config_item *item)
{
    const char *near = config_nearest(item->key, event_at, h, h->n_events);

    if (near != NULL)
        log_error("%s: [hooks] has no event \"%s\"; did you mean \"%s\"?", item->origin, item->key,
                  near);
    else
        log_error("%s: [hooks] has no event \"%s\"", item->origin, item->key);
}

/* A line of [hooks]: event = plugin, plugin, ... */
static unsigned apply_rank(struct host *h, const struct config_item *item)
{
    struct event_def *def = NULL;
    const char *p = item->value;
    uint32_t rank = 0;
    unsigned errors = 0;
    size_t i;

    for (i = 0; i < h->n_events; i++) {
        if (strcmp(h->event[i].name, item->key) == 0)
            def = &h->event[i];
    }
    if (def == NULL) {
        complain_of_event(h, item);
        return 1;
    }
    while (*(p += strspn(p, ", \t")) != '\0') {
        size_t n = strcspn(p, ", \t");
        bool found = false;

        for (i = 0; i < def->n; i++) {
            if (strlen(def->hook[i].plugin->name) == n &&
                memcmp(def->hook[i].plugin->name, p, n) == 0) {
                def->hook[i].rank = rank;
                found = true;
            }
        }
        if (!found) {
            log_error("%s: [hooks] %s names \"%.*s\", which does not hook that event", item->origin,
                      item->key, (int)n, p);
            errors++;
        }
        rank++;
        p += n;
    }
    return errors;
}

/* Where its handlers are counted and how they are named when one of them does not return. */
static void mark(struct host *h, uint32_t event)
{
    struct event_def *def = &h->event[event];
    size_t i;

    seat_event(h->seat, event, def->name);
    for (i = 0; i < def->n; i++) {
        struct hook *hk = &def->hook[i];

        hk->work = work_pack(WORK_HOOK, event, hk->plugin->row);
        hk->spent = metric_hook(h, hk->plugin, def->name);
    }
}

static struct plugin *raiser_of(struct host *h, const struct event_def *def)
{
    const struct offer *o;

    if (def->owner == NULL)
        return def->definer;
    if (strcmp(def->owner, "core") == 0)
        return &h->core;
    o = service_picked(h, def->owner);
    return o != NULL ? o->provider : NULL;
}

/* Asked for with every event that is raised, hence kept. */
void hook_find_raisers(struct host *h)
{
    for (size_t i = 0; i < h->n_events; i++)
        h->event[i].raiser = raiser_of(h, &h->event[i]);
}

unsigned hook_freeze(struct host *h)
{
    struct config_item item[64];
    size_t n = config_items(h->config, "hooks", item, 64), i;
    unsigned errors = 0;

    for (i = 0; i < n && i < 64; i++)
        errors += apply_rank(h, &item[i]);
    for (i = 0; i < h->n_events; i++) {
        struct event_def *def = &h->event[i];

        if (def->n > 1)
            qsort(def->hook, def->n, sizeof(*def->hook), by_order);
        for (def->n_decide = 0; def->n_decide < def->n; def->n_decide++) {
            if (def->hook[def->n_decide].band == CHATD_WATCH)
                break;
        }
        mark(h, (uint32_t)i);
    }
    hook_find_raisers(h);
    h->frozen = true;
    return errors;
}

void hook_print(const struct host *h)
{
    static const char *const band[] = {"CHECK", "CHANGE", "WATCH"};
    size_t e, i;

    for (e = 0; e < h->n_events; e++) {
        for (i = 0; i < h->event[e].n; i++)
            printf("%-12s %-7s %s\n", h->event[e].name, band[h->event[e].hook[i].band],
                   h->event[e].hook[i].plugin->name);
    }
}

/* --- memory of an event ------------------------------------------------------------------------- */

static void *attach(struct chatd_ev *ev, size_t n, size_t counted)
{
    struct scratch *s = mem_alloc(sizeof(*s) + n), *first = ev->core;

    s->next = first;
    s->bytes = (first != NULL ? first->bytes : 0) + counted;
    ev->core = s;
    return s->data;
}

void *hook_ev_alloc(chatd_plugin *self, struct chatd_ev *ev, size_t n)
{
    const struct scratch *first = ev->core;
    size_t total = first != NULL ? first->bytes : 0;

    (void)self;
    if (n > EV_ALLOC_MAX || total + n > EV_ALLOC_MAX)
        return NULL;
    return attach(ev, n, n);
}

void hook_ev_drop(chatd_plugin *self, struct chatd_ev *ev)
{
    struct scratch *s = ev->core;

    (void)self;
    while (s != NULL) {
        struct scratch *next = s->next;

        mem_free(s);
        s = next;
    }
    ev->core = NULL;
}

/* Not counted: a denial must say why however much the handlers took. */
static chatd_str keep(struct chatd_ev *ev, const char *text)
{
    size_t n = strlen(text);
    char *copy = attach(ev, n + 1, 0);

    memcpy(copy, text, n + 1);
    return (chatd_str){copy, n};
}

int hook_deny(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
              uint32_t retry_ms)
{
    (void)self;
    ev->code = keep(ev, code != NULL ? code : "forbidden");
    ev->text = keep(ev, text != NULL ? text : "Refused.");
    ev->retry_ms = retry_ms;
    return CHATD_DENY;
}

/* --- the walk ----------------------------------------------------------------------------------- */

/* The one place where a handler is called. */
static int call(struct host *h, const struct event_def *def, struct hook *hk, struct chatd_ev *ev)
{
    int64_t began = clock_mono_ns(), took;
    struct work_before before =
        work_enter_at(h, hk->work, ev->conn.v, h->seat->work == 0 ? began / 1000000 : 0);
    int verdict = hk->thunk(hk->fn, &hk->plugin->pub, ev);

    work_leave(h, before);
    took = clock_mono_ns() - began;
    hk->spent[0]++;
    hk->spent[1] += took;
    if (took > h->opt.slow_hook_ms * 1000000)
        log_warn("%s took %lld ms in %s; everybody waited (slow_hook)", hk->plugin->name,
                 (long long)(took / 1000000), def->name);
    return verdict;
}

static int fault(struct chain *ch, const struct hook *hk, const char *what)
{
    log_error("%s %s in %s: denied; this is a fault of the plugin", hk->plugin->name, what,
              ch->def->name);
    return hook_deny(&hk->plugin->pub, ch->ev, "internal", "A plugin of the server failed.", 0);
}

/* Takes one handler's verdict: NEXT goes on, DENY and WAIT end this walk. */
static int settle(struct chain *ch, const struct hook *hk, int verdict)
{
    struct wait *w = ch->wait;

    ch->wait = NULL;
    if (verdict == CHATD_WAIT) {
        if (w == NULL || ch->def->kind != CHATD_DECIDE_ASYNC)
            return fault(ch, hk, "waits without chatd_ev_wait()");
        verdict = wait_park(w, ch);
        if (verdict == CHATD_WAIT)
            return verdict;
    } else if (w != NULL) {
        wait_free(w);
        return fault(ch, hk, "called chatd_ev_wait() and did not wait");
    }
    if (verdict == CHATD_DONE) {
        if (hk->band == CHATD_CHECK)
            return fault(ch, hk, "returned DONE in CHECK");
        while (ch->index < ch->def->n_decide && ch->def->hook[ch->index].band == hk->band)
            ch->index++;
        return CHATD_NEXT;
    }
    if (verdict == CHATD_DENY && ch->ev->code.n == 0)
        return hook_deny(&hk->plugin->pub, ch->ev, "forbidden", "Refused.", 0);
    if (verdict != CHATD_NEXT && verdict != CHATD_DENY)
        return fault(ch, hk, "returned a verdict that does not exist");
    return verdict;
}

int hook_walk(struct host *h, struct chain *ch)
{
    int verdict = CHATD_NEXT;

    ch->up = h->chain;
    h->chain = ch;
    while (verdict == CHATD_NEXT && ch->index < ch->def->n_decide) {
        struct hook *hk = &ch->def->hook[ch->index++];

        ch->running = hk->plugin;
        ch->band = hk->band;
        verdict = settle(ch, hk, call(h, ch->def, hk, ch->ev));
    }
    h->chain = ch->up;
    return verdict;
}

static void tell_verdict(const struct chain *ch, int verdict)
{
    struct host *h = ch->raiser->host;
    uint32_t event = (uint32_t)(ch->def - h->event);
    struct work_before before;

    if (ch->raiser == &h->core) { /* whose plugins are marked where they are called */
        ch->done(&h->core.pub, verdict, ch->arg);
        return;
    }
    before = work_enter_at(h, work_pack(WORK_VERDICT, event, ch->raiser->row), ch->ev->conn.v,
                           h->seat->work == 0 ? clock_mono_ms() : 0);

    ch->done(&ch->raiser->pub, verdict, ch->arg);
    work_leave(h, before);
}

void hook_finish(struct chain *ch, int verdict)
{
    struct chatd_ev *ev = ch->ev;
    chatd_plugin *self = &ch->raiser->pub;

    if (verdict == CHATD_DENY) {
        /* The owner may free the payload in done(): what is attached to it goes right after, by a
         * pointer taken before. */
        struct chatd_ev tail = {.core = ev->core};

        ev->core = NULL; /* a drop in done(), which is not asked for, finds nothing */
        tell_verdict(ch, CHATD_DENY);
        hook_ev_drop(self, &tail);
        return;
    }
    tell_verdict(ch, CHATD_NEXT);
}

int hook_raise(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
               void (*done)(chatd_plugin *self, int verdict, void *arg), void *arg)
{
    struct host *h = host_of(self);
    struct event_def *def = find(h, event);
    struct chain ch = {.def = def, .ev = ev, .done = done, .arg = arg, .raiser = plugin_of(self)};
    int verdict;

    /* Before the hooks are sorted there is no order to walk in, and the array may still move. */
    if (!h->frozen || def == NULL || def->raiser != plugin_of(self))
        return CHATD_E_STATE;
    ev->core = NULL;
    verdict = hook_walk(h, &ch);
    if (verdict != CHATD_WAIT)
        hook_finish(&ch, verdict);
    return CHATD_OK;
}

int hook_raised(chatd_plugin *self, uint32_t event, struct chatd_ev *ev)
{
    struct host *h = host_of(self);
    struct event_def *def = find(h, event);
    size_t i;

    if (!h->frozen || def == NULL || def->raiser != plugin_of(self))
        return CHATD_E_STATE;
    for (i = def->n_decide; i < def->n; i++)
        call(h, def, &def->hook[i], ev);
    hook_ev_drop(self, ev);
    return CHATD_OK;
}

int hook_hooked(chatd_plugin *self, uint32_t event)
{
    const struct event_def *def = find(host_of(self), event);

    return def != NULL && def->n > 0;
}
