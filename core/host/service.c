/* SPDX-License-Identifier: MIT */
/* Services: offers, the pick among several, needs, and the order that follows from them. */
#include "host/host.h"

#include "base/log.h"
#include "base/mem.h"

#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>

#include <stdio.h>
#include <string.h>

enum { PICKS_MAX = 64 };

/* The size a record had when the ABI began: it only grows. */
enum { SERVICE_DEF_MIN_BYTES = offsetof(struct chatd_service_def, flags) };

int service_offer(chatd_plugin *self, const struct chatd_service_def *in)
{
    struct host *h = host_of(self);
    struct chatd_service_def def;
    int rc = host_registration(self, "a service", in, SERVICE_DEF_MIN_BYTES, &def, sizeof(def));

    if (rc < 0)
        return rc;
    if (def.name == NULL || def.api == NULL || strchr(def.name, '.') == NULL) {
        log_error("%s offers a service without functions, or without a name like vendor.thing",
                  plugin_of(self)->name);
        return CHATD_E_INVAL;
    }
    h->offer = mem_realloc(h->offer, (h->n_offers + 1) * sizeof(*h->offer));
    h->offer[h->n_offers++] = (struct offer){plugin_of(self), def};
    return CHATD_OK;
}

void service_remove(struct host *h, const struct plugin *p)
{
    size_t i, kept = 0;

    for (i = 0; i < h->n_offers; i++) {
        if (h->offer[i].provider != p)
            h->offer[kept++] = h->offer[i];
    }
    h->n_offers = kept;
    hook_find_raisers(h);
}

/* The core's own offers serve only while no plugin offers the same. */
static const char *ini_pick(const struct host *h, const char *name, const char **origin_out)
{
    struct config_item item[PICKS_MAX];
    size_t n = config_items(h->config, "services", item, PICKS_MAX), i;

    for (i = 0; i < n && i < PICKS_MAX; i++) {
        if (strcmp(item[i].key, name) == 0) {
            *origin_out = item[i].origin;
            return item[i].value;
        }
    }
    return NULL;
}

const struct offer *service_picked(const struct host *h, const char *name)
{
    const char *origin, *pick = ini_pick(h, name, &origin);
    const struct offer *found = NULL;
    size_t i;

    for (i = 0; i < h->n_offers; i++) {
        const struct offer *o = &h->offer[i];

        if (strcmp(o->def.name, name) != 0)
            continue;
        if (pick != NULL ? strcmp(o->provider->name, pick) == 0
                         : found == NULL || found->provider == &h->core)
            found = o;
    }
    return found;
}

bool service_loaded(const struct host *h, const char *name)
{
    return service_picked(h, name) != NULL;
}

const struct chatd_service *service_get(chatd_plugin *self, const char *name)
{
    struct plugin *p = plugin_of(self);
    size_t i;

    for (i = 0; i < p->n_needs; i++) {
        if (strcmp(p->needs[i].service, name) == 0)
            return p->service[i].provider != NULL ? &p->service[i] : NULL;
    }
    if (host_of(self)->frozen)
        log_error("%s asks for service %s, which is not in its needs", p->name, name);
    return NULL;
}

/* --- checks before start ------------------------------------------------------------------------ */

static unsigned complain(struct config_report *rep, char *text)
{
    rep->line(rep->arg, CONFIG_ERROR, text);
    rep->errors++;
    mem_free(text);
    return 1;
}

/* Two plugins offer one service and no line says which. */
static unsigned check_twins(struct host *h, struct config_report *rep)
{
    unsigned errors = 0;
    size_t i, k;

    for (i = 0; i < h->n_offers; i++) {
        const struct offer *a = &h->offer[i];
        const char *origin;

        if (a->provider == &h->core || ini_pick(h, a->def.name, &origin) != NULL)
            continue;
        for (k = i + 1; k < h->n_offers; k++) {
            const struct offer *b = &h->offer[k];

            if (b->provider != &h->core && strcmp(a->def.name, b->def.name) == 0)
                errors += complain(
                    rep, mem_printf("both %s and %s offer %s; write one of them under [services]: "
                                    "%s = %s",
                                    a->provider->name, b->provider->name, a->def.name, a->def.name,
                                    a->provider->name));
        }
    }
    return errors;
}

/* Every line of [services] names a loaded plugin that offers the service. */
static unsigned check_picks(struct host *h, struct config_report *rep)
{
    struct config_item item[PICKS_MAX];
    size_t n = config_items(h->config, "services", item, PICKS_MAX), i;
    unsigned errors = 0;

    for (i = 0; i < n && i < PICKS_MAX; i++) {
        if (service_picked(h, item[i].key) == NULL)
            errors += complain(rep, mem_printf("%s: [services] %s = %s, but no loaded plugin of "
                                               "that name offers it",
                                               item[i].origin, item[i].key, item[i].value));
    }
    return errors;
}

/* The services that keep or carry what hosts have in common, and what that is. */
static const struct {
    const char *name, *what;
} common[] = {
    {CHATD_LOG_SERVICE, "the rooms' messages"},
    {CHATD_KV_SERVICE, "accounts, keys and revocations"},
    {CHATD_BUS_SERVICE, "typing and other signals"},
};
enum { COMMON = sizeof(common) / sizeof(common[0]) };

static const struct offer *shared_offer(const struct host *h, const char *name)
{
    size_t i;

    for (i = 0; i < h->n_offers; i++) {
        if (strcmp(h->offer[i].def.name, name) == 0 &&
            (h->offer[i].def.flags & CHATD_SERVICE_SHARED))
            return &h->offer[i];
    }
    return NULL;
}

