/* SPDX-License-Identifier: MIT */
/* The service chatd.bus: publications on Redis' channels, marked as the bus's. */
#include "bus.h"

#include "hash.h"
#include "history.h"

#include <chatd/metric.h>
#include <string.h>

struct bus_sub {
    UT_hash_handle hh;
    struct bus_sub *next; /* of the topic */
    struct bus_topic *topic;
    uint64_t id;
    chatd_plugin *caller;
    chatd_bus_cb cb;
    void *arg;
};

struct bus_topic {
    UT_hash_handle hh;
    struct bus_sub *first;
    uint32_t n;
    size_t name_n;
    char name[];
};

void bus_init(struct bus *bus, struct channels *channels)
{
    *bus = (struct bus){.channels = channels};
}

static struct bus_topic *topic_find(const struct bus *bus, chatd_str name)
{
    struct bus_topic *topic;

    HASH_FIND(hh, bus->topics, name.p, name.n, topic);
    return topic;
}

static struct bus_sub *sub_find(const struct bus *bus, uint64_t id)
{
    struct bus_sub *sub;

    HASH_FIND(hh, bus->subs, &id, sizeof(id), sub);
    return sub;
}

/* Subscribers may come and go in the callbacks: ids are collected first. */
void bus_message(struct bus *bus, chatd_str name, chatd_str data, uint32_t lost)
{
    struct bus_topic *topic = topic_find(bus, name);
    uint32_t n = 0;

    if (topic == NULL)
        return;
    uint64_t *ids = calloc(topic->n, sizeof(*ids));

    if (ids == NULL)
        return; /* at most once */
    for (const struct bus_sub *sub = topic->first; sub != NULL; sub = sub->next)
        ids[n++] = sub->id;
    for (uint32_t i = 0; i < n; i++) {
        const struct bus_sub *sub = sub_find(bus, ids[i]);

        if (sub != NULL)
            sub->cb(sub->caller, name, data, lost, sub->arg);
    }
    free(ids);
}

static void topic_free(struct bus *bus, struct bus_topic *topic)
{
    HASH_DELETE(hh, bus->topics, topic);
    channels_remove_topic(bus->channels, (chatd_str){topic->name, topic->name_n});
    free(topic);
}

static struct bus_topic *topic_get(struct bus *bus, chatd_str name)
{
    struct bus_topic *topic = topic_find(bus, name);
    bool is_listening;

    if (topic != NULL)
        return topic;
    topic = calloc(1, sizeof(*topic) + name.n + 1);
    if (topic == NULL || channels_add_topic(bus->channels, name, &is_listening) != CHATD_OK) {
        free(topic);
        return NULL;
    }
    topic->name_n = name.n;
    memcpy(topic->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, bus->topics, topic->name, topic->name_n, topic);
    return topic;
}

static int bus_subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str name, chatd_bus_cb cb,
                         void *arg, chatd_sub *sub_out)
{
    struct history *history = p->data;

    if (!text_is_name(name, 1) || cb == NULL || sub_out == NULL)
        return CHATD_E_INVAL;
    if (history == NULL || history->queue.closed)
        return CHATD_E_STATE;
    struct bus *bus = &history->bus;
    struct bus_sub *sub = calloc(1, sizeof(*sub));
    struct bus_topic *topic = sub != NULL ? topic_get(bus, name) : NULL;

    if (topic == NULL) {
        free(sub);
        return CHATD_E_BUSY;
    }
    *sub = (struct bus_sub){.next = topic->first,
                            .topic = topic,
                            .id = ++bus->last_id,
                            .caller = self,
                            .cb = cb,
                            .arg = arg};
    topic->first = sub;
    topic->n++;
    HASH_ADD(hh, bus->subs, id, sizeof(sub->id), sub);
    *sub_out = (chatd_sub){sub->id};
    return CHATD_OK;
}

static void sub_free(struct bus *bus, struct bus_sub *sub)
{
    struct bus_topic *topic = sub->topic;
    struct bus_sub **at = &topic->first;

    while (*at != sub)
        at = &(*at)->next;
    *at = sub->next;
    HASH_DELETE(hh, bus->subs, sub);
    free(sub);
    if (--topic->n == 0)
        topic_free(bus, topic);
}

static int bus_unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub id)
{
    struct history *history = p->data;
    struct bus_sub *sub = history != NULL ? sub_find(&history->bus, id.v) : NULL;

    if (sub == NULL || sub->caller != self)
        return CHATD_E_GONE;
    sub_free(&history->bus, sub);
    return CHATD_OK;
}

void bus_deinit(struct bus *bus)
{
    struct bus_sub *sub, *next;

    HASH_ITER(hh, bus->subs, sub, next)
    {
        sub_free(bus, sub);
    }
}

/* --- publishing -------------------------------------------------------------------------------- */

/* At most once: who publishes is not told, and it is not sent again. */
static void publish_answer(struct request *request, int err, redisReply *reply)
{
    (void)request, (void)err, (void)reply;
}

static void publish_destroy(struct request *request)
{
    free(request);
}

static int bus_publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    static const struct request_class class = {.answer = publish_answer,
                                               .destroy = publish_destroy};
    struct history *history = p->data;
    struct text channel;

    (void)self;
    if (!text_is_name(topic, 1) || data.n > CHATD_BUS_DATA_MAX)
        return CHATD_E_INVAL;
    if (history == NULL || history->queue.closed)
        return CHATD_E_STATE;
    if (!link_is_up(&history->commands))
        return CHATD_E_BACKEND;
    char *payload = malloc(data.n + 2);

    if (payload == NULL)
        return CHATD_E_BUSY;
    memcpy(payload, "b ", 2); /* NOLINT(bugprone-not-null-terminated-result): it has a length */
    if (data.n > 0)
        memcpy(payload + 2, data.p, data.n);
    const chatd_str argv[] = {CHATD_STR("PUBLISH"),
                              text_topic_channel(&channel, history->channels.database, topic),
                              {payload, data.n + 2}};
    struct request *request = request_new(sizeof(*request), &class, SCRIPT_NONE, 0, 3, argv);

    free(payload);
    return history_submit(history, request);
}

const struct chatd_bus_api history_bus_api = {.size = sizeof(history_bus_api),
                                              .publish = bus_publish,
                                              .subscribe = bus_subscribe,
                                              .unsubscribe = bus_unsubscribe};
