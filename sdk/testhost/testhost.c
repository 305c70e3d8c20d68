/* SPDX-License-Identifier: MIT */
/* The life of the plugin, its faults, and the time. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

enum { WALL_START_S = 1800000000, TICK_MS = 1000, STEPS_MAX = 1000000 };

/* --- ids ------------------------------------------------------------------------------------------ */

uint64_t table_add(struct table *table, enum kind kind, void *object)
{
    table->row = mem_grow(table->row, table->n, sizeof(*table->row));
    table->row[table->n++] = object;
    return (uint64_t)kind << 56 | table->n;
}

void *table_get(const struct table *table, enum kind kind, uint64_t id)
{
    uint64_t n = id & (((uint64_t)1 << 56) - 1);

    return id >> 56 == (uint64_t)kind && n > 0 && n <= table->n ? table->row[n - 1] : NULL;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->n; i++)
        mem_free(table->row[i]);
    mem_free(table->row);
}

/* --- faults --------------------------------------------------------------------------------------- */

void fault(struct testhost *t, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    fprintf(stderr, "testhost: %s: %s\n", t->plugin.name, text);
    pthread_mutex_lock(&t->lock);
    t->fault = mem_grow(t->fault, (size_t)t->n_faults, sizeof(*t->fault));
    t->fault[t->n_faults++] = text;
    pthread_mutex_unlock(&t->lock);
}

/* A job that runs may break one at any time. */
int testhost_faults(struct testhost *t)
{
    int n;

    pthread_mutex_lock(&t->lock);
    n = t->n_faults;
    pthread_mutex_unlock(&t->lock);
    return n;
}

const char *testhost_fault(struct testhost *t, int i)
{
    return i >= 0 && i < t->n_faults ? t->fault[i] : NULL;
}

int testhost_excuse(struct testhost *t, const char *part)
{
    for (int i = 0; i < t->n_faults; i++) {
        if (strstr(t->fault[i], part) == NULL)
            continue;
        mem_free(t->fault[i]);
        t->n_faults--;
        memmove(&t->fault[i], &t->fault[i + 1], (size_t)(t->n_faults - i) * sizeof(*t->fault));
        return 1;
    }
    return 0;
}

struct testhost *loop_of(chatd_plugin *self, const char *function)
{
    struct testhost *t = host_of(self);

    if (!pthread_equal(pthread_self(), t->thread))
        fault(t, "called %s() from a job's thread: there only what is tagged [any] may be",
              function);
    return t;
}

int record_read(struct testhost *t, const void *in, size_t min_bytes, void *out, size_t out_bytes,
                const char *function)
{
    const unsigned char *bytes = in;
    uint32_t size = 0;

    if (in != NULL)
        memcpy(&size, in, sizeof(size));
    if (size < min_bytes || size > CHATD_RECORD_MAX) {
        fault(t, "gives %s() a record of %u bytes; write .size = sizeof(it)", function, size);
        return CHATD_E_INVAL;
    }
    for (size_t i = out_bytes; i < size; i++) {
        if (bytes[i] != 0) {
            fault(t, "gives %s() a record with members that this ABI does not have", function);
            return CHATD_E_ABI;
        }
    }
    memset(out, 0, out_bytes);
    memcpy(out, in, size < out_bytes ? size : out_bytes);
    return CHATD_OK;
}

bool may_play(struct testhost *t, const char *what)
{
    if (t->life >= LIFE_STARTED && t->life < LIFE_CANCELLING)
        return true;
    fault(t, "the test %s %s", what,
          t->life < LIFE_STARTED ? "before testhost_start()" : "after the plugin was stopped");
    return false;
}

bool may_register(chatd_plugin *self, const char *what)
{
    struct testhost *t = loop_of(self, "a function that registers");

    if (t->life == LIFE_INIT && self == &t->plugin.pub)
        return true;
    fault(t, "adds %s outside of init()", what);
    return false;
}

void enter(struct testhost *t)
{
    t->depth++;
}

void leave(struct testhost *t)
{
    if (--t->depth == 0)
        loan_end(t, &t->loan);
}

/* --- life ----------------------------------------------------------------------------------------- */

struct testhost *testhost_new(const struct chatd_plugin_desc *desc)
{
    struct testhost *t = mem_alloc(sizeof(*t));
    size_t size = desc->size < sizeof(t->desc) ? desc->size : sizeof(t->desc);

