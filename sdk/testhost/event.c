/* SPDX-License-Identifier: MIT */
/* Hooks and the walk over them, by the rules of the core. */
#include "host.h"

enum { EV_ALLOC_MAX = 1 << 20, NAMED_FIRST = 1000 };

/* What handlers attached to an event. */
struct scratch {
    struct scratch *next;
    size_t bytes; /* of all so far */
    max_align_t data[];
};

static const struct {
    const char *name, *owner;
    uint32_t kind;
} events[] = {
#define ROW(id, name, payload, kind, owner) [id] = {#name, owner, CHATD_##kind},
    CHATD_EVENTS(ROW)
#undef ROW
};

static bool is_listed(uint32_t event)
{
    return event > 0 && event < CHATD_EV_END;
}

static bool is_named(const struct testhost *t, uint32_t event)
{
    return event >= NAMED_FIRST && event < NAMED_FIRST + t->n_events;
}

/* Of a plugin's own event the kind is the name's value, or DECIDE_ASYNC while nobody defined it. */
uint32_t event_kind(struct testhost *t, uint32_t event)
{
    if (is_listed(event))
        return events[event].kind;
    return is_named(t, event) && t->event[event - NAMED_FIRST].value > 0
               ? (uint32_t)t->event[event - NAMED_FIRST].value - 1
               : (uint32_t)CHATD_DECIDE_ASYNC;
}

const char *event_name(struct testhost *t, uint32_t event)
{
    if (is_listed(event))
        return events[event].name;
    return is_named(t, event) ? t->event[event - NAMED_FIRST].name : "?";
}

uint32_t event_of_name(struct testhost *t, const char *name)
{
    for (uint32_t i = 1; i < CHATD_EV_END; i++) {
        if (strcmp(events[i].name, name) == 0)
            return i;
    }
    for (size_t i = 0; i < t->n_events; i++) {
        if (strcmp(t->event[i].name, name) == 0)
            return NAMED_FIRST + (uint32_t)i;
    }
    t->event = mem_grow(t->event, t->n_events, sizeof(*t->event));
    t->event[t->n_events] = (struct named){.name = mem_strdup(name)};
    return NAMED_FIRST + (uint32_t)t->n_events++;
}

/* --- registration --------------------------------------------------------------------------------- */

void hook_add(struct testhost *t, const struct hook *hook)
{
    t->hook = mem_grow(t->hook, t->n_hooks, sizeof(*t->hook));
    t->hook[t->n_hooks++] = *hook;
}

/* By event and band; otherwise as they came. */
void hook_freeze(struct testhost *t)
{
    for (size_t i = 1; i < t->n_hooks; i++) {
        struct hook hook = t->hook[i];
        size_t at = i;

        while (at > 0 &&
               (t->hook[at - 1].event > hook.event ||
                (t->hook[at - 1].event == hook.event && t->hook[at - 1].band > hook.band))) {
            t->hook[at] = t->hook[at - 1];
            at--;
        }
        t->hook[at] = hook;
    }
    t->is_frozen = true;
}

bool event_hooked(struct testhost *t, uint32_t event)
{
    for (size_t i = 0; i < t->n_hooks; i++) {
        if (t->hook[i].event == event)
            return true;
    }
    return false;
}

int on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn)
{
    struct testhost *t = host_of(self);

    if (!may_register(self, "a hook"))
        return CHATD_E_STATE;
    if ((!is_listed(event) && !is_named(t, event)) || fn == NULL || band < CHATD_CHECK ||
        band > CHATD_WATCH ||
        (is_listed(event) && events[event].kind == CHATD_NOTIFY && band != CHATD_WATCH)) {
        fault(t, "hooks what is no event, or in a band that %s does not have",
              event_name(t, event));
        return CHATD_E_INVAL;
    }
    hook_add(t, &(struct hook){.event = event, .band = band, .thunk = thunk, .fn = fn});
    return CHATD_OK;
}

