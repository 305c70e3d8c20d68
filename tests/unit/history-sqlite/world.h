/* SPDX-License-Identifier: MIT */
/* A server with the plugin history-sqlite in it, a caller of its services, and what it was told. */
#ifndef WORLD_H
#define WORLD_H

#include "fakecore.h"
#include "history.h"
#include "scratch.h"

#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>

struct world {
    struct scratch scratch;
    struct history_config config;
    struct fakecore *core;
    struct fakebus *bus; /* NULL: none */
    chatd_plugin *plugin;
    const struct chatd_service *log, *kv;
    char story[4096]; /* what callbacks told, in order, separated by blanks */
};

/* An init, a start that may fail, and the end. A world that did not start is freed by world_stop
 * all the same. */
void world_make(struct world *world);
int world_start(struct world *world, const char *instance);
void world_stop(struct world *world);

/* Stops and starts again under the same instance id's successor. */
void world_restart(struct world *world);

/* Adds a word to the story. */
void world_tell(struct world *world, const char *format, ...) CHATD_PRINTF(2, 3);

/* Runs the core, compares the story and begins a new one. */
#define world_expect(world, text)                  \
    do {                                           \
        fakecore_run((world)->core);               \
        assert_string_equal((world)->story, text); \
        (world)->story[0] = '\0';                  \
    } while (0)

/* The callback of world_append(); `arg` is the world. */
void world_appended(chatd_plugin *self, int err, const struct chatd_log_appended *result,
                    void *arg);

/* Appends `{"n":<record>}`; tells `+<seq>`, `=<seq>` for a double, or `+E<err>`. */
int world_append(struct world *world, const char *room, const char *cid, int record);

/* Tells `<seq>,<seq>,...;top=<top>[;more]`. */
int world_range(struct world *world, const char *room, uint64_t seq, uint32_t limit,
                enum chatd_log_range_flag direction);

/* A subscriber called `name`: tells `<name><seq>`, `<name>reset<seq>`, `<name>gone<from>-<to>`. Its
 * records must come as rising seq; one with seq == `leave` makes it unsubscribe itself. */
struct listener {
    struct world *world;
    const char *name;
    chatd_sub sub;
    uint64_t last, leave;
    uint64_t first, heard; /* the first seq, and how many came */
};

int world_listen(struct world *world, struct listener *listener, const char *room,
                 const char *epoch, uint64_t seq);

/* The epoch of the store that is open. */
const char *world_epoch(const struct world *world);

#endif
