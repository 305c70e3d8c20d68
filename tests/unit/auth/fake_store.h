/* SPDX-License-Identifier: MIT */
/*
 * What test_flow.c sees of the world, and a store and a bus for it: what is asked is queued, and
 * pump() answers it in order. Functions are in this header so that each test file is one
 * executable with nothing beside the plugin's objects.
 */
#ifndef AUTH_FAKE_STORE_H
#define AUTH_FAKE_STORE_H

#include <chatd/chatd.h>
#include <chatd/svc/auth.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_ROWS  64
#define FAKE_BYTES 4400

struct fake_row {
    bool used;
    char ns[64], key[300], value[300];
    int64_t ttl_ms;
};

/* Something to be answered later. */
struct fake_later {
    int kind; /* 'r' store reply, 's' scan, 'j' job, 'b' bus, 'p' post */
    int err;
    char value[300], topic[64];
    chatd_kv_cb cb;
    chatd_kv_scan_cb scan_cb;
    void (*post)(chatd_plugin *, void *);
    struct chatd_job job;
    void *arg;
};

struct fake_timer {
    uint32_t every_ms;
    void (*cb)(chatd_plugin *, void *);
    void *arg;
    bool used;
};

struct fake {
    chatd_plugin plugin;
    struct fake_row rows[FAKE_ROWS];
    struct fake_later later[256];
    unsigned n_later;
    bool store_away, busy, no_kv;
    int64_t wall_ms, mono_ms;
    unsigned random;
    struct chatd_service kv, bus;
    const struct chatd_auth_api *auth;
    struct fake_bus_sub {
        char topic[64]; /* empty: free */
        chatd_bus_cb cb;
        void *arg;
    } bus_subs[4];
    struct chatd_route_def routes[12];
    unsigned n_routes;
    chatd_thunk thunk[32];
    chatd_fn fn[32];
    struct fake_timer timers[16];
    unsigned n_timers;
    /* the request at hand, and its reply */
    const char *body, *cookie, *authorization, *address;
    unsigned status;
    char reply[FAKE_BYTES], set_cookie[FAKE_BYTES], code[64];
    uint32_t retry_ms;
    /* what events and identities came to */
    const char *deny; /* the code that the next raise is refused with */
    unsigned raised, dropped;
    char named[300];
    const char *owner; /* the name that an identity must have; NULL: any */
    int64_t expires_ms;
    struct chatd_verb_def verb;
    int resumed;
    /* connections: index 1.. */
    union {
        char block[512];
        max_align_t align;
    } slots[8];
    void (*slot_gone)(chatd_plugin *, void *);
    int closed[8];
    char logged[512]; /* the last line */
    char metrics[16][64];
    int64_t counted[16][4]; /* by label */
    int n_metrics;
    int ready;
    unsigned reports; /* calls of chatd_ready() that were not READY */
};

static struct fake fake;

static chatd_str fake_str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static struct fake_row *fake_find(const char *ns, const char *key)
{
    size_t i;

    for (i = 0; i < FAKE_ROWS; i++)
        if (fake.rows[i].used && strcmp(fake.rows[i].ns, ns) == 0 &&
            strcmp(fake.rows[i].key, key) == 0)
            return &fake.rows[i];
    return NULL;
}

static const char *fake_get(const char *ns, const char *key)
{
    const struct fake_row *row = fake_find(ns, key);

    return row != NULL ? row->value : NULL;
}

static void fake_put(const char *ns, const char *key, const char *value, int64_t ttl_ms)
{
    struct fake_row *row = fake_find(ns, key);
    size_t i = 0;

    while (row == NULL)
        row = fake.rows[i].used ? (i++, NULL) : &fake.rows[i];
    row->used = true;
    row->ttl_ms = ttl_ms;
    snprintf(row->ns, sizeof(row->ns), "%s", ns);
    snprintf(row->key, sizeof(row->key), "%s", key);
    snprintf(row->value, sizeof(row->value), "%s", value);
}

static struct fake_later *fake_later(int kind, void *arg)
{
    struct fake_later *later = &fake.later[fake.n_later++];

    if (fake.n_later == sizeof(fake.later) / sizeof(fake.later[0]))
        abort();
    memset(later, 0, sizeof(*later));
    later->kind = kind;
    later->arg = arg;
    return later;
}

/* --- the store ------------------------------------------------------------------------------- */

static int fake_reply_later(int err, const char *value, chatd_kv_cb cb, void *arg)
{
    struct fake_later *later = fake_later('r', arg);

    later->err = fake.store_away ? CHATD_E_BACKEND : err;
    later->cb = cb;
    if (value != NULL)
        snprintf(later->value, sizeof(later->value), "%s", value);
    return CHATD_OK;
}

static int fake_kv_get(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                       chatd_kv_cb cb, void *arg)
{
    const char *value = fake_get(ns.p, key.p);

    (void)p;
    (void)self;
    return fake_reply_later(value != NULL ? CHATD_OK : CHATD_E_NOTFOUND, value, cb, arg);
}