int event_named(chatd_plugin *self, const char *name, uint32_t kind, int define,
                uint32_t *event_out)
{
    struct testhost *t = host_of(self);

    if (!may_register(self, "an event"))
        return CHATD_E_STATE;
    if (name == NULL || strchr(name, '.') == NULL || strchr(name, '/') == NULL ||
        kind > CHATD_DECIDE_ASYNC || event_out == NULL) {
        fault(t, "names an event \"%s\"; write vendor.event/1", name != NULL ? name : "");
        return CHATD_E_INVAL;
    }
    *event_out = event_of_name(t, name);
    struct named *named = &t->event[*event_out - NAMED_FIRST];

    if (define && named->value > 0)
        return CHATD_E_EXISTS;
    if (define)
        named->value = (int64_t)kind + 1;
    return CHATD_OK;
}

int hooked(chatd_plugin *self, uint32_t event)
{
    return event_hooked(loop_of(self, "chatd_hooked"), event);
}

void testhost_hook(struct testhost *t, const char *name, enum chatd_band band, testhost_hook_fn fn,
                   void *arg)
{
    if (t->is_frozen)
        fault(t, "testhost_hook() comes before testhost_start()");
    if (strchr(name, '/') == NULL && event_of_name(t, name) >= NAMED_FIRST)
        fault(t, "testhost_hook() names \"%s\", which is no event", name);
    hook_add(t, &(struct hook){
                    .event = event_of_name(t, name), .band = (int)band, .test = fn, .arg = arg});
}

/* --- memory of an event --------------------------------------------------------------------------- */

static void *attach(struct chatd_ev *ev, size_t n, size_t counted)
{
    struct scratch *s = mem_alloc(sizeof(*s) + n), *first = ev->core;

    s->next = first;
    s->bytes = (first != NULL ? first->bytes : 0) + counted;
    ev->core = s;
    return s->data;
}

void event_drop(struct chatd_ev *ev)
{
    struct scratch *s;

    while ((s = ev->core) != NULL) {
        ev->core = s->next;
        mem_free(s);
    }
}

void *ev_alloc(chatd_plugin *self, struct chatd_ev *ev, size_t n)
{
    struct testhost *t = loop_of(self, "chatd_ev_alloc");
    const struct scratch *first = ev->core;
    size_t total = first != NULL ? first->bytes : 0;

    if (t->innermost != NULL && t->innermost->runs_plugin && t->innermost->band == CHATD_CHECK)
        fault(t, "attaches memory to %s in CHECK, where nothing may be changed",
              event_name(t, t->innermost->event));
    return n > EV_ALLOC_MAX || total + n > EV_ALLOC_MAX ? NULL : attach(ev, n, n);
}

static chatd_str keep(struct chatd_ev *ev, const char *text)
{
    size_t n = strlen(text);

    return (chatd_str){memcpy(attach(ev, n + 1, 0), text, n + 1), n};
}

int event_deny(struct chatd_ev *ev, const char *code, const char *text, uint32_t retry_ms)
{
    ev->code = keep(ev, code != NULL ? code : "forbidden");
    ev->text = keep(ev, text != NULL ? text : "Refused.");
    ev->retry_ms = retry_ms;
    return CHATD_DENY;
}

int deny(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
         uint32_t retry_ms)
{
    loop_of(self, "chatd_deny");
    return event_deny(ev, code, text, retry_ms);
}

int testhost_deny(struct testhost *t, struct chatd_ev *ev, const char *code, const char *text)
{
    (void)t;
    return event_deny(ev, code, text, 0);
}

/* --- the walk ------------------------------------------------------------------------------------- */

static int faulty(struct walk *walk, const char *what)
{
    fault(walk->t, "%s in %s", what, event_name(walk->t, walk->event));
    return event_deny(walk->ev, "internal", "A plugin of the server failed.", 0);
}

/* What a CHECK handler may not touch: the payload behind its head, but for what signal asks for. */
static void *payload_copy(const struct walk *walk)
{
    size_t n = walk->ev->size - sizeof(*walk->ev);

    return memcpy(mem_alloc(n), walk->ev + 1, n);
}

static bool payload_same(const struct walk *walk, const void *copy)
{
    size_t n = walk->ev->size - sizeof(*walk->ev);

    if (walk->event == CHATD_EV_signal)
        n = offsetof(struct chatd_ev_signal, claimed) - sizeof(*walk->ev);
    return memcmp(walk->ev + 1, copy, n) == 0;
}

