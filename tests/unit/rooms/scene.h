/* SPDX-License-Identifier: MIT */
/* The plugin on a test host, with a log and with other plugins that do as the test says. Included by one
 * test file each; all is static. */
#ifndef SCENE_H
#define SCENE_H

#include "fake_log.h"
#include "room.h"

#include <chatd/testhost.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCENE_UNUSED __attribute__((unused))

enum { LOG = 1, KV = 2, DELIVER = 4, CONNS = 16 };

static struct rooms_config config; /* shared with the plugin: a test changes it as it goes */
static struct testhost *host;
static struct fake_log store;
static chatd_conn client[CONNS]; /* the tests count them from 1 */

/* What the other plugins do. */
static struct {
    const char *denies, *waits_in; /* an event */
    const char *hides;             /* a text, from everybody */
    bool claims;                   /* signals */
    int fills;     /* with the next message that is delivered to it, this one is full */
    bool has_slow; /* who connects now takes no more than fits its queue */
} others;

/* How often these were raised and committed. */
static struct {
    int message, join, leave;
} seen;

static int on_decide(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    if (others.denies != NULL && strcmp(others.denies, arg) == 0)
        return testhost_deny(t, ev, "test.denied", "Denied by the test.");
    return others.waits_in != NULL && strcmp(others.waits_in, arg) == 0 ? CHATD_WAIT : CHATD_NEXT;
}

static int on_signal(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    (void)t, (void)arg;
    ((struct chatd_ev_signal *)(void *)ev)->claimed = others.claims;
    return CHATD_NEXT;
}

static int on_deliver(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    const struct chatd_ev_deliver *deliver = (const void *)ev;

    (void)arg;
    if (others.fills != 0 && ev->conn.v == client[others.fills].v) {
        testhost_backlog(t, ev->conn, TESTHOST_QUEUE_HARD);
        others.fills = 0;
    }
    return others.hides != NULL && strcmp(deliver->text.p, others.hides) == 0
               ? testhost_deny(t, ev, "test.hidden", "Hidden by the test.")
               : CHATD_NEXT;
}

static int on_connected(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    (void)arg;
    if (others.has_slow)
        testhost_backlog(t, ev->conn, TESTHOST_QUEUE_SOFT);
    return CHATD_NEXT;
}

static int on_seen(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    (void)t, (void)ev;
    ++*(int *)arg;
    return CHATD_NEXT;
}

/* With `config` as it is. */
static void scene_begin(int with)
{
    static char join[] = "join", message[] = "message";

    memset(&others, 0, sizeof(others));
    memset(&seen, 0, sizeof(seen));
    memset(client, 0, sizeof(client));
    host = testhost_new(&chatd_plugin_v1);
    testhost_set_wall(host, 1000);
    if (with & LOG)
        fake_log_init(&store, host);
    if (with & KV)
        testhost_fake_kv(host);
    assert_int_equal(testhost_init_with(host, &config), CHATD_OK);
    testhost_hook(host, "join", CHATD_CHECK, on_decide, join);
    testhost_hook(host, "message", CHATD_CHECK, on_decide, message);
    testhost_hook(host, "signal", CHATD_CHECK, on_signal, NULL);
    if (with & DELIVER)
        testhost_hook(host, "deliver", CHATD_CHECK, on_deliver, NULL);
    testhost_hook(host, "connected", CHATD_WATCH, on_connected, NULL);
    testhost_hook(host, "message", CHATD_WATCH, on_seen, &seen.message);
    testhost_hook(host, "join", CHATD_WATCH, on_seen, &seen.join);
    testhost_hook(host, "leave", CHATD_WATCH, on_seen, &seen.leave);
    assert_int_equal(testhost_start(host), CHATD_OK);
}

/* The store answers and delivers, and all that comes of it happens. */
static void turn(void)
{
    if (store.host == host)
        fake_log_turn(&store);
    else
        testhost_turn(host);
}

static void scene_end(void)
{
    for (int c = 1; c < CONNS; c++) {
        if (client[c].v != 0)
            testhost_hangup(host, client[c]);
        client[c].v = 0;
    }
    turn();
    testhost_stop(host);
    assert_null(testhost_self(host)->data); /* everything was freed */
    assert_int_equal(testhost_free(host), 0);
    if (store.host == host)
        fake_log_deinit(&store);
    store.host = NULL;
}

/* A classic client asks for a room; "" is no room at all. */
static void upgrades(int c, const char *user, const char *room)
{
    char path[128];

    snprintf(path, sizeof(path), "/ws%s%s", room[0] != '\0' ? "?room=" : "", room);
    client[c] = testhost_connect(
        host, &(struct testhost_client){.user = user, .path = path, .subprotocol = ""});
}

static void leaves(int c)
{
    testhost_hangup(host, client[c]);
}

static SCENE_UNUSED void asks(int c, const char *type, const char *id, const char *members)
{
    testhost_verb(host, client[c], type, id[0] != '\0' ? id : NULL, members);
}

/* Takes nothing any more. */
static SCENE_UNUSED void is_full(int c)
{
    testhost_backlog(host, client[c], TESTHOST_QUEUE_HARD);
}

/* Has taken all, and waits with what it is sent from now on. */
static SCENE_UNUSED void drains(int c)
{
    testhost_backlog(host, client[c], 1);
    testhost_turn(host);
}

static int closed_code(int c)
{
    return testhost_close_code(host, client[c]);
}

static struct room *find(const char *name)
{
    return room_find(testhost_self(host)->data, (chatd_str){name, strlen(name)});
}

#endif
