/* SPDX-License-Identifier: MIT */
/* The whole plugin on a test host, and the calls that its tests are made of. Included by one test file
 * each; all is static. */
#ifndef AUTH_FLOW_H
#define AUTH_FLOW_H

#include "auth.h"

#include <chatd/svc/auth.h>
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

enum { TEXT_BYTES = 4400, CLIENTS = 8 };

#define START_MS INT64_C(1790000000000)
#define JOBS_ALL 1000000

static struct auth_config config; /* shared with the plugin: a test changes it as it goes */
static struct testhost *host;

static const char *cookie, *authorization, *address; /* of whatever is asked */
static const struct testhost_answer *reply;          /* of the last call */
static chatd_conn client[CLIENTS];                   /* the tests count them from 1 */

/* What the other plugins do: the code that they refuse registrations and logins with, and whether they
 * put an upgrade off; and how many registrations and logins they have seen. */
static const char *denies;
static bool holds_upgrades;
static int seen;

static inline chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

/* --- life ----------------------------------------------------------------------------------------- */

static inline int on_decide(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    (void)arg;
    return denies != NULL ? testhost_deny(t, ev, denies, "No.") : CHATD_NEXT;
}

static inline int on_named(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    (void)t, (void)ev, (void)arg;
    return holds_upgrades ? CHATD_WAIT : CHATD_NEXT;
}

static inline int on_seen(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    (void)t, (void)ev, (void)arg;
    seen++;
    return CHATD_NEXT;
}

/* A host for the plugin, which is not there yet. */
static inline void prepare(bool has_store)
{
    config = (struct auth_config){
        .token_ttl_ms = 86400000, .bcrypt_cost = 4, .login_rate = 60, .register_rate = 60};
    cookie = authorization = denies = NULL;
    address = "192.0.2.1";
    reply = NULL;
    holds_upgrades = false;
    seen = 0;
    memset(client, 0, sizeof(client));
    host = testhost_new(&chatd_plugin_v1);
    testhost_set_wall(host, START_MS);
    if (has_store) {
        testhost_fake_kv(host);
        testhost_kv_page(host, 1);
    }
}

static inline int init(void)
{
    int rc = testhost_init_with(host, &config);

    if (rc != CHATD_OK)
        return rc;
    testhost_hook(host, "register", CHATD_CHECK, on_decide, NULL);
    testhost_hook(host, "login", CHATD_CHECK, on_decide, NULL);
    testhost_hook(host, "upgrade", CHATD_CHANGE, on_named, NULL);
    testhost_hook(host, "register", CHATD_WATCH, on_seen, NULL);
    testhost_hook(host, "login", CHATD_WATCH, on_seen, NULL);
    testhost_route(host, "GET", "/other/open", 0);
    testhost_route(host, "GET", "/other/login", CHATD_ROUTE_LOGIN);
    testhost_route(host, "GET", "/other/identity", CHATD_ROUTE_IDENTITY);
    return CHATD_OK;
}

static inline void load(void)
{
    prepare(true);
    assert_int_equal(init(), CHATD_OK);
}

/* What was asked happens, and what that leads to. */
static inline void pump(void)
{
    testhost_hold(host, 0);
}

static inline int setup(void **state)
{
    int changes = 0, was = CHATD_AWAY;

    (void)state;
    load();
    testhost_hold(host, 1);
    assert_int_equal(testhost_start(host), CHATD_OK);
    assert_int_equal(testhost_ready(host), CHATD_AWAY); /* until the key is there */
    while (testhost_step(host)) {
        changes += testhost_ready(host) != was;
        was = testhost_ready(host);
    }
    assert_int_equal(was, CHATD_READY);
    assert_int_equal(changes, 1);
    pump();
    return 0;
}

static inline void unload(void)
{
    assert_int_equal(testhost_free(host), 0);
    host = NULL;
}

static inline int teardown(void **state)
{
    (void)state;
    unload();
    return 0;
}

/* The plugin is stopped, and then what was under way comes to an end; of these calls nobody is
 * answered. */
static inline void stop_under_way(int calls)
{
    testhost_stop(host);
    pump();
    while (calls-- > 0)
        assert_int_equal(testhost_excuse(host, "did not answer POST /"), 1);
}

/* --- the store and the bus, as other servers use them ---------------------------------------------- */

static inline const char *kv_get(const char *ns, const char *key)
{
    return testhost_kv_value(host, ns, key).p;
}

static inline void kv_put(const char *ns, const char *key, const char *value, int64_t ttl_ms)
{
    testhost_kv_put(host, ns, key, str(value), ttl_ms);
}

static inline void kv_drop(const char *ns, const char *key)
{
    testhost_kv_put(host, ns, key, (chatd_str){NULL, 0}, 0);
}

static inline void kv_away(bool is_away)
{
    testhost_kv_fail(host, is_away ? CHATD_E_BACKEND : 0);
}

static inline void bus_brings(const char *topic, const char *text)
{
    testhost_bus(host, topic, str(text));
}

