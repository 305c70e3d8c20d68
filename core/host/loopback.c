/* SPDX-License-Identifier: MIT */
/* The core's own chatd.bus: within this process, delivered in a later turn of the loop. */
#include "host/host.h"

#include "base/log.h"
#include "base/mem.h"

#include <chatd/svc/bus.h>

#include <string.h>

enum { PENDING_MAX = 65536, SUBS_MAX = 1 << 20 };

struct bus_sub {
    struct plugin *plugin;
    uint64_t id;
    chatd_bus_cb cb;
    void *arg;
    struct bus_topic *topic;
    struct bus_sub *next, **prev; /* of the topic */
};

struct bus_topic {
    char *name;
    struct bus_sub *first;
    UT_hash_handle hh;
};

struct bus_message {
    struct bus_message *next;
    size_t topic_n, data_n;
    char bytes[]; /* topic NUL data NUL */
};

struct loopback {
    struct bus_topic *topics;
    struct bus_message *first, **last;
    size_t n;
    bool posted;
};

static struct loopback *bus_of(struct host *h)
{
    return h->core.pub.data;
}

static void topic_leave(struct loopback *bus, struct bus_sub *sub)
{
    struct bus_topic *t = sub->topic;

    *sub->prev = sub->next;
    if (sub->next != NULL)
        sub->next->prev = sub->prev;
    if (t->first == NULL) {
        HASH_DEL(bus->topics, t);
        mem_free(t->name);
        mem_free(t);
    }
}

/* Subscribers may come and go in the callbacks: ids are collected first. */
static void deliver(struct host *h, const struct bus_message *m)
{
    struct loopback *bus = bus_of(h);
    struct bus_topic *t;
    struct bus_sub *sub;
    uint64_t *id;
    size_t n = 0, i;

    HASH_FIND(hh, bus->topics, m->bytes, m->topic_n, t);
    if (t == NULL)
        return;
    for (sub = t->first; sub != NULL; sub = sub->next)
        n++;
    id = mem_alloc(n * sizeof(*id));
    for (sub = t->first, i = 0; sub != NULL; sub = sub->next)
        id[i++] = sub->id;
    for (i = 0; i < n; i++) {
        sub = slab_get(&h->subs, id[i]);
        if (sub != NULL)
            sub->cb(&sub->plugin->pub, (chatd_str){m->bytes, m->topic_n},
                    (chatd_str){m->bytes + m->topic_n + 1, m->data_n}, 0, sub->arg);
    }
    mem_free(id);
}

static void on_post(chatd_plugin *self, void *arg)
{
    struct host *h = host_of(self);
    struct loopback *bus = bus_of(h);
    struct bus_message *m = bus->first;

    (void)arg;
    bus->first = NULL;
    bus->last = &bus->first;
    bus->n = 0;
    bus->posted = false;
    while (m != NULL) {
        struct bus_message *next = m->next;

        deliver(h, m);
        mem_free(m);
        m = next;
    }
}

static int publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    struct host *h = host_of(p);
    struct loopback *bus = bus_of(h);
    struct bus_message *m;
    struct bus_topic *t;

    (void)self;
    if (topic.n == 0 || topic.n > CHATD_BUS_TOPIC_MAX || data.n > CHATD_BUS_DATA_MAX)
        return CHATD_E_INVAL;
    HASH_FIND(hh, bus->topics, topic.p, topic.n, t);
    if (t == NULL)
        return CHATD_OK;
    if (bus->n == PENDING_MAX)
        return CHATD_E_BUSY;
    m = mem_alloc(sizeof(*m) + topic.n + data.n + 2);
    m->topic_n = topic.n;
    m->data_n = data.n;
    memcpy(m->bytes, topic.p, topic.n);
    if (data.n > 0)
        memcpy(m->bytes + topic.n + 1, data.p, data.n);
    *bus->last = m;
    bus->last = &m->next;
    bus->n++;
    if (!bus->posted)
        bus->posted = job_post(&h->core.pub, on_post, NULL) == CHATD_OK;
    return CHATD_OK;
}

static int subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                     void *arg, chatd_sub *sub_out)
{
    struct host *h = host_of(p);
    struct loopback *bus = bus_of(h);
    struct bus_topic *t;
    struct bus_sub *sub;
    uint64_t id;

    if (topic.n == 0 || topic.n > CHATD_BUS_TOPIC_MAX || cb == NULL || sub_out == NULL)
        return CHATD_E_INVAL;
    sub = slab_new(&h->subs, &id);
    if (sub == NULL)
        return CHATD_E_BUSY;
    HASH_FIND(hh, bus->topics, topic.p, topic.n, t);
    if (t == NULL) {
        t = mem_alloc(sizeof(*t));
        t->name = mem_strndup(topic.p, topic.n);
        HASH_ADD_KEYPTR(hh, bus->topics, t->name, topic.n, t);
    }
    sub->plugin = plugin_of(self);
    sub->id = id;
    sub->cb = cb;
    sub->arg = arg;
    sub->topic = t;
    sub->next = t->first;
    sub->prev = &t->first;
    if (t->first != NULL)
        t->first->prev = &sub->next;
    t->first = sub;
    sub_out->v = id;
    return CHATD_OK;
}

static int unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub id)
{
    struct host *h = host_of(p);
    struct bus_sub *sub = slab_get(&h->subs, id.v);

    if (sub == NULL || sub->plugin != plugin_of(self))
        return CHATD_E_GONE;
    topic_leave(bus_of(h), sub);
    slab_free(&h->subs, id.v);
    return CHATD_OK;
}

void loopback_init(struct host *h)
{
    static const struct chatd_bus_api api = {.size = sizeof(api),
                                             .publish = publish,
                                             .subscribe = subscribe,
                                             .unsubscribe = unsubscribe};
    static const struct chatd_service_def def = {.size = sizeof(def),
                                                 .major = CHATD_BUS_MAJOR,
                                                 .minor = CHATD_BUS_MINOR,
                                                 .name = CHATD_BUS_SERVICE,
                                                 .api = &api};
    struct loopback *bus = mem_alloc(sizeof(*bus));

    slab_init(&h->subs, sizeof(struct bus_sub), SUBS_MAX, 1);
    bus->last = &bus->first;
    h->core.pub.data = bus;
    service_offer(&h->core.pub, &def);
}

/* The subscriptions of one plugin, or of all (NULL). */
void loopback_remove(struct host *h, const struct plugin *p)
{
    uint32_t i;

    for (i = 0; i < h->subs.n_slots; i++) {
        struct bus_sub *sub = slab_at(&h->subs, i);

        if (sub != NULL && (p == NULL || sub->plugin == p)) {
            topic_leave(bus_of(h), sub);
            slab_free(&h->subs, sub->id);
        }
    }
}

void loopback_deinit(struct host *h)
{
    struct loopback *bus = bus_of(h);

    loopback_remove(h, NULL);
    while (bus->first != NULL) {
        struct bus_message *next = bus->first->next;

        mem_free(bus->first);
        bus->first = next;
    }
    mem_free(bus);
}