/* What one host alone can use, beside something that hosts share. That may be meant so. */
static void warn_unshared(const struct host *h, const char *name, const char *what,
                          const struct offer *alone, const struct offer *shared,
                          struct config_report *rep)
{
    const struct offer *other = shared_offer(h, name);
    char *advice = other != NULL ? mem_printf("; to share them write [services] %s = %s", name,
                                              other->provider->name)
                                 : mem_strdup("");
    char *text = mem_printf("%s comes from %s, which each host has for itself, while %s comes from "
                            "%s, which hosts share: %s are this host's alone%s",
                            name, alone->provider->name, shared->def.name, shared->provider->name,
                            what, advice);

    rep->line(rep->arg, CONFIG_WARNING, text);
    rep->warnings++;
    mem_free(text);
    mem_free(advice);
}

static void check_shared(const struct host *h, struct config_report *rep)
{
    const struct offer *picked[COMMON], *shared = NULL;
    size_t i;

    for (i = 0; i < COMMON; i++) {
        picked[i] = service_picked(h, common[i].name);
        if (shared == NULL && picked[i] != NULL && (picked[i]->def.flags & CHATD_SERVICE_SHARED))
            shared = picked[i];
    }
    for (i = 0; i < COMMON; i++) {
        if (shared != NULL && picked[i] != NULL && !(picked[i]->def.flags & CHATD_SERVICE_SHARED))
            warn_unshared(h, common[i].name, common[i].what, picked[i], shared, rep);
    }
}

/* Finds the provider of one need; what is wrong with it, or NULL. */
static char *bind_need(struct host *h, struct plugin *p, size_t i)
{
    const struct chatd_need *need = &p->needs[i];
    const struct offer *o = service_picked(h, need->service);

    p->service[i].size = sizeof(struct chatd_service);
    if (o == NULL) {
        if (need->flags & CHATD_NEED_OPTIONAL)
            return NULL;
        return mem_printf("%s needs the service %s, and no loaded plugin offers it; switch one on "
                          "under [plugins] or %s off",
                          p->name, need->service, p->name);
    }
    if (o->def.major != need->major || o->def.minor < need->minor)
        return mem_printf("%s needs %s %u.%u, but %s offers %u.%u", p->name, need->service,
                          need->major, need->minor, o->provider->name, o->def.major, o->def.minor);
    p->service[i].major = o->def.major;
    p->service[i].minor = o->def.minor;
    p->service[i].api = o->def.api;
    p->service[i].provider = &o->provider->pub;
    p->service[i].provider_name = o->provider->name;
    return NULL;
}

struct plugin *service_lacking(struct host *h, char **why_out)
{
    size_t i, k;

    for (i = 0; i < h->n_plugins; i++) {
        for (k = 0; h->plugin[i]->optional && k < h->plugin[i]->n_needs; k++) {
            *why_out = bind_need(h, h->plugin[i], k);
            if (*why_out != NULL)
                return h->plugin[i];
        }
    }
    return NULL;
}

static bool is_placed(struct plugin *const *order, size_t n, size_t need, const struct plugin *self)
{
    const chatd_plugin *provider = self->service[need].provider;
    size_t i;

    if ((self->needs[need].flags & CHATD_NEED_LATER) || provider == NULL ||
        provider == &self->pub || provider == &self->host->core.pub)
        return true;
    for (i = 0; i < n; i++) {
        if (&order[i]->pub == provider)
            return true;
    }
    return false;
}

static bool is_free(struct plugin *const *order, size_t n, const struct plugin *p)
{
    size_t i;

    for (i = 0; i < p->n_needs; i++) {
        if (!is_placed(order, n, i, p))
            return false;
    }
    return true;
}

static unsigned tell_cycle(struct host *h, struct plugin **order, size_t n,
                           struct config_report *rep)
{
    size_t i, k;

    for (i = 0; i < h->n_plugins; i++) {
        struct plugin *p = h->plugin[i];

        if (p->state == PLUGIN_FAILED || p->order != UINT32_MAX)
            continue;
        for (k = 0; k < p->n_needs; k++) {
            if (!is_placed(order, n, k, p))
                return complain(
                    rep, mem_printf("%s needs %s of %s, which needs it in turn: a cycle "
                                    "cannot be started",
                                    p->name, p->needs[k].service, p->service[k].provider_name));
        }
    }
    return 0;
}

/* Providers before consumers; otherwise the order of the INI. */
static unsigned sort_plugins(struct host *h, struct config_report *rep)
{
    struct plugin **order = mem_alloc((h->n_plugins + 1) * sizeof(struct plugin *));
    size_t n = 0, i;
    unsigned errors = 0;
    bool moved = true;

    for (i = 0; i < h->n_plugins; i++)
        h->plugin[i]->order = UINT32_MAX;
    while (moved) {
        moved = false;
        for (i = 0; i < h->n_plugins; i++) {
            struct plugin *p = h->plugin[i];

            if (p->order == UINT32_MAX && is_free(order, n, p)) {
                order[n++] = p;
                p->order = (uint32_t)n;
                moved = true;
            }
        }
    }
    if (n < h->n_plugins)
        errors = tell_cycle(h, order, n, rep);
    else
        memcpy(h->plugin, order, n * sizeof(struct plugin *));
    mem_free(order);
    return errors;
}

unsigned service_resolve(struct host *h, struct config_report *rep)
{
    unsigned errors = check_twins(h, rep) + check_picks(h, rep);
    size_t i, k;

    for (i = 0; i < h->n_plugins; i++) {
        for (k = 0; k < h->plugin[i]->n_needs; k++) {
            char *why = bind_need(h, h->plugin[i], k);

            errors += why != NULL ? complain(rep, why) : 0;
        }
    }
    check_shared(h, rep);
    return errors + sort_plugins(h, rep);
}