static int call_plugin(struct walk *walk, const struct hook *hook)
{
    struct testhost *t = walk->t;
    void *before = NULL;
    int verdict;

    if (hook->band == CHATD_CHECK && walk->ev->size >= sizeof(*walk->ev))
        before = payload_copy(walk);
    enter(t);
    verdict = hook->thunk(hook->fn, &t->plugin.pub, walk->ev);
    leave(t);
    if (before != NULL && !payload_same(walk, before))
        fault(t, "changed the payload of %s in CHECK", event_name(t, walk->event));
    mem_free(before);
    return verdict;
}

static int call(struct walk *walk, const struct hook *hook)
{
    walk->band = hook->band;
    walk->runs_plugin = hook->test == NULL;
    return walk->runs_plugin ? call_plugin(walk, hook) : hook->test(walk->t, walk->ev, hook->arg);
}

static void skip_band(struct walk *walk, int band)
{
    const struct testhost *t = walk->t;

    while (walk->index < t->n_hooks && t->hook[walk->index].event == walk->event &&
           t->hook[walk->index].band == band)
        walk->index++;
}

/* NEXT goes on; DENY and WAIT end this walk. */
static int settle(struct walk *walk, const struct hook *hook, int verdict)
{
    struct wait *wait = walk->wait;

    walk->wait = NULL;
    if (verdict == CHATD_WAIT) {
        if (event_kind(walk->t, walk->event) != CHATD_DECIDE_ASYNC)
            return faulty(walk, "waits where nobody can");
        if (hook->test != NULL) {
            walk->is_test_wait = true;
            return verdict;
        }
        if (wait == NULL)
            return faulty(walk, "waits without chatd_ev_wait()");
        if (!wait->is_over) {
            wait->is_parked = true;
            return verdict;
        }
        verdict = wait->verdict; /* it was resumed at once */
    } else if (wait != NULL) {
        wait->is_over = true;
        return faulty(walk, "called chatd_ev_wait() and did not wait");
    }
    if (verdict == CHATD_DONE && hook->band == CHATD_CHECK)
        return faulty(walk, "returned DONE in CHECK");
    if (verdict == CHATD_DONE) {
        skip_band(walk, hook->band);
        return CHATD_NEXT;
    }
    if (verdict == CHATD_DENY && walk->ev->code.n == 0)
        return event_deny(walk->ev, "forbidden", "Refused.", 0);
    if (verdict != CHATD_NEXT && verdict != CHATD_DENY)
        return faulty(walk, "returned a verdict that does not exist");
    return verdict;
}

static void run(struct walk *walk)
{
    struct testhost *t = walk->t;
    int verdict = CHATD_NEXT;

    walk->up = t->innermost;
    t->innermost = walk;
    while (verdict == CHATD_NEXT && walk->index < t->n_hooks &&
           t->hook[walk->index].event == walk->event && t->hook[walk->index].band != CHATD_WATCH) {
        const struct hook *hook = &t->hook[walk->index++];

        verdict = settle(walk, hook, call(walk, hook));
    }
    t->innermost = walk->up;
    walk->is_parked = verdict == CHATD_WAIT;
    if (!walk->is_parked)
        walk->done(walk, verdict);
}

static void begin(const struct walk *in)
{
    struct walk *walk = mem_alloc(sizeof(*walk));
    struct testhost *t = in->t;

    *walk = *in;
    walk->next = t->walks;
    t->walks = walk;
    while (walk->index < t->n_hooks && t->hook[walk->index].event != walk->event)
        walk->index++;
    walk->ev->core = NULL;
    run(walk);
}

void walk_begin(struct testhost *t, uint32_t event, struct chatd_ev *ev,
                void (*done)(struct walk *walk, int verdict), void *arg)
{
    begin(&(struct walk){.t = t, .event = event, .ev = ev, .done = done, .arg = arg});
}

void walk_go_on(struct walk *walk, int verdict)
{
    walk->is_parked = walk->is_test_wait = false;
    if (verdict == CHATD_DONE && walk->band == CHATD_CHECK)
        verdict = faulty(walk, "resumed with DONE in CHECK");
    if (verdict == CHATD_DONE)
        skip_band(walk, walk->band);
    if (verdict == CHATD_DENY)
        walk->done(walk, verdict);
    else
        run(walk);
}

void walk_free(struct walk *walk)
{
    struct walk **at = &walk->t->walks;

    while (*at != walk)
        at = &(*at)->next;
    *at = walk->next;
    mem_free(walk);
}

