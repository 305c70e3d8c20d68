/* SPDX-License-Identifier: MIT */
/* A chatd.bus between several test hosts. */
#include "fakebus.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBS_MAX     64
#define MESSAGES_MAX 4096

struct bus_sub {
    uint64_t id; /* 0: free */
    chatd_plugin *caller;
    char topic[CHATD_BUS_TOPIC_MAX + 1];
    chatd_bus_cb cb;
    void *arg;
};

/* An id: this subscriber alone, who is told of a loss. */
struct bus_message {
    uint64_t id;
    char topic[CHATD_BUS_TOPIC_MAX + 1];
    char *data;
    size_t n;
};

struct fakebus {
    struct bus_sub subs[SUBS_MAX];
    uint64_t last_id;
    struct bus_message messages[MESSAGES_MAX];
    size_t n;
};

static struct fakebus *bus_of(chatd_plugin *p)
{
    return p->data;
}

static void put(struct fakebus *bus, uint64_t id, const char *topic, chatd_str data)
{
    struct bus_message *message = &bus->messages[bus->n++];

    assert(bus->n < MESSAGES_MAX);
    *message = (struct bus_message){.id = id, .data = malloc(data.n + 1), .n = data.n};
    assert(message->data != NULL);
    snprintf(message->topic, sizeof(message->topic), "%s", topic);
    if (data.n > 0)
        memcpy(message->data, data.p, data.n);
    message->data[data.n] = '\0';
}

static int publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    char text[CHATD_BUS_TOPIC_MAX + 1];

    (void)self;
    assert(topic.n > 0 && topic.n <= CHATD_BUS_TOPIC_MAX && data.n <= CHATD_BUS_DATA_MAX);
    snprintf(text, sizeof(text), "%.*s", (int)topic.n, topic.p);
    put(bus_of(p), 0, text, data);
    return CHATD_OK;
}

static int subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                     void *arg, chatd_sub *sub_out)
{
    struct fakebus *bus = bus_of(p);

    for (int i = 0; i < SUBS_MAX; i++) {
        struct bus_sub *sub = &bus->subs[i];

        if (sub->id != 0)
            continue;
        *sub = (struct bus_sub){.id = ++bus->last_id, .caller = self, .cb = cb, .arg = arg};
        snprintf(sub->topic, sizeof(sub->topic), "%.*s", (int)topic.n, topic.p);
        put(bus, sub->id, sub->topic, CHATD_STR(""));
        *sub_out = (chatd_sub){sub->id};
        return CHATD_OK;
    }
    return CHATD_E_BUSY;
}

static int unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub id)
{
    struct fakebus *bus = bus_of(p);

    for (int i = 0; i < SUBS_MAX; i++)
        if (id.v != 0 && bus->subs[i].id == id.v) {
            assert(bus->subs[i].caller == self);
            (void)self;
            bus->subs[i].id = 0;
            return CHATD_OK;
        }
    return CHATD_E_GONE;
}

struct fakebus *fakebus_new(void)
{
    struct fakebus *bus = calloc(1, sizeof(*bus));

    assert(bus != NULL);
    return bus;
}

void fakebus_free(struct fakebus *bus)
{
    fakebus_lose(bus, false);
    free(bus);
}

void fakebus_join(struct fakebus *bus, struct testhost *t)
{
    static const struct chatd_bus_api api = {.size = sizeof(api),
                                             .publish = publish,
                                             .subscribe = subscribe,
                                             .unsubscribe = unsubscribe};

    testhost_fake(t, CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, CHATD_BUS_MINOR, &api, bus);
}

static void deliver(struct fakebus *bus, const struct bus_message *message)
{
    for (int i = 0; i < SUBS_MAX; i++) {
        const struct bus_sub *sub = &bus->subs[i];

        if (sub->id != 0 && strcmp(sub->topic, message->topic) == 0 &&
            (message->id == 0 || message->id == sub->id))
            sub->cb(sub->caller, (chatd_str){message->topic, strlen(message->topic)},
                    (chatd_str){message->data, message->n}, message->id != 0, sub->arg);
    }
}

bool fakebus_run(struct fakebus *bus)
{
    bool any = bus->n > 0;

    while (bus->n > 0) {
        struct bus_message message = bus->messages[0];

        bus->n--;
        memmove(&bus->messages[0], &bus->messages[1], sizeof(message) * bus->n);
        deliver(bus, &message);
        free(message.data);
    }
    return any;
}

size_t fakebus_waiting(const struct fakebus *bus)
{
    return bus->n;
}

void fakebus_reverse(struct fakebus *bus)
{
    for (size_t i = 0; i < bus->n / 2; i++) {
        struct bus_message swap = bus->messages[i];

        bus->messages[i] = bus->messages[bus->n - 1 - i];
        bus->messages[bus->n - 1 - i] = swap;
    }
}

void fakebus_lose(struct fakebus *bus, bool told)
{
    while (bus->n > 0)
        free(bus->messages[--bus->n].data);
    for (int i = 0; told && i < SUBS_MAX; i++)
        if (bus->subs[i].id != 0)
            put(bus, bus->subs[i].id, bus->subs[i].topic, CHATD_STR(""));
}

size_t fakebus_subscribers(const struct fakebus *bus)
{
    size_t n = 0;

    for (int i = 0; i < SUBS_MAX; i++)
        n += bus->subs[i].id != 0;
    return n;
}

void fakebus_forge(struct fakebus *bus, const char *data)
{
    for (int i = 0; i < SUBS_MAX; i++)
        if (bus->subs[i].id != 0) {
            put(bus, 0, bus->subs[i].topic, (chatd_str){data, strlen(data)});
            return;
        }
}
