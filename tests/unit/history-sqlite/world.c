/* SPDX-License-Identifier: MIT */
/* A server with the plugin history-sqlite in it, and a caller of its services. */
#include "world.h"

#include "fakebus.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void world_make(struct world *world)
{
    *world = (struct world){0};
    scratch_make(&world->scratch);
    world->config = (struct history_config){.path = world->scratch.db,
                                            .history_max = 1000,
                                            .batch_max = 64,
                                            .queue_max = 1000,
                                            .canary_ms = 5000,
                                            .log = 1};
}

int world_start(struct world *world, const char *instance)
{
    world->t = testhost_new(&chatd_plugin_v1);
    world->caller = testhost_caller(world->t);
    world->asked = NULL;
    testhost_instance(world->t, instance);
    if (world->bus != NULL)
        fakebus_join(world->bus, world->t);
    int err = testhost_init_with(world->t, &world->config);

    world->log = testhost_service(world->t, CHATD_LOG_SERVICE);
    world->kv = testhost_service(world->t, CHATD_KV_SERVICE);
    return err == CHATD_OK ? testhost_start(world->t) : err;
}

void world_stop(struct world *world)
{
    struct asked *asked;

    if (world->t == NULL)
        return;
    testhost_stop(world->t);
    assert_null(testhost_self(world->t)->data);
    assert_int_equal(testhost_free(world->t), 0);
    world->t = NULL;
    while ((asked = world->asked) != NULL) {
        world->asked = asked->next;
        free(asked);
    }
}

void world_restart(struct world *world)
{
    static int lives;
    char instance[17];

    world_stop(world);
    snprintf(instance, sizeof(instance), "%016x", ++lives);
    assert_int_equal(world_start(world, instance), CHATD_OK);
}

struct history *world_history(const struct world *world)
{
    return testhost_self(world->t)->data;
}

struct asked *world_ask(struct world *world, const char *what)
{
    struct asked *asked = malloc(sizeof(*asked));

    assert_non_null(asked);
    *asked = (struct asked){.next = world->asked,
                            .world = world,
                            .call = testhost_expect(world->t, what, BATCH_DEADLINE_MS)};
    world->asked = asked;
    return asked;
}

struct world *world_came(void *asked)
{
    testhost_came(((struct asked *)asked)->call);
    return ((struct asked *)asked)->world;
}

int world_called(const struct asked *asked, int err)
{
    if (err == CHATD_OK)
        testhost_returned(asked->call);
    else
        testhost_refused(asked->call);
    return err;
}

void world_tell(struct world *world, const char *format, ...)
{
    size_t n = strlen(world->story);
    va_list args;

    if (n > 0)
        n += (size_t)snprintf(world->story + n, sizeof(world->story) - n, " ");
    va_start(args, format);
    vsnprintf(world->story + n, sizeof(world->story) - n, format, args);
    va_end(args);
}

const char *world_epoch(const struct world *world)
{
    return store_epoch(world_history(world)->store);
}

void world_appended(chatd_plugin *self, int err, const struct chatd_log_appended *result, void *arg)
{
    struct world *world = world_came(arg);

    assert_ptr_equal(self, world->caller);
    assert_true((err == CHATD_OK) == (result != NULL));
    if (result == NULL) {
        world_tell(world, "+E%d", err);
        return;
    }
    assert_string_equal(result->epoch.p, world_epoch(world));
    assert_true((result->ts == 0) == (result->duplicate == 1));
    world_tell(world, "%s%" PRIu64, result->duplicate ? "=" : "+", result->seq);
}

static int append_entry(struct world *world, const struct chatd_log_entry *entry)
{
    struct asked *asked = world_ask(world, "an append");

    return world_called(asked,
                        chatd_log_append(world->caller, world->log, entry, world_appended, asked));
}

int world_append_text(struct world *world, const char *room, chatd_str record)
{
    const struct chatd_log_entry entry = {
        .size = sizeof(entry), .room = str_of(room), .record = record};

    return append_entry(world, &entry);
}

int world_append(struct world *world, const char *room, const char *cid, int record)
{
    char text[32];

    snprintf(text, sizeof(text), "{\"n\":%d}", record);
    const struct chatd_log_entry entry = {.size = sizeof(entry),
                                          .dedup_ms = 600000,
                                          .room = str_of(room),
                                          .user = CHATD_STR("alice"),
                                          .cid = str_of(cid),
                                          .record = str_of(text)};

    return append_entry(world, &entry);
}

static void ranged(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct world *world = world_came(arg);
    char text[1024] = "";
    size_t n = 0;

    assert_ptr_equal(self, world->caller);
    if (err != CHATD_OK) {
        world_tell(world, "rE%d", err);
        return;
    }
    for (uint32_t i = 0; i < page->n && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%" PRIu64, i > 0 ? "," : "",
                              page->records[i].seq);
    world_tell(world, "%s;top=%" PRIu64 "%s", text, page->top, page->more ? ";more" : "");
}

int world_range(struct world *world, const char *room, uint64_t seq, uint32_t limit,
                enum chatd_log_range_flag direction)
{
    struct asked *asked = world_ask(world, "a range");

    return world_called(asked, chatd_log_range(world->caller, world->log, str_of(room), seq, limit,
                                               direction, ranged, asked));
}

static void heard(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                  const struct chatd_log_record *record, void *arg)
{
    struct listener *listener = arg;

    assert_true(listener->sub.v == sub.v);
    assert_string_equal(epoch.p, world_epoch(listener->world));
    assert_true(record->seq > listener->last && record->ts > 0);
    listener->last = record->seq;
    listener->first = listener->heard++ == 0 ? record->seq : listener->first;
    world_tell(listener->world, "%s%" PRIu64, listener->name, record->seq);
    if (record->seq == listener->leave)
        chatd_log_unsubscribe(self, listener->world->log, sub);
}

static void reset(chatd_plugin *self, chatd_sub sub, chatd_str epoch, uint64_t seq, void *arg)
{
    struct listener *listener = arg;

    (void)self;
    assert_true(listener->sub.v == sub.v);
    assert_string_equal(epoch.p, world_epoch(listener->world));
    world_tell(listener->world, "%sreset%" PRIu64, listener->name, seq);
}

static void trimmed(chatd_plugin *self, chatd_sub sub, uint64_t from, uint64_t to, void *arg)
{
    struct listener *listener = arg;

    (void)self;
    assert_true(listener->sub.v == sub.v && from <= to);
    world_tell(listener->world, "%sgone%" PRIu64 "-%" PRIu64, listener->name, from, to);
}

int world_listen(struct world *world, struct listener *listener, const char *room,
                 const char *epoch, uint64_t seq)
{
    static const struct chatd_log_listener functions = {
        .size = sizeof(functions), .record = heard, .reset = reset, .trimmed = trimmed};
    const struct chatd_log_position after = {.epoch = str_of(epoch), .seq = seq};

    listener->world = world;
    return chatd_log_subscribe(world->caller, world->log, str_of(room), &after, &functions,
                               listener, &listener->sub);
}