void walk_watch(struct testhost *t, uint32_t event, struct chatd_ev *ev)
{
    struct walk walk = {.t = t, .event = event, .ev = ev, .up = t->innermost};

    t->innermost = &walk;
    for (size_t i = 0; i < t->n_hooks; i++) {
        if (t->hook[i].event == event && t->hook[i].band == CHATD_WATCH)
            call(&walk, &t->hook[i]);
        if (walk.wait != NULL) {
            fault(t, "called chatd_ev_wait() in WATCH of %s", event_name(t, event));
            walk.wait->is_over = true;
            walk.wait = NULL;
        }
    }
    t->innermost = walk.up;
    event_drop(ev);
}

/* --- events that the plugin raises ---------------------------------------------------------------- */

static bool is_owner(chatd_plugin *self, uint32_t event)
{
    struct testhost *t = host_of(self);

    if (self != &t->plugin.pub || !t->is_frozen)
        return false;
    if (is_named(t, event))
        return t->event[event - NAMED_FIRST].value > 0;
    return is_listed(event) && testhost_service(t, events[event].owner) != NULL;
}

/* An allowed raise wants one chatd_raised_*() or chatd_ev_drop(). */
static void allowed(struct testhost *t, const struct walk *walk)
{
    t->open_raise = mem_grow(t->open_raise, t->n_open_raises, sizeof(*t->open_raise));
    t->open_raise[t->n_open_raises++] = (struct open_raise){walk->ev, walk->event};
}

static void committed(struct testhost *t, const struct chatd_ev *ev)
{
    for (size_t i = 0; i < t->n_open_raises; i++) {
        if (t->open_raise[i].ev == ev) {
            t->open_raise[i] = t->open_raise[--t->n_open_raises];
            return;
        }
    }
}

void raises_check(struct testhost *t)
{
    for (size_t i = 0; i < t->n_open_raises; i++)
        fault(t, "neither committed nor dropped %s, which was allowed",
              event_name(t, t->open_raise[i].event));
    mem_free(t->open_raise);
}

/* The owner may free the payload in done(): what is attached to it goes after, as in the core. */
static void tell_plugin(struct walk *walk, int verdict)
{
    struct testhost *t = walk->t;
    struct chatd_ev tail = {.core = NULL};

    if (verdict == CHATD_DENY) {
        tail.core = walk->ev->core;
        walk->ev->core = NULL;
    } else {
        allowed(t, walk);
    }
    enter(t);
    walk->plugin_done(&t->plugin.pub, verdict, walk->arg);
    leave(t);
    event_drop(&tail);
    walk_free(walk);
}

int raise_event(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
                void (*done)(chatd_plugin *self, int verdict, void *arg), void *arg)
{
    struct testhost *t = loop_of(self, "chatd_raise_*");

    if (!is_owner(self, event))
        return CHATD_E_STATE;
    if (ev->size < sizeof(*ev) || ev->size > CHATD_RECORD_MAX)
        fault(t, "raises %s with a size of %u", event_name(t, event), ev->size);
    begin(&(struct walk){
        .t = t, .event = event, .ev = ev, .done = tell_plugin, .arg = arg, .plugin_done = done});
    return CHATD_OK;
}

int raised(chatd_plugin *self, uint32_t event, struct chatd_ev *ev)
{
    struct testhost *t = loop_of(self, "chatd_raised_*");

    if (!is_owner(self, event))
        return CHATD_E_STATE;
    committed(t, ev);
    walk_watch(t, event, ev);
    return CHATD_OK;
}

void ev_drop(chatd_plugin *self, struct chatd_ev *ev)
{
    committed(loop_of(self, "chatd_ev_drop"), ev);
    event_drop(ev);
}

int testhost_resume(struct testhost *t, int verdict, const char *code, const char *text)
{
    struct walk *oldest = NULL;
    uint64_t conn;

    for (struct walk *walk = t->walks; walk != NULL; walk = walk->next) {
        if (walk->is_parked && walk->is_test_wait)
            oldest = walk;
    }
    if (oldest == NULL)
        return 0;
    conn = oldest->ev->conn.v;
    if (verdict == CHATD_DENY)
        event_deny(oldest->ev, code, text, 0);
    enter(t);
    walk_go_on(oldest, verdict);
    leave(t);
    conn_let_go(t, conn);
    testhost_turn(t);
    return 1;
}
