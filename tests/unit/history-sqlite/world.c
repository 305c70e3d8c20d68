/* SPDX-License-Identifier: MIT */
/* A server with the plugin history-sqlite in it, and a caller of its services. */
#include "world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
    world->core = fakecore_new(&world->config, instance);
    world->plugin = fakecore_plugin(world->core);
    if (world->bus != NULL)
        fakecore_bus(world->core, world->bus);
    int err = chatd_plugin_v1.init(world->plugin);

    world->log = fakecore_service(world->core, CHATD_LOG_SERVICE);
    world->kv = fakecore_service(world->core, CHATD_KV_SERVICE);
    return err == CHATD_OK ? chatd_plugin_v1.start(world->plugin) : err;
}

void world_stop(struct world *world)
{
    if (world->core == NULL)
        return;
    chatd_plugin_v1.drain(world->plugin);
    fakecore_run(world->core);
    if (world->plugin->data != NULL)
        chatd_plugin_v1.cancel(world->plugin);
    chatd_plugin_v1.stop(world->plugin);
    assert(world->plugin->data == NULL);
    fakecore_free(world->core);
    world->core = NULL;
}

void world_restart(struct world *world)
{
    static int lives;
    char instance[17];

    world_stop(world);
    snprintf(instance, sizeof(instance), "%016x", ++lives);
    int err = world_start(world, instance);

    assert(err == CHATD_OK);
    (void)err;
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
    const struct history *history = world->plugin->data;

    return store_epoch(history->store);
}

void world_appended(chatd_plugin *self, int err, const struct chatd_log_appended *result, void *arg)
{
    struct world *world = arg;

    assert(self == world->plugin);
    assert((err == CHATD_OK) == (result != NULL));
    if (result == NULL) {
        world_tell(world, "+E%d", err);
        return;
    }
    assert(strcmp(result->epoch.p, world_epoch(world)) == 0);
    assert((result->ts == 0) == (result->duplicate == 1));
    world_tell(world, "%s%" PRIu64, result->duplicate ? "=" : "+", result->seq);
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

    return chatd_log_append(world->plugin, world->log, &entry, world_appended, world);
}

static void ranged(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct world *world = arg;
    char text[1024] = "";
    size_t n = 0;

    (void)self;
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
    return chatd_log_range(world->plugin, world->log, str_of(room), seq, limit, direction, ranged,
                           world);
}

static void heard(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                  const struct chatd_log_record *record, void *arg)
{
    struct listener *listener = arg;

    assert(listener->sub.v == sub.v);
    assert(strcmp(epoch.p, world_epoch(listener->world)) == 0);
    assert(record->seq > listener->last && record->ts > 0);
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
    assert(listener->sub.v == sub.v);
    assert(strcmp(epoch.p, world_epoch(listener->world)) == 0);
    world_tell(listener->world, "%sreset%" PRIu64, listener->name, seq);
}

static void trimmed(chatd_plugin *self, chatd_sub sub, uint64_t from, uint64_t to, void *arg)
{
    struct listener *listener = arg;

    (void)self;
    assert(listener->sub.v == sub.v && from <= to);
    world_tell(listener->world, "%sgone%" PRIu64 "-%" PRIu64, listener->name, from, to);
}

int world_listen(struct world *world, struct listener *listener, const char *room,
                 const char *epoch, uint64_t seq)
{
    static const struct chatd_log_listener functions = {
        .size = sizeof(functions), .record = heard, .reset = reset, .trimmed = trimmed};
    const struct chatd_log_position after = {.epoch = str_of(epoch), .seq = seq};

    listener->world = world;
    return chatd_log_subscribe(world->plugin, world->log, str_of(room), &after, &functions,
                               listener, &listener->sub);
}
