/* SPDX-License-Identifier: MIT */
/* Services of others that the test fakes, the plugin's own, and callbacks that must come. */
#include "host.h"

#include <chatd/svc/auth.h>
#include <stdio.h>

enum { SERVICE_DEF_MIN_BYTES = offsetof(struct chatd_service_def, flags) };

static struct service *find(struct service *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    }
    return NULL;
}

bool has_auth(const struct testhost *t)
{
    return find(t->service, t->n_services, CHATD_AUTH_SERVICE) != NULL ||
           find(t->offer, t->n_offers, CHATD_AUTH_SERVICE) != NULL;
}

/* --- of others ------------------------------------------------------------------------------------ */

void testhost_fake(struct testhost *t, const char *name, uint16_t major, uint16_t minor,
                   const void *api, void *arg)
{
    struct service *service = find(t->service, t->n_services, name);

    if (service == NULL) {
        service = mem_alloc(sizeof(*service));
        service->name = mem_strdup(name);
        t->service = mem_grow(t->service, t->n_services, sizeof(*t->service));
        t->service[t->n_services++] = service;
    }
    service->provider = (struct puppet){
        .pub = {.size = sizeof(service->provider.pub), .core = &testhost_table, .data = arg},
        .t = t,
        .name = service->name};
    service->pub = (struct chatd_service){.size = sizeof(service->pub),
                                          .major = major,
                                          .minor = minor,
                                          .api = api,
                                          .provider = &service->provider.pub,
                                          .provider_name = service->name};
}

void service_init(struct testhost *t)
{
    bus_init(t);
}

static const struct chatd_need *need_at(const struct testhost *t, size_t i)
{
    return (const void *)((const char *)t->desc.needs + i * t->desc.need_stride);
}

static const struct chatd_need *need_of(const struct testhost *t, const char *name)
{
    for (size_t i = 0; t->desc.needs != NULL && need_at(t, i)->service != NULL; i++) {
        if (strcmp(need_at(t, i)->service, name) == 0)
            return need_at(t, i);
    }
    return NULL;
}

bool service_check(struct testhost *t)
{
    bool is_good = true;

    for (size_t i = 0; t->desc.needs != NULL && need_at(t, i)->service != NULL; i++) {
        const struct chatd_need *need = need_at(t, i);
        const struct service *service = find(t->service, t->n_services, need->service);

        if (service == NULL && (need->flags & CHATD_NEED_OPTIONAL))
            continue;
        if (service != NULL && service->pub.major == need->major &&
            service->pub.minor >= need->minor)
            continue;
        fprintf(stderr, "testhost: %s: needs %s %u.%u: see testhost_fake()\n", t->plugin.name,
                need->service, need->major, need->minor);
        is_good = false;
    }
    return is_good;
}

const struct chatd_service *service_get(chatd_plugin *self, const char *name)
{
    struct testhost *t = loop_of(self, "chatd_service");
    const struct chatd_need *need = need_of(t, name);
    const struct service *service = find(t->service, t->n_services, name);

    if (need == NULL || t->life < LIFE_READY) {
        fault(t,
              need == NULL ? "asks for %s, which is not in its needs"
                           : "asks for %s in init(): it is there from start() on",
              name);
        return NULL;
    }
    return service != NULL ? &service->pub : NULL;
}

/* --- its own -------------------------------------------------------------------------------------- */

int service_offer(chatd_plugin *self, const struct chatd_service_def *in)
{
    struct testhost *t = host_of(self);
    struct chatd_service_def def;
    struct service *offer;
    int rc;

    if (!may_register(self, "a service"))
        return CHATD_E_STATE;
    if ((rc = record_read(t, in, SERVICE_DEF_MIN_BYTES, &def, sizeof(def), "chatd_service_offer")) <
        0)
        return rc;
    if (def.name == NULL || def.api == NULL || strchr(def.name, '.') == NULL) {
        fault(t, "offers a service without a name such as \"vendor.name\", or without an api");
        return CHATD_E_INVAL;
    }
    offer = mem_alloc(sizeof(*offer));
    offer->name = mem_strdup(def.name);
    offer->pub = (struct chatd_service){.size = sizeof(offer->pub),
                                        .major = def.major,
                                        .minor = def.minor,
                                        .api = def.api,
                                        .provider = &t->plugin.pub,
                                        .provider_name = t->plugin.name};
    t->offer = mem_grow(t->offer, t->n_offers, sizeof(*t->offer));
    t->offer[t->n_offers++] = offer;
    return CHATD_OK;
}

const struct chatd_service *testhost_service(struct testhost *t, const char *name)
{
    const struct service *offer = find(t->offer, t->n_offers, name);

    return offer != NULL ? &offer->pub : NULL;
}

static void free_list(struct service **list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(list[i]->name);
        mem_free(list[i]);
    }
    mem_free(list);
}

void service_free(struct testhost *t)
{
    struct testhost_call *call;

    free_list(t->service, t->n_services);
    free_list(t->offer, t->n_offers);
    while ((call = t->calls) != NULL) {
        t->calls = call->next;
        mem_free(call->what);
        mem_free(call);
    }
    mem_free(t->claim);
    mem_free(t->verb);
}

/* --- callbacks that must come --------------------------------------------------------------------- */

struct testhost_call *testhost_expect(struct testhost *t, const char *what, int64_t deadline_ms)
{
    struct testhost_call *call = mem_alloc(sizeof(*call));

    *call = (struct testhost_call){
        .next = t->calls, .t = t, .what = mem_strdup(what), .at_ms = t->mono_ms + deadline_ms};
    t->calls = call;
    return call;
}

void testhost_returned(struct testhost_call *call)
{
    call->is_returned = true;
}

void testhost_refused(struct testhost_call *call)
{
    if (call->came > 0)
        fault(call->t, "called back for %s, which it refused", call->what);
    call->is_returned = call->is_refused = true;
}

void testhost_came(struct testhost_call *call)
{
    if (call->is_refused)
        fault(call->t, "called back for %s, which it refused", call->what);
    if (!call->is_returned)
        fault(call->t, "called back for %s before the call had returned", call->what);
    if (++call->came > 1)
        fault(call->t, "called back for %s %d times", call->what, call->came);
}

int64_t calls_due(const struct testhost *t)
{
    int64_t due = INT64_MAX;

    for (const struct testhost_call *call = t->calls; call != NULL; call = call->next) {
        if (call->came == 0 && !call->is_refused && call->at_ms < due)
            due = call->at_ms + 1; /* until then it is in time */
    }
    return due;
}

bool calls_expire(struct testhost *t)
{
    for (struct testhost_call *call = t->calls; call != NULL; call = call->next) {
        if (call->came > 0 || call->is_refused || call->at_ms >= t->mono_ms)
            continue;
        fault(t, "did not call back for %s by its deadline", call->what);
        call->came = 1;
        call->is_returned = true;
        return true;
    }
    return false;
}

void calls_check(struct testhost *t)
{
    for (const struct testhost_call *call = t->calls; call != NULL; call = call->next) {
        if (call->came == 0 && !call->is_refused)
            fault(t, "never called back for %s", call->what);
    }
}