static int fake_kv_put(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                       chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)p;
    (void)self;
    if (!fake.store_away)
        fake_put(ns.p, key.p, value.p, ttl_ms);
    return fake_reply_later(CHATD_OK, NULL, cb, arg);
}

static int fake_kv_put_absent(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                              chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    const char *there = fake_get(ns.p, key.p);

    if (there != NULL)
        return fake_reply_later(CHATD_E_EXISTS, there, cb, arg);
    return fake_kv_put(p, self, ns, key, value, ttl_ms, cb, arg);
}

static int fake_kv_cas(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                       chatd_str expected, chatd_str value, chatd_kv_cb cb, void *arg)
{
    const char *there = fake_get(ns.p, key.p);

    if (there == NULL)
        return fake_reply_later(CHATD_E_NOTFOUND, NULL, cb, arg);
    if (strcmp(there, expected.p) != 0)
        return fake_reply_later(CHATD_E_EXISTS, there, cb, arg);
    return fake_kv_put(p, self, ns, key, value, 0, cb, arg);
}

/* One row a page; the cursor is the index of the next. */
static int fake_kv_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                        uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    struct fake_later *later = fake_later('s', arg);

    (void)p;
    (void)self;
    (void)ns;
    (void)limit;
    later->scan_cb = cb;
    snprintf(later->value, sizeof(later->value), "%s", cursor.p);
    later->err = fake.store_away ? CHATD_E_BACKEND : CHATD_OK;
    return CHATD_OK;
}

static void fake_scan_answer(const struct fake_later *later)
{
    struct chatd_kv_item item;
    struct chatd_kv_scan page = {.size = sizeof(page), .stride = sizeof(item), .items = &item};
    unsigned i = (unsigned)strtoul(later->value, NULL, 10);
    char next[16] = "";

    while (i < FAKE_ROWS && !(fake.rows[i].used && strcmp(fake.rows[i].ns, "users") == 0))
        i++;
    if (i < FAKE_ROWS) {
        item = (struct chatd_kv_item){fake_str(fake.rows[i].key), fake_str(fake.rows[i].value)};
        page.n = page.more = 1;
        snprintf(next, sizeof(next), "%u", i + 1);
    }
    page.cursor = fake_str(next);
    later->scan_cb(&fake.plugin, later->err, later->err == CHATD_OK ? &page : NULL, later->arg);
}

/* --- the bus, a loop-back -------------------------------------------------------------------- */

static int fake_bus_publish(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data)
{
    struct fake_later *later = fake_later('b', NULL);

    (void)p;
    (void)self;
    snprintf(later->topic, sizeof(later->topic), "%s", topic.p);
    snprintf(later->value, sizeof(later->value), "%s", data.p);
    return CHATD_OK;
}

static int fake_bus_subscribe(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                              void *arg, chatd_sub *sub_out)
{
    uint64_t i = 0;

    (void)p;
    (void)self;
    while (fake.bus_subs[i].topic[0] != '\0')
        i++;
    fake.bus_subs[i].cb = cb;
    fake.bus_subs[i].arg = arg;
    snprintf(fake.bus_subs[i].topic, sizeof(fake.bus_subs[i].topic), "%s", topic.p);
    sub_out->v = i + 1;
    return CHATD_OK;
}

static int fake_bus_unsubscribe(chatd_plugin *p, chatd_plugin *self, chatd_sub sub)
{
    (void)p;
    (void)self;
    fake.bus_subs[sub.v - 1].topic[0] = '\0';
    return CHATD_OK;
}

/* Something comes from the bus; `lost`: the news that something did not. */
static void fake_bus_bring(const char *topic, const char *data, uint32_t lost)
{
    size_t i;

    for (i = 0; i < 4; i++)
        if (strcmp(fake.bus_subs[i].topic, topic) == 0)
            fake.bus_subs[i].cb(&fake.plugin, fake_str(topic), fake_str(data), lost,
                                fake.bus_subs[i].arg);
}

static void fake_answer(const struct fake_later *later)
{
    struct chatd_kv_reply reply = {.size = sizeof(reply), .value = fake_str(later->value)};

    if (later->kind == 'r' && later->cb != NULL)
        later->cb(&fake.plugin, later->err, &reply, later->arg);
    else if (later->kind == 's')
        fake_scan_answer(later);
    else if (later->kind == 'b')
        fake_bus_bring(later->topic, later->value, 0);
    else if (later->kind == 'p')
        later->post(&fake.plugin, later->arg);
    else if (later->kind == 'j') {
        later->job.done(&fake.plugin, later->job.run(later->job.arg), later->job.arg);
        later->job.release(later->job.arg);
    }
}

/* Answers the first of what is queued. */
static inline void pump_one(void)
{
    struct fake_later later = fake.later[0];

    fake.n_later--;
    memmove(fake.later, fake.later + 1, fake.n_later * sizeof(fake.later[0]));
    fake_answer(&later);
}

/* Answers what is queued, and what that leads to. */
static void pump(void)
{
    unsigned i;

    for (i = 0; i < fake.n_later; i++) {
        struct fake_later later = fake.later[i];

        fake_answer(&later);
    }
    fake.n_later = 0;
}

#endif
