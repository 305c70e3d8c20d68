/* SPDX-License-Identifier: MIT */
/* The chatd.bus that the core has when no plugin offers one. */
#include "host.h"

#include <chatd/svc/bus.h>

struct sub {
    bool is_on;
    char *topic;
    chatd_bus_cb cb;
    void *arg;
};

struct letter {
    struct letter *next;
    struct testhost *t;
    char *topic, *data;
    size_t n;
    bool is_lost;
};

struct bus {
    struct letter *first, **last; /* published and not told to the test yet */
    char *told;
};

static void letter_free(struct letter *letter)
{
    mem_free(letter->topic);
    mem_free(letter->data);
    mem_free(letter);
}

static struct letter *letter_new(struct testhost *t, chatd_str topic, chatd_str data)
{
    struct letter *letter = mem_alloc(sizeof(*letter));

    *letter = (struct letter){.t = t,
                              .topic = mem_strndup(topic.p, topic.n),
                              .data = mem_alloc(data.n + 1),
                              .n = data.n,
                              .is_lost = data.p == NULL};
    if (data.n > 0)
        memcpy(letter->data, data.p, data.n);
    return letter;
}

static void deliver(void *arg)
{
    struct letter *letter = arg;
    struct testhost *t = letter->t;

    for (size_t i = 0; i < t->subs.n; i++) {
        const struct sub *sub = t->subs.row[i];
        struct loan loan = {0};

        if (!sub->is_on || strcmp(sub->topic, letter->topic) != 0)
            continue;
        enter(t);
        sub->cb(&t->plugin.pub, lend_str(&loan, letter->topic),
                lend_bytes(&loan, (chatd_str){letter->data, letter->n}), letter->is_lost, sub->arg);
        leave(t);
        loan_end(t, &loan);
    }
    letter_free(letter);
}

static int publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    struct testhost *t = loop_of(self, "chatd_bus_publish");
    struct letter *letter;

    (void)p;
    if (topic.n == 0 || topic.n > CHATD_BUS_TOPIC_MAX || data.n > CHATD_BUS_DATA_MAX)
        return CHATD_E_INVAL;
    letter = letter_new(t, topic, data);
    letter->is_lost = false;
    *t->bus->last = letter;
    t->bus->last = &letter->next;
    letter = letter_new(t, topic, data);
    letter->is_lost = false;
    later(t, CHATD_BUS_SERVICE, deliver, letter);
    return CHATD_OK;
}

static int subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                     void *arg, chatd_sub *sub_out)
{
    struct testhost *t = loop_of(self, "chatd_bus_subscribe");
    struct sub *sub = mem_alloc(sizeof(*sub));

    (void)p;
    *sub =
        (struct sub){.is_on = true, .topic = mem_strndup(topic.p, topic.n), .cb = cb, .arg = arg};
    sub_out->v = table_add(&t->subs, KIND_SUB, sub);
    return CHATD_OK;
}

static int unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub id)
{
    struct sub *sub = table_get(&loop_of(self, "chatd_bus_unsubscribe")->subs, KIND_SUB, id.v);

    (void)p;
    if (sub == NULL || !sub->is_on)
        return CHATD_E_GONE;
    sub->is_on = false;
    return CHATD_OK;
}

void bus_init(struct testhost *t)
{
    static const struct chatd_bus_api api = {.size = sizeof(api),
                                             .publish = publish,
                                             .subscribe = subscribe,
                                             .unsubscribe = unsubscribe};

    t->bus = mem_alloc(sizeof(*t->bus));
    t->bus->last = &t->bus->first;
    testhost_fake(t, CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, CHATD_BUS_MINOR, &api, NULL);
}

void testhost_bus(struct testhost *t, const char *topic, chatd_str data)
{
    later(t, CHATD_BUS_SERVICE, deliver, letter_new(t, (chatd_str){topic, strlen(topic)}, data));
    testhost_turn(t);
}

const char *testhost_bus_next(struct testhost *t)
{
    struct letter *letter = t->bus->first;

    if (letter == NULL)
        return NULL;
    mem_free(t->bus->told);
    t->bus->told = mem_printf("%s %s", letter->topic, letter->data);
    t->bus->first = letter->next;
    if (t->bus->first == NULL)
        t->bus->last = &t->bus->first;
    letter_free(letter);
    return t->bus->told;
}

void bus_free(struct testhost *t)
{
    struct letter *letter;

    while ((letter = t->bus->first) != NULL) {
        t->bus->first = letter->next;
        letter_free(letter);
    }
    for (size_t i = 0; i < t->subs.n; i++)
        mem_free(((struct sub *)t->subs.row[i])->topic);
    table_free(&t->subs);
    mem_free(t->bus->told);
    mem_free(t->bus);
}
