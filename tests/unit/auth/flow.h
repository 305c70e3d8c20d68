/* SPDX-License-Identifier: MIT */
/* The whole plugin on a fake core, and the calls that its tests are made of. */
#ifndef AUTH_FLOW_H
#define AUTH_FLOW_H

#include "auth.h"

#include "fake_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct auth_config config;

static inline int load(void)
{
    config = (struct auth_config){
        .token_ttl_ms = 86400000, .bcrypt_cost = 4, .login_rate = 60, .register_rate = 60};
    fake_init(&config);
    return chatd_plugin_v1.init(&fake.plugin);
}

static inline int setup(void **state)
{
    (void)state;
    assert_int_equal(load(), CHATD_OK);
    assert_int_equal(chatd_plugin_v1.start(&fake.plugin), CHATD_OK);
    pump();
    assert_int_equal(fake.ready, CHATD_READY);
    assert_int_equal(fake.reports, 1); /* AWAY from the start until the key is there */
    assert_int_equal(fake.ready, CHATD_READY);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    chatd_plugin_v1.stop(&fake.plugin);
    return 0;
}

/* Begins a call, and leaves what it asks for unanswered. */
static inline void begin(const char *pattern, const char *body)
{
    unsigned i;

    fake.status = 0;
    fake.code[0] = fake.set_cookie[0] = fake.reply[0] = '\0';
    fake.body = body;
    for (i = 0; i < fake.n_routes; i++)
        if (strcmp(fake.routes[i].pattern, pattern) == 0)
            fake.routes[i].handle(&fake.plugin, (chatd_req){1});
}

static inline void call(const char *pattern, const char *body)
{
    begin(pattern, body);
    pump();
}

static inline void assert_status(unsigned status, const char *code)
{
    assert_int_equal(fake.status, status);
    assert_string_equal(fake.code, code);
}

#define ALICE "{\"user\":\"Alice\",\"password\":\"correct horse\"}"

static char token[FAKE_BYTES];

/* Registers and logs in; leaves the token in `token` and the cookie. */
static inline void log_in(void)
{
    call("/register", ALICE);
    assert_status(201, "");
    call("/login", ALICE);
    assert_status(200, "");
    assert_int_equal(sscanf(fake.reply, "{\"token\":\"%[^\"]\"}", token), 1);
    fake.cookie = token;
}

static inline int http(uint32_t flags)
{
    struct chatd_ev_http ev = {.ev = {.size = sizeof(ev), .req = {1}}, .route_flags = flags};

    fake.named[0] = '\0';
    fake.resumed = -2;
    return fake.thunk[CHATD_EV_http](fake.fn[CHATD_EV_http], &fake.plugin, &ev);
}

static inline int upgrade(uint64_t conn)
{
    struct chatd_ev_upgrade ev = {.ev = {.size = sizeof(ev), .req = {1}, .conn = {conn}}};

    fake.named[0] = '\0';
    return fake.thunk[CHATD_EV_upgrade](fake.fn[CHATD_EV_upgrade], &fake.plugin, &ev);
}

#define FLOW(test)  cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ALONE(test) cmocka_unit_test_teardown(test, teardown)

#endif
