/* SPDX-License-Identifier: MIT */
/* The core's own chatd.bus: within this process, delivered when whoever published has returned to the loop, mostly in
 * the same turn of it, and through the uplink to the other workers of this server. */
#include "host/host.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/work.h"

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
    unsigned topic_hash;
    size_t topic_n, data_n;
    char bytes[]; /* topic NUL data NUL */
};

struct bus {
    struct bus_topic *topics;
    struct bus_message *first, **last;
    size_t n;
    struct event *due;
    bool is_delivering;
};

static struct bus *bus_of(struct host *h)
{
    return h->core.pub.data;
}

static void topic_leave(struct host *h, struct bus_sub *sub)
{
    struct bus *bus = bus_of(h);
    struct bus_topic *t = sub->topic;

    *sub->prev = sub->next;
    if (sub->next != NULL)
        sub->next->prev = sub->prev;
    if (t->first == NULL) {
        HASH_DEL(bus->topics, t);
        if (h->uplink.unsubscribe != NULL)
            h->uplink.unsubscribe(h->uplink.arg, (chatd_str){t->name, strlen(t->name)});
        mem_free(t->name);
        mem_free(t);
    }
}

static void call(struct host *h, const struct bus_sub *sub, chatd_str topic, chatd_str data,
                 uint32_t lost)
{
    struct work_before before = work_enter(sub->plugin, WORK_BUS, 0);

    sub->cb(&sub->plugin->pub, topic, data, lost, sub->arg);
    work_leave(h, before);
}

/* Subscribers may come and go in the callbacks: ids are collected first, unless there is but one. */
static void deliver(struct host *h, const struct bus_topic *t, chatd_str topic, chatd_str data,
                    uint32_t lost)
{
    const struct bus_sub *sub = t->first;
    uint64_t *id;
    size_t n = 0, i;

    if (sub->next == NULL) {
        call(h, sub, topic, data, lost);
        return;
    }
    for (; sub != NULL; sub = sub->next)
        n++;
    id = mem_alloc(n * sizeof(*id));
    for (sub = t->first, i = 0; sub != NULL; sub = sub->next)
        id[i++] = sub->id;
    for (i = 0; i < n; i++) {
        sub = slab_get(&h->subs, id[i]);
        if (sub != NULL)
            call(h, sub, topic, data, lost);
    }
    mem_free(id);
}

static unsigned topic_hash(chatd_str topic)
{
    unsigned hash;

    HASH_VALUE(topic.p, topic.n, hash);
    return hash;
}

static struct bus_topic *topic_find(struct host *h, chatd_str topic, unsigned hash)
{
    struct bus_topic *t;

    HASH_FIND_BYHASHVALUE(hh, bus_of(h)->topics, topic.p, topic.n, hash, t);
    return t;
}

/* Topics may come and go meanwhile, too. */
static void lost_all(struct host *h)
{
    const struct bus *bus = bus_of(h);
    const struct bus_topic *t;
    unsigned n = HASH_COUNT(bus->topics), i = 0;
    char **name = mem_alloc((n + 1) * sizeof(char *));

    for (t = bus->topics; t != NULL; t = t->hh.next)
        name[i++] = mem_strdup(t->name);
    for (i = 0; i < n; i++) {
        chatd_str topic = {name[i], strlen(name[i])};

        t = topic_find(h, topic, topic_hash(topic));
        if (t != NULL)
            deliver(h, t, topic, CHATD_STR(""), 1);
        mem_free(name[i]);
    }
    mem_free(name);
}

void bus_receive(struct host *h, chatd_str topic, chatd_str data, bool lost)
{
    const struct bus_topic *t;
    char *copy;

    if (topic.n == 0) {
        lost_all(h);
        return;
    }
    t = topic_find(h, topic, topic_hash(topic));
    if (t == NULL)
        return; /* unsubscribed meanwhile */
    /* With a NUL behind each, as the SDK promises. */
    copy = mem_alloc(topic.n + data.n + 2);
    memcpy(copy, topic.p, topic.n);
    if (data.n > 0)
        memcpy(copy + topic.n + 1, data.p, data.n);
    deliver(h, t, (chatd_str){copy, topic.n}, (chatd_str){copy + topic.n + 1, data.n}, lost);
    mem_free(copy);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    struct host *h = arg;
    struct bus *bus = bus_of(h);
    struct bus_message *m = bus->first;

    (void)fd, (void)what;
    bus->first = NULL;
    bus->last = &bus->first;
    bus->n = 0;
    bus->is_delivering = true;
    while (m != NULL) {
        struct bus_message *next = m->next;
        const chatd_str topic = {m->bytes, m->topic_n};
        const struct bus_topic *t = topic_find(h, topic, m->topic_hash);

        if (t != NULL)
            deliver(h, t, topic, (chatd_str){m->bytes + m->topic_n + 1, m->data_n}, 0);
        mem_free(m);
        m = next;
    }
    bus->is_delivering = false;
}