    memcpy(&t->desc, desc, size);
    t->thread = pthread_self();
    pthread_mutex_init(&t->lock, NULL);
    t->plugin = (struct puppet){.pub = {.size = sizeof(t->plugin.pub), .core = &testhost_table},
                                .t = t,
                                .name = desc->name};
    t->caller = (struct puppet){
        .pub = {.size = sizeof(t->caller.pub), .core = &testhost_table}, .t = t, .name = "caller"};
    t->wall_ms = (int64_t)WALL_START_S * 1000;
    t->mono_ms = 1000000;
    t->last_task = &t->first_task;
    t->last_job = &t->first_job;
    t->ready = CHATD_READY;
    t->stepped = "";
    t->random = (uint64_t)alloc_begin() << 32;
    t->instance = mem_strdup("0123456789abcdef");
    service_init(t);
    if (desc->abi_major != CHATD_ABI_MAJOR || desc->abi_min_minor > CHATD_ABI_MINOR)
        fault(t, "was built for another ABI (%u.%u) than this host's", desc->abi_major,
              desc->abi_minor);
    return t;
}

chatd_plugin *testhost_self(struct testhost *t)
{
    return &t->plugin.pub;
}

void testhost_instance(struct testhost *t, const char *id)
{
    mem_free(t->instance);
    t->instance = mem_strdup(id);
}

chatd_plugin *testhost_caller(struct testhost *t)
{
    return &t->caller.pub;
}

int testhost_init_with(struct testhost *t, const void *config)
{
    int faults = t->n_faults, rc;

    if (t->life != LIFE_NEW) {
        fault(t, "testhost_init() comes once: a plugin that begins again is another host");
        return CHATD_E_STATE;
    }
    t->plugin.pub.config = config;
    t->life = LIFE_INIT;
    enter(t);
    rc = t->desc.init(&t->plugin.pub);
    leave(t);
    t->life = rc == CHATD_OK ? LIFE_READY : LIFE_STOPPED;
    if (rc == CHATD_OK && t->n_faults > faults)
        fprintf(stderr, "testhost: %s: chatd would not start it: a registration was refused\n",
                t->plugin.name);
    return rc;
}

int testhost_init(struct testhost *t, const char *options)
{
    char *why;
    void *config = options_fill(t, options, &why);

    if (config == NULL) {
        fprintf(stderr, "testhost: %s: %s\n", t->plugin.name, why);
        mem_free(why);
        t->life = LIFE_STOPPED;
        return CHATD_E_INVAL;
    }
    return testhost_init_with(t, t->desc.config != NULL ? config : NULL);
}

int testhost_start(struct testhost *t)
{
    int rc = CHATD_OK;

    if (t->life != LIFE_READY || !service_check(t))
        return CHATD_E_STATE;
    conn_hook(t);
    hook_freeze(t);
    t->life = LIFE_STARTED;
    if (t->desc.start != NULL) {
        enter(t);
        rc = t->desc.start(&t->plugin.pub);
        leave(t);
    }
    if (rc != CHATD_OK)
        t->life = LIFE_READY; /* it is owed a stop() */
    else
        testhost_turn(t);
    return rc;
}

int testhost_reload(struct testhost *t, const char *options)
{
    const void *was = t->plugin.pub.config;
    char *why;
    void *fresh;
    int rc;

    if (!may_play(t, "reloads"))
        return CHATD_E_STATE;
    if (!options_mine(t, was)) {
        fault(t, "testhost_reload() is for options that testhost_init() read");
        return CHATD_E_STATE;
    }
    fresh = options_fill(t, options, &why);
    if (fresh == NULL) {
        fprintf(stderr, "testhost: %s: %s\n", t->plugin.name, why);
        mem_free(why);
        return CHATD_E_INVAL;
    }
    if (options_same(t, was, fresh))
        return CHATD_OK;
    if (t->desc.reload == NULL || !options_reloadable(t, was, fresh))
        return CHATD_E_STATE;
    enter(t);
    rc = t->desc.reload(&t->plugin.pub, fresh);
    leave(t);
    if (rc == CHATD_OK)
        t->plugin.pub.config = fresh;
    /* The core frees it. */
    lend_spoil(rc == CHATD_OK ? (void *)(uintptr_t)was : fresh, t->desc.config_size);
    testhost_turn(t);
    return rc;
}

static void call(struct testhost *t, void (*fn)(chatd_plugin *self))
{
    if (fn == NULL)
        return;
    enter(t);
    fn(&t->plugin.pub);
    leave(t);
}

void testhost_drain(struct testhost *t)
{
    if (t->life != LIFE_STARTED)
        return;
    t->life = LIFE_DRAINING;
    call(t, t->desc.drain);
    testhost_turn(t);
}

/* In the order of the core: who waits is let go before the plugin is asked to cancel, and by then
 * nothing comes by the clock any more. */
void testhost_cancel(struct testhost *t)
{
    if (t->life == LIFE_NEW || t->life >= LIFE_CANCELLING)
        return;
    testhost_drain(t);
    bool was_started = t->life == LIFE_DRAINING;

    t->life = LIFE_DRAINING;
    conn_stop(t);
    wait_abandon(t, 0, 0);
    request_stop(t);
    task_unwind(t);
    if (was_started)
        call(t, t->desc.cancel);
    t->life = LIFE_CANCELLING;
    task_cancel(t);
    t->life = LIFE_CANCELLED;
    testhost_turn(t);
}

