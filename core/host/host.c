/* SPDX-License-Identifier: MIT */
/* The host's own life. */
#include "host/object.h"

#include "board/board.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "host/metric.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int host_record(const void *in, size_t min_bytes, void *out, size_t out_bytes)
{
    const unsigned char *p = in;
    uint32_t size;
    size_t i;

    if (in == NULL)
        return CHATD_E_INVAL;
    memcpy(&size, in, sizeof(size));
    if (size < min_bytes || size > CHATD_RECORD_MAX)
        return CHATD_E_INVAL;
    for (i = out_bytes; i < size; i++) {
        if (p[i] != 0)
            return CHATD_E_ABI;
    }
    memset(out, 0, out_bytes);
    memcpy(out, in, size < out_bytes ? size : out_bytes);
    return CHATD_OK;
}

int host_registration(chatd_plugin *self, const char *what, const void *in, size_t min_bytes,
                      void *out, size_t out_bytes)
{
    const char *name = plugin_of(self)->name;
    uint32_t size = 0;
    int rc;

    if (!host_may_register(self, what))
        return CHATD_E_STATE;
    rc = host_record(in, min_bytes, out, out_bytes);
    if (in != NULL)
        memcpy(&size, in, sizeof(size));
    if (rc == CHATD_E_ABI)
        log_error("%s describes %s by a larger record than this chatd knows, and uses its end: it "
                  "needs a newer chatd",
                  name, what);
    else if (rc < 0)
        log_error("%s describes %s by a record of %u bytes, chatd reads %zu to %u: set its .size",
                  name, what, size, min_bytes, CHATD_RECORD_MAX);
    return rc;
}

bool host_may_register(chatd_plugin *self, const char *what)
{
    struct plugin *p = plugin_of(self);

    if (p->state == PLUGIN_INIT && !p->host->stopping)
        return true;
    log_error("%s registers %s outside init(): refused", p->name, what);
    return false;
}

void host_wrong_thread(const struct plugin *p)
{
    log_error(
        "%s calls the core from a job's thread; only functions tagged [any] may be used there",
        p->name);
    abort();
}

void host_turn(struct host *h)
{
    net_clock(&h->net);
}

void host_tick(struct host *h)
{
    struct chatd_ev_tick ev = {.ev = {.size = sizeof(ev)}, .mono_ms = h->net.mono_ms};

    metric_beat(h);
    metric_refresh(h);
    net_tick(&h->net);
    if (hook_hooked(&h->core.pub, CHATD_EV_tick))
        chatd_raised_tick(&h->core.pub, &ev);
    log_flush();
}

/* Nothing works without; the reason is the machine's. */
void host_cannot(const char *what)
{
    log_error("cannot %s: %s", what, strerror(errno));
    exit(1);
}

static void core_init(struct host *h)
{
    struct plugin *core = &h->core;

    core->host = h;
    core->name = mem_strdup("core");
    core->row = (uint32_t)(seat_plugin(h->seat, core->name) + 1);
    seat_plugin_version(h->seat, 0, CHATD_VERSION);
    core->pub = (struct chatd_plugin){sizeof(core->pub), &host_table, NULL, NULL};
    core->state = PLUGIN_INIT;
    upgrade_init(h);
    request_init(h);
    verb_init(h);
    hello_init(h);
    ping_init(h);
    bus_init(h);
    health_init(h);
    core->state = PLUGIN_STARTED;
}

void host_init(struct host *h, struct event_base *base, struct config *config,
               const struct net_limits *limits, const struct http_options *http,
               const struct host_options *opt)
{
    memset(h, 0, sizeof(*h));
    h->base = base;
    h->config = config;
    h->opt = *opt;
    if (h->opt.worker == 0)
        h->opt.worker = 1;
    h->loop_thread = pthread_self();
    if (opt->instance != NULL)
        snprintf(h->instance, sizeof(h->instance), "%s", opt->instance);
    else
        snprintf(h->instance, sizeof(h->instance), "%016llx", (unsigned long long)rng_u64());
    net_init(&h->net, base, limits, h->opt.worker);
    if (http_open(&h->http, base, http, h->opt.worker) < 0)
        host_cannot("open /dev/null or the HTTP server");
    metric_init(h);
    object_frames_init(h);
    task_init(h);
    wait_init(h);
    host_turn(h);
    hook_init(h);
    job_init(h);
    core_init(h);
}

static void plugin_free(struct plugin *p)
{
    mem_free(p->name);
    mem_free(p->path);
    mem_free(p->fields);
    mem_free(p->needs);
    mem_free(p->service);
    mem_free(p->config);
    mem_free(p->ready_text);
    mem_free(p);
}

void host_deinit(struct host *h)
{
    size_t i;

    job_deinit(h);
    request_remove(h, &h->core);
    claim_remove(h, &h->core);
    bus_deinit(h);
    http_close(&h->http);
    drain_remove_all(h, NULL);
    net_deinit(&h->net);
    hook_deinit(h);
    for (i = 0; i < h->n_plugins; i++)
        plugin_free(h->plugin[i]);
    while (h->dropped != NULL) {
        struct plugin *p = h->dropped;

        h->dropped = p->next_dropped;
        plugin_free(p);
    }
    mem_free(h->plugin);
    mem_free(h->core.name);
    mem_free(h->core.ready_text);
    mem_free(h->offer);
    mem_free(h->verb);
    object_frames_deinit(h);
    slab_deinit(&h->timers);
    slab_deinit(&h->watches);
    slab_deinit(&h->wait_slab);
    slab_deinit(&h->subs);
    metric_deinit(h); /* last: the others count to the end */
}