/* What is published while others are delivered waits for the next turn: two that answer each other must not keep the
 * loop from everybody else. */
static void make_due(struct bus *bus)
{
    static const struct timeval at_once = {0};

    if (bus->is_delivering)
        event_add(bus->due, &at_once);
    else
        event_active(bus->due, EV_TIMEOUT, 0);
}

/* To those of this process. */
static int publish_here(struct host *h, chatd_str topic, chatd_str data)
{
    struct bus *bus = bus_of(h);
    unsigned hash = topic_hash(topic);
    struct bus_message *m;

    if (topic_find(h, topic, hash) == NULL)
        return CHATD_OK;
    if (bus->n == PENDING_MAX)
        return CHATD_E_BUSY;
    m = mem_raw(sizeof(*m) + topic.n + data.n + 2);
    *m = (struct bus_message){.topic_hash = hash, .topic_n = topic.n, .data_n = data.n};
    memcpy(m->bytes, topic.p, topic.n);
    m->bytes[topic.n] = '\0';
    if (data.n > 0)
        memcpy(m->bytes + topic.n + 1, data.p, data.n);
    m->bytes[topic.n + 1 + data.n] = '\0';
    if (bus->n++ == 0)
        make_due(bus);
    *bus->last = m;
    bus->last = &m->next;
    return CHATD_OK;
}

static int publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    struct host *h = host_of(p);
    bool sent = true;
    int rc;

    (void)self;
    if (topic.n == 0 || topic.n > CHATD_BUS_TOPIC_MAX || data.n > CHATD_BUS_DATA_MAX ||
        memchr(topic.p, '\0', topic.n) != NULL)
        return CHATD_E_INVAL;
    if (h->uplink.publish != NULL)
        sent = h->uplink.publish(h->uplink.arg, topic, data);
    rc = publish_here(h, topic, data);
    return sent ? rc : CHATD_E_BUSY;
}

static int subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                     void *arg, chatd_sub *sub_out)
{
    struct host *h = host_of(p);
    struct bus *bus = bus_of(h);
    struct bus_topic *t;
    struct bus_sub *sub;
    uint64_t id;

    if (topic.n == 0 || topic.n > CHATD_BUS_TOPIC_MAX || cb == NULL || sub_out == NULL ||
        memchr(topic.p, '\0', topic.n) != NULL)
        return CHATD_E_INVAL;
    sub = slab_new(&h->subs, &id);
    if (sub == NULL)
        return CHATD_E_BUSY;
    HASH_FIND(hh, bus->topics, topic.p, topic.n, t);
    if (t == NULL) {
        t = mem_alloc(sizeof(*t));
        t->name = mem_strndup(topic.p, topic.n);
        HASH_ADD_KEYPTR(hh, bus->topics, t->name, topic.n, t);
        if (h->uplink.subscribe != NULL)
            h->uplink.subscribe(h->uplink.arg, topic);
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
    topic_leave(h, sub);
    slab_free(&h->subs, id.v);
    return CHATD_OK;
}

void bus_init(struct host *h)
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
    struct bus *bus = mem_alloc(sizeof(*bus));

    slab_init(&h->subs, sizeof(struct bus_sub), SUBS_MAX, h->opt.worker);
    bus->last = &bus->first;
    bus->due = event_new(h->base, -1, 0, on_due, h);
    h->core.pub.data = bus;
    service_offer(&h->core.pub, &def);
}

/* The subscriptions of one plugin, or of all (NULL). */
void bus_remove(struct host *h, const struct plugin *p)
{
    uint32_t i;

    for (i = 0; i < h->subs.n_slots; i++) {
        struct bus_sub *sub = slab_at(&h->subs, i);

        if (sub != NULL && (p == NULL || sub->plugin == p)) {
            topic_leave(h, sub);
            slab_free(&h->subs, sub->id);
        }
    }
}

void bus_deinit(struct host *h)
{
    struct bus *bus = bus_of(h);

    bus_remove(h, NULL);
    while (bus->first != NULL) {
        struct bus_message *next = bus->first->next;

        mem_free(bus->first);
        bus->first = next;
    }
    event_free(bus->due);
    mem_free(bus);
}
