/* SPDX-License-Identifier: MIT */
/*
 * What an event costs by the number of plugins that hooked it: the real host, called as plugins call it. hooks.py runs
 * this, and counts instructions too.
 *
 *   bench_hooks                       all cases, nanoseconds each: medians of RUNS runs, and the least
 *   bench_hooks --case NAME --count N one case, N times, no clock of our own: to be counted from outside
 */
#include "base/clock.h"
#include "board/seat.h"
#include "host/host.h"
#include "host/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLUGINS_MAX = 10, RUNS = 21, RUN_NS = 20000000 };

static struct host h;
static struct plugin plugin[PLUGINS_MAX];
static uint64_t called; /* by the handlers: that nothing is optimized away */

static void on_closed(chatd_plugin *self, const struct chatd_ev_closed *ev)
{
    (void)self;
    called += ev->code;
}

static enum chatd_verdict on_frame(chatd_plugin *self, struct chatd_ev_frame *ev)
{
    (void)self;
    called += ev->opcode;
    return CHATD_NEXT;
}

static void done(chatd_plugin *self, int verdict, void *arg)
{
    (void)self, (void)arg;
    called += (uint64_t)verdict;
}

/* --- the host ---------------------------------------------------------------------------------------------------- */

static void make(struct plugin *p, const char *name, uint32_t order)
{
    p->host = &h;
    p->name = strdup(name);
    p->order = order;
    p->row = (uint32_t)(seat_plugin(h.seat, name) + 1);
    p->state = PLUGIN_INIT;
    p->pub = (struct chatd_plugin){sizeof(p->pub), &host_table, NULL, NULL};
}

static void host_make(int plugins)
{
    static const struct net_limits limits = {.max_connections = 10};
    struct config_report report = {0};
    char name[24];
    int i;

    memset(&h, 0, sizeof(h));
    memset(plugin, 0, sizeof(plugin));
    h.base = event_base_new();
    h.loop_thread = pthread_self();
    h.opt.slow_hook_ms = 100; /* as shipped */
    h.config = config_load(NULL, NULL, &report);
    net_init(&h.net, h.base, &limits, 1);
    metric_init(&h);
    make(&h.core, "core", 0);
    wait_init(&h);
    hook_init(&h);
    for (i = 0; i < plugins; i++) {
        snprintf(name, sizeof(name), "plugin-%d", i);
        make(&plugin[i], name, (uint32_t)i + 1);
        if (chatd_on_closed(&plugin[i].pub, on_closed) != CHATD_OK ||
            chatd_on_frame(&plugin[i].pub, CHATD_CHECK, on_frame) != CHATD_OK)
            abort();
    }
    if (hook_freeze(&h) != 0)
        abort();
    for (i = 0; i < plugins; i++)
        plugin[i].state = PLUGIN_STARTED;
}

static void host_end(void)
{
    int i;

    hook_deinit(&h);
    slab_deinit(&h.wait_slab);
    net_deinit(&h.net);
    metric_deinit(&h);
    config_free(h.config);
    event_base_free(h.base);
    free(h.core.name);
    for (i = 0; i < PLUGINS_MAX; i++)
        free(plugin[i].name);
}

/* --- the cases --------------------------------------------------------------------------------------------------- */

static void notify(uint64_t n)
{
    struct chatd_ev_closed ev = {.ev = {.size = sizeof(ev)}, .code = 1};

    while (n-- > 0)
        (void)chatd_raised_closed(&h.core.pub, &ev);
}

static void decide(uint64_t n)
{
    struct chatd_ev_frame ev = {.ev = {.size = sizeof(ev)}, .opcode = CHATD_TEXT};

    while (n-- > 0) {
        (void)chatd_raise_frame(&h.core.pub, &ev, done, NULL);
        (void)chatd_raised_frame(&h.core.pub, &ev);
    }
}

/* What an owner does before it makes a payload. */
static void ask(uint64_t n)
{
    while (n-- > 0)
        called += (uint64_t)chatd_hooked(&h.core.pub, CHATD_EV_frame);
}

/* Two looks at the clock: what timing one handler takes. */
static void clocks(uint64_t n)
{
    while (n-- > 0)
        called += (uint64_t)(clock_mono_ns() - clock_mono_ns());
}

static const struct {
    const char *name;
    void (*run)(uint64_t n);
    int plugins;
} cases[] = {{"notify-0", notify, 0}, {"notify-1", notify, 1}, {"notify-10", notify, 10},
             {"decide-0", decide, 0}, {"decide-1", decide, 1}, {"decide-10", decide, 10},
             {"hooked", ask, 0},      {"clocks", clocks, 0}};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Runs of about RUN_NS each. */
static void measure(int i)
{
    double ns[RUNS];
    uint64_t n = 1000;
    int64_t began, took = 0;
    int k;

    host_make(cases[i].plugins);
    while (took < RUN_NS / 4) {
        n *= 2;
        began = clock_mono_ns();
        cases[i].run(n);
        took = clock_mono_ns() - began;
    }
    n = (uint64_t)((double)n * RUN_NS / (double)took) + 1;
    for (k = 0; k < RUNS; k++) {
        began = clock_mono_ns();
        cases[i].run(n);
        ns[k] = (double)(clock_mono_ns() - began) / (double)n;
    }
    host_end();
    qsort(ns, RUNS, sizeof(ns[0]), by_size);
    printf("{\"case\":\"%s\",\"plugins\":%d,\"ns\":%.2f,\"least\":%.2f}\n", cases[i].name,
           cases[i].plugins, ns[RUNS / 2], ns[0]);
}

static int count(const char *name, const char *n)
{
    int i;

    for (i = 0; i < CASES; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            host_make(cases[i].plugins);
            cases[i].run(strtoull(n, NULL, 10));
            host_end();
            return 0;
        }
    }
    fprintf(stderr, "bench_hooks: there is no case \"%s\"\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    int i;

    if (argc == 5 && strcmp(argv[1], "--case") == 0 && strcmp(argv[3], "--count") == 0)
        return count(argv[2], argv[4]);
    if (argc != 1) {
        fprintf(stderr, "usage: bench_hooks [--case NAME --count N]\n");
        return 2;
    }
    for (i = 0; i < CASES; i++)
        measure(i);
    return called == 0; /* never */
}