void testhost_stop(struct testhost *t)
{
    if (t->life == LIFE_STOPPED || t->life == LIFE_NEW)
        return;
    testhost_cancel(t);
    t->life = LIFE_STOPPING;
    call(t, t->desc.stop);
    t->life = LIFE_STOPPED;
}

static void free_names(struct named *named, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(named[i].name);
    mem_free(named);
}

static void check_rest(struct testhost *t)
{
    size_t n_blocks = alloc_end();

    for (size_t i = 0; i < t->frames.n; i++) {
        const struct frame *frame = t->frames.row[i];

        if (frame->refs > 0)
            fault(t, "did not give a frame back: \"%.*s\"", frame->n < 60 ? (int)frame->n : 60,
                  frame->bytes);
    }
    if (n_blocks > 0)
        fault(t, "did not free what chatd_alloc() gave it: %zu blocks", n_blocks);
    raises_check(t);
    calls_check(t);
    lend_check(t);
}

int testhost_free(struct testhost *t)
{
    int faults;

    t->is_held = false;
    testhost_stop(t);
    task_free(t);
    event_free(t);
    check_rest(t);
    faults = t->n_faults;
    conn_free(t);
    channel_free(t);
    request_free(t);
    service_free(t);
    kv_free(t);
    bus_free(t);
    tell_free(t);
    options_free(t);
    lend_free(t);
    free_names(t->event, t->n_events);
    free_names(t->feature, t->n_features);
    free_names(t->limit, t->n_limits);
    for (int i = 0; i < t->n_faults; i++)
        mem_free(t->fault[i]);
    mem_free(t->fault);
    mem_free(t->instance);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
    return faults;
}

/* --- time ----------------------------------------------------------------------------------------- */

int64_t testhost_mono_ms(struct testhost *t)
{
    return t->mono_ms;
}

int64_t testhost_wall_ms(struct testhost *t)
{
    return t->wall_ms;
}

void testhost_set_wall(struct testhost *t, int64_t wall_ms)
{
    t->wall_ms = wall_ms;
}

static bool expire(struct testhost *t)
{
    if (task_expire(t))
        return true;
    if (!wait_expire(t) && !request_expire(t) && !calls_expire(t) && !conn_expire(t))
        return false;
    t->stepped = "deadline";
    return true;
}

int testhost_step(struct testhost *t)
{
    t->stepped = "";
    if (task_step(t) || expire(t))
        return 1;
    if (!conn_step(t))
        return 0;
    t->stepped = "conn";
    return 1;
}

const char *testhost_stepped(struct testhost *t)
{
    return t->stepped;
}

void testhost_hold(struct testhost *t, int hold)
{
    t->is_held = hold != 0;
    testhost_turn(t);
}

static void rest(struct testhost *t)
{
    int steps = 0;

    while (testhost_step(t)) {
        if (++steps == STEPS_MAX) {
            fault(t, "never comes to rest: one thing leads to the next at the same time");
            return;
        }
    }
}

/* Watches once: a descriptor that can always be written is ready for ever. What is to come later does
 * not come while the plugin is being called. */
void testhost_turn(struct testhost *t)
{
    if (t->depth > 0 || t->is_held)
        return;
    rest(t);
    if (watch_step(t, 0))
        rest(t);
}

/* Without a look at the watches before: one that is ready then would be missed in the answer. */
int testhost_wait_watch(struct testhost *t, int real_ms)
{
    bool found;

    rest(t);
    found = watch_step(t, real_ms);
    testhost_turn(t);
    return found;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void tick(struct testhost *t)
{
    struct loan loan = {0};
    struct chatd_ev_tick ev = {.ev = {.size = sizeof(ev)}, .mono_ms = t->mono_ms};

    walk_watch(t, CHATD_EV_tick, &((struct chatd_ev_tick *)lend(&loan, &ev, sizeof(ev)))->ev);
    loan_end(t, &loan);
}

void testhost_advance(struct testhost *t, int64_t ms)
{
    int64_t end = t->mono_ms + ms;

    if (t->is_held) {
        t->mono_ms = end;
        t->wall_ms += ms;
        return;
    }
    testhost_turn(t);
    while (t->mono_ms < end) {
        int64_t next_tick = t->mono_ms - t->mono_ms % TICK_MS + TICK_MS;
        int64_t at =
            earlier(earlier(task_due(t), wait_due(t)), earlier(request_due(t), calls_due(t)));

        at = earlier(at, conn_due(t));
        at = earlier(at, earlier(next_tick, end));
        if (at < t->mono_ms)
            at = t->mono_ms;
        t->wall_ms += at - t->mono_ms;
        t->mono_ms = at;
        if (at == next_tick && t->life == LIFE_STARTED)
            tick(t);
        testhost_turn(t);
    }
}