static inline void bus_lost(const char *topic)
{
    testhost_bus(host, topic, (chatd_str){NULL, 0});
}

/* Nobody asks any more what was said so far. */
static inline void bus_forget(void)
{
    while (testhost_bus_next(host) != NULL) {
    }
}

/* The store answers once more; what comes before that happens too. */
static inline void step_store(void)
{
    do
        assert_int_equal(testhost_step(host), 1);
    while (strcmp(testhost_stepped(host), "chatd.kv") != 0);
}

/* --- calls ---------------------------------------------------------------------------------------- */

static inline const char *headers(void)
{
    static char text[3 * TEXT_BYTES];
    size_t n = (size_t)snprintf(text, sizeof(text), "Content-Type: application/json\n");

    if (cookie != NULL)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "Cookie: token=%s\n", cookie);
    if (authorization != NULL)
        snprintf(text + n, sizeof(text) - n, "Authorization: %s\n", authorization);
    return text;
}

/* Begins a call, and leaves what it asks for undone until pump(). */
static inline void begin(const char *path, const char *body)
{
    bool is_get = strcmp(path, "/api/v1/me") == 0;

    testhost_hold(host, 1);
    reply = testhost_answer(
        host, testhost_request(host, &(struct testhost_http){.method = is_get ? "GET" : "POST",
                                                             .target = path,
                                                             .headers = headers(),
                                                             .body = str(body),
                                                             .address = address}));
}

static inline void call(const char *path, const char *body)
{
    begin(path, body);
    pump();
}

static inline const char *reply_body(void)
{
    return reply->status != 0 ? reply->body.p : "";
}

static inline void assert_status(int status, const char *code)
{
    char told[64] = "";

    sscanf(reply_body(), "{\"error\":{\"code\":\"%63[^\"]", told);
    assert_int_equal(reply->status, status);
    assert_string_equal(told, code);
}

/* The value of a header of the answer; "": it is not there. */
static inline const char *reply_header(const char *name)
{
    static char value[TEXT_BYTES + 128];
    const char *at = reply->status != 0 ? strstr(reply->headers, name) : NULL;

    value[0] = '\0';
    if (at != NULL)
        sscanf(at + strlen(name), ": %4527[^\n]", value);
    return value;
}

static inline const char *set_cookie(void)
{
    return reply_header("Set-Cookie");
}

static inline int retry_s(void)
{
    return (int)strtol(reply_header("Retry-After"), NULL, 10);
}

#define ALICE "{\"user\":\"Alice\",\"password\":\"correct horse\"}"

static char token[TEXT_BYTES];

static inline void take_token(void)
{
    assert_int_equal(sscanf(reply_body(), "{\"token\":\"%4399[^\"]\"}", token), 1);
}

/* Registers and logs in; leaves the token in `token` and the cookie. */
static inline void log_in(void)
{
    call("/register", ALICE);
    assert_status(201, "");
    call("/login", ALICE);
    assert_status(200, "");
    take_token();
    cookie = token;
}

/* --- who is who ----------------------------------------------------------------------------------- */

static const struct testhost_answer *visit; /* of the last http() */
static int last_client;                     /* of the last upgrade(); 0: http() came after */

/* WAIT: the store is asked who it is, and answers in pump(). */
static inline int outcome(int waits, int otherwise)
{
    if (testhost_waits(host) > waits)
        return CHATD_WAIT;
    pump();
    return otherwise;
}

/* Somebody asks for a route of another plugin. */
static inline int http(uint32_t flags)
{
    int waits = testhost_waits(host);

    testhost_hold(host, 1);
    last_client = 0;
    visit = testhost_answer(
        host,
        testhost_request(host, &(struct testhost_http){
                                   .target = flags & CHATD_ROUTE_LOGIN      ? "/other/login"
                                             : flags & CHATD_ROUTE_IDENTITY ? "/other/identity"
                                                                            : "/other/open",
                                   .headers = headers(),
                                   .address = address}));
    return outcome(waits, visit->status == 503 ? CHATD_DENY : CHATD_NEXT);
}

/* Somebody asks for a WebSocket. */
static inline int upgrade(int c)
{
    int waits = testhost_waits(host);

    testhost_hold(host, 1);
    last_client = c;
    client[c] =
        testhost_connect(host, &(struct testhost_client){.headers = headers(), .address = address});
    return outcome(waits, CHATD_NEXT);
}

/* Who the last of them was found to be; "": nobody. */
static inline const char *named(void)
{
    if (last_client == 0)
        return visit->status == 200 ? visit->body.p : "";
    return testhost_conn_state(host, client[last_client]) == TESTHOST_CONN_OPEN
               ? testhost_conn_user(host, client[last_client])
               : "";
}

static inline int closed(int c)
{
    return testhost_close_code(host, client[c]);
}

#define FLOW(test)  cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ALONE(test) cmocka_unit_test_teardown(test, teardown)

#endif
