/* SPDX-License-Identifier: MIT */
/* A server with the plugin history-sqlite in it, a caller of its services, and what it was told. */
#ifndef WORLD_H
#define WORLD_H

#include "history.h"
#include "scratch.h"

#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <chatd/testhost.h>

struct asked;
struct fakebus;

struct world {
    struct scratch scratch;
    struct history_config config;
    struct testhost *t;
    struct fakebus *bus;  /* NULL: the core's own, and no other worker */
    chatd_plugin *caller; /* of the services */
    const struct chatd_service *log, *kv;
    struct asked *asked; /* every call of this life that wants an answer */
    char story[4096];    /* what callbacks told, in order, separated by blanks */
};

/* An init, a start that may fail, and the end, which finds no rule broken. A world that did not start
 * is freed by world_stop all the same. */
void world_make(struct world *world);
int world_start(struct world *world, const char *instance);
void world_stop(struct world *world);

/* Stops and starts again under the same instance id's successor. */
void world_restart(struct world *world);

/* The plugin's own. */
struct history *world_history(const struct world *world);

/* A call that must be answered: once, later, within the deadline that chatd.log and chatd.kv have. Its
 * callback gets it as `arg` and begins with world_came(). After the call comes world_called() with what
 * that returned, which it returns; on an error nothing may be called back. */
struct asked {
    struct asked *next;
    struct world *world;
    struct testhost_call *call;
};

struct asked *world_ask(struct world *world, const char *what);
struct world *world_came(void *asked);
int world_called(const struct asked *asked, int err);

/* Makes a call, which names its `asked`, and compares what it returns:
 *     world_asks(world, CHATD_OK, chatd_kv_get(caller, kv, ns, key, replied, asked)); */
#define world_asks(world, err, call)                      \
    do {                                                  \
        struct asked *asked = world_ask(world, #call);    \
                                                          \
        assert_int_equal(world_called(asked, call), err); \
    } while (0)

/* Adds a word to the story. */
void world_tell(struct world *world, const char *format, ...) CHATD_PRINTF(2, 3);

/* Takes a turn, compares the story and begins a new one. */
#define world_expect(world, text)                  \
    do {                                           \
        testhost_turn((world)->t);                 \
        assert_string_equal((world)->story, text); \
        (world)->story[0] = '\0';                  \
    } while (0)

/* The callback of world_append() and world_append_text(). */
void world_appended(chatd_plugin *self, int err, const struct chatd_log_appended *result,
                    void *arg);

/* Appends `{"n":<record>}`; tells `+<seq>`, `=<seq>` for a double, or `+E<err>`. */
int world_append(struct world *world, const char *room, const char *cid, int record);

/* The same with a record of its own, of nobody, and without a cid. */
int world_append_text(struct world *world, const char *room, chatd_str record);

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
