/* SPDX-License-Identifier: MIT */
/* Tests of the whole plugin against a fake core: register, log in, be known, log out. */
#include "flow.h"

static void test_register_and_login(void **state)
{
    char expected[FAKE_BYTES + 128];

    (void)state;
    call("/register", ALICE);
    assert_status(201, "");
    assert_string_equal(fake.reply, "{\"status\":\"registered\"}");
    assert_memory_equal(fake_get("users", "alice"), "$2b$04$", 7);
    call("/register", "{\"user\":\"ALICE\",\"password\":\"another one\"}");
    assert_status(409, "name_taken");
    call("/login", ALICE);
    assert_status(200, "");
    assert_int_equal(sscanf(fake.reply, "{\"token\":\"%[^\"]\"}", token), 1);
    snprintf(expected, sizeof(expected), "token=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400",
             token);
    assert_string_equal(fake.set_cookie, expected);
    assert_int_equal(fake.raised, 2);
}

static void test_wrong_credentials_look_alike(void **state)
{
    char first[FAKE_BYTES];

    (void)state;
    call("/register", ALICE);
    call("/login", "{\"user\":\"alice\",\"password\":\"wrong horse\"}");
    assert_status(401, "bad_credentials");
    snprintf(first, sizeof(first), "%s", fake.reply);
    call("/login", "{\"user\":\"nobody\",\"password\":\"wrong horse\"}");
    assert_status(401, "bad_credentials");
    assert_string_equal(fake.reply, first);
    call("/login", "{\"user\":\"alice\",\"password\":\"\"}");
    assert_status(401, "bad_credentials");
    call("/login", "{\"user\":\"\",\"password\":\"x\"}");
    assert_status(401, "bad_credentials");
}

static void test_register_refuses(void **state)
{
    (void)state;
    call("/register", "{\"user\":\"a b\",\"password\":\"correct horse\"}");
    assert_status(400, "bad_name");
    call("/register", "{\"user\":\"Guest-1\",\"password\":\"correct horse\"}");
    assert_status(400, "bad_name");
    call("/register", "{\"user\":\"bob\",\"password\":\"short\"}");
    assert_status(400, "bad_password");
    call("/register", "[]");
    assert_status(400, "bad_request");
    fake.deny = "invite.needed";
    call("/register", ALICE);
    assert_status(403, "invite.needed");
    config.registration = REGISTRATION_CLOSED;
    call("/register", ALICE);
    assert_status(403, "registration_closed");
    assert_null(fake_get("users", "alice"));
}

static void test_login_denied_by_event(void **state)
{
    (void)state;
    call("/register", ALICE);
    fake.deny = "moderation.banned";
    call("/login", ALICE);
    assert_status(403, "moderation.banned");
    assert_string_equal(fake.set_cookie, "");
    fake.deny = "internal"; /* a plugin failed: not the client's fault */
    call("/login", ALICE);
    assert_status(500, "internal");
}

static void test_rate_limit(void **state)
{
    (void)state;
    config.login_rate = 1;
    call("/login", "{}");
    assert_status(400, "bad_request");
    call("/login", "{}");
    assert_status(429, "rate_limited");
    assert_int_equal(fake.retry_ms, 60000);
}

/* Our own come back over the bus and count once; those of other workers count here. */
static void test_rate_limit_of_all_workers(void **state)
{
    (void)state;
    config.login_rate = 3;
    call("/login", "{}");
    call("/login", "{}");
    assert_status(400, "bad_request");
    fake_bus_bring("auth.tries", "l 00000000000000ee 192.0.2.2", 0);
    fake_bus_bring("auth.tries", "r 00000000000000ee 192.0.2.1", 0);
    fake_bus_bring("auth.tries", "l 00000000000000ee", 0);
    fake_bus_bring("auth.tries", "", 1);
    call("/login", "{}");
    assert_status(400, "bad_request");

    fake.mono_ms += 60000;
    fake_bus_bring("auth.tries", "l 00000000000000ee 192.0.2.1", 0);
    call("/login", "{}");
    fake_bus_bring("auth.tries", "l 00000000000000ee 192.0.2.1", 0);
    call("/login", "{}");
    assert_status(429, "rate_limited");
    assert_int_equal(fake.retry_ms, 20000);
}

/* A try that is refused is nobody's news, nor one without a limit. */
static void test_what_is_told_of_tries(void **state)
{
    struct auth *a = fake.plugin.data;
    char expected[64];

    (void)state;
    config.login_rate = 1;
    config.register_rate = 0;
    fake.body = "{}";
    for (unsigned i = 0; i < fake.n_routes; i++)
        if (strcmp(fake.routes[i].pattern, "/login") == 0 ||
            strcmp(fake.routes[i].pattern, "/register") == 0) {
            fake.routes[i].handle(&fake.plugin, (chatd_req){1});
            fake.routes[i].handle(&fake.plugin, (chatd_req){1});
        }
    assert_int_equal(fake.n_later, 1);
    assert_string_equal(fake.later[0].topic, "auth.tries");
    snprintf(expected, sizeof(expected), "l %s 192.0.2.1", a->tries_sender);
    assert_string_equal(fake.later[0].value, expected);
    pump();
}

static void test_full_queue(void **state)
{
    (void)state;
    fake.busy = true;
    call("/register", ALICE);
    assert_status(503, "unavailable");
    assert_int_equal(fake.dropped, 1);
    assert_int_equal(fake_counted("limited_total", LIMIT_QUEUE), 1);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    assert_true(fake.retry_ms > 0);
    assert_int_equal(fake_counted("limited_total", LIMIT_QUEUE), 2);
}

static void test_taken_over_accounts(void **state)
{
    (void)state;
    fake_put("users", "Bob", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", 0);
    call("/login", "{\"user\":\"Bob\",\"password\":\"U*U\"}");
    assert_status(200, "");
    assert_memory_equal(fake_get("users", "Bob"), "$2b$04$", 7); /* rehashed */
    call("/login", "{\"user\":\"Bob\",\"password\":\"U*U\"}");
    assert_status(200, "");
    call("/login", "{\"user\":\"bob\",\"password\":\"U*U\"}");
    assert_status(401, "bad_credentials");
}

static void test_other_spelling_is_taken(void **state)
{
    (void)state;
    assert_int_equal(load(), CHATD_OK);
    fake_put("users", "Bob", "x", 0);
    fake_put("users", "bob smith", "x", 0);
    fake_put("users", "carol", "x", 0);
    assert_int_equal(chatd_plugin_v1.start(&fake.plugin), CHATD_OK);
    pump();
    assert_string_equal(fake_get("users-folded", "bob"), "Bob");
    assert_null(fake_get("users-folded", "carol"));
    call("/register", "{\"user\":\"bob\",\"password\":\"correct horse\"}");
    assert_status(409, "name_taken");
}

static void test_requests_are_known(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(http(0), CHATD_NEXT);
    assert_string_equal(fake.named, "");
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    pump();
    assert_string_equal(fake.named, "alice");
    assert_int_equal(fake.resumed, CHATD_NEXT);
    call("/api/v1/me", "");
    assert_string_equal(fake.reply, "{\"user\":\"alice\",\"expires\":0}");
    assert_int_equal(http(CHATD_ROUTE_IDENTITY), CHATD_NEXT); /* from the cache */
    assert_string_equal(fake.named, "alice");
    fake.cookie = "nonsense";
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(fake.named, "");
    fake.cookie = token;
    fake.authorization = "Bearer nonsense";
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(fake.named, "");
    fake.wall_ms += 86400000;
    fake.authorization = NULL;
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(fake.named, "");
}

static void test_logout_closes_sockets(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    assert_int_equal(upgrade(2), CHATD_WAIT);
    pump();
    fake.slot_gone(&fake.plugin, &fake.slots[2]);
    call("/logout", "");
    assert_status(200, "");
    assert_string_equal(fake.set_cookie, "token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
    assert_int_equal(fake.closed[2], 0);
    assert_int_equal(upgrade(3), CHATD_NEXT);
    assert_string_equal(fake.named, "");
    call("/logout", "");
    assert_status(200, "");
    fake.cookie = NULL;
    call("/logout", "");
    assert_status(200, "");
}

static struct token_claims claims_of(const char *text)
{
    const struct token_clock clock = {fake.wall_ms / 1000, 0};
    struct token_claims claims;
    const char *why;

    assert_int_equal(token_verify(key_get(fake.plugin.data), fake_str(text), &clock, &claims, &why),
                     CHATD_OK);
    return claims;
}

/* Revoked for as long as it would be taken. */
static void test_logout_in_the_leeway(void **state)
{
    char jti[TOKEN_JTI_MAX + 1];

    (void)state;
    config.clock_leeway_ms = 60000;
    log_in();
    snprintf(jti, sizeof(jti), "%s", claims_of(token).jti);
    fake.wall_ms += 86410000;
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    pump();
    assert_string_equal(fake.named, "alice");
    call("/logout", "");
    assert_status(200, "");
    assert_true(fake_find("revoked", jti)->ttl_ms >= 50000);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(fake.named, "");
    fake.wall_ms += 50000;
    fake_find("revoked", jti)->used = false;
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
}

static void test_store_away(void **state)
{
    (void)state;
    log_in();
    fake.store_away = true;
    call("/login", ALICE);
    assert_status(503, "unavailable");
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    assert_string_equal(fake.named, "alice"); /* a good token is let in */
    call("/logout", "");
    assert_int_equal(fake.status, 503);
    assert_non_null(strstr(fake.set_cookie, "Max-Age=0"));
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
}

static void test_revoked_elsewhere(void **state)
{
    (void)state;
    log_in();
    fake_put("revoked", claims_of(token).jti, "1", 1000);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    pump();
    assert_string_equal(fake.named, "");
    assert_int_equal(fake.resumed, CHATD_NEXT); /* the core answers 401 */
    assert_int_equal(upgrade(1), CHATD_NEXT);
    assert_string_equal(fake.named, "");
}

/* The token is revoked between the check of an upgrade and its opening. */
static void test_revoked_during_upgrade(void **state)
{
    struct chatd_ev_connected ev = {.ev = {.size = sizeof(ev), .conn = {1}}};

    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    call("/logout", "");
    fake.closed[1] = 0; /* it was not open: that close went nowhere */
    (void)fake.thunk[CHATD_EV_connected](fake.fn[CHATD_EV_connected], &fake.plugin, &ev);
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
}

/* Revoked elsewhere while our store could not be asked: looked up once it can. */
static void test_recheck(void **state)
{
    (void)state;
    log_in();
    fake.store_away = true;
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    fake_timers();
    pump();
    assert_int_equal(fake.closed[1], 0);
    fake.store_away = false;
    fake_put("revoked", claims_of(token).jti, "1", 1000);
    fake_timers();
    pump();
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
}

/* Another worker revoked it: told over the bus, its sockets here are closed. */
static void test_news_close_sockets(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    fake_bus_bring("auth.revoked", "somebody-elses", 0);
    assert_int_equal(fake.closed[1], 0);
    fake_bus_bring("auth.revoked", claims_of(token).jti, 0);
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
}

static void test_lost_news(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    fake_put("revoked", claims_of(token).jti, "1", 1000);
    fake_bus_bring("auth.revoked", "", 1);
    pump();
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
}

static void test_key_waits_for_the_store(void **state)
{
    (void)state;
    assert_int_equal(load(), CHATD_OK);
    fake.store_away = true;
    assert_int_equal(chatd_plugin_v1.start(&fake.plugin), CHATD_OK);
    pump();
    assert_int_equal(fake.ready, CHATD_AWAY);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    fake.cookie = "a.b.c";
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_DENY);
    fake.store_away = false;
    fake_timers();
    pump();
    assert_int_equal(fake.ready, CHATD_READY);
    assert_int_equal(strlen(fake_get("chatd-secrets", "jwt")), 64);
    /* A store that lost it gets the same key back. */
    snprintf(token, sizeof(token), "%s", fake_get("chatd-secrets", "jwt"));
    fake_find("chatd-secrets", "jwt")->used = false;
    fake_timers();
    pump();
    assert_string_equal(fake_get("chatd-secrets", "jwt"), token);
}

/* A store that neither answers nor fails: nothing is said for a second, and nobody gets in. */
static void test_key_is_late(void **state)
{
    (void)state;
    assert_int_equal(load(), CHATD_OK);
    assert_int_equal(chatd_plugin_v1.start(&fake.plugin), CHATD_OK);
    assert_int_equal(fake.ready, CHATD_AWAY);
    fake.body = ALICE;
    for (unsigned i = 0; i < fake.n_routes; i++)
        if (strcmp(fake.routes[i].pattern, "/login") == 0)
            fake.routes[i].handle(&fake.plugin, (chatd_req){1});
    assert_status(503, "unavailable");
    pump();
    assert_int_equal(fake.ready, CHATD_READY);
}

static void test_no_store_at_all(void **state)
{
    (void)state;
    assert_int_equal(load(), CHATD_OK);
    fake.no_kv = true;
    assert_true(chatd_plugin_v1.start(&fake.plugin) < 0);
    chatd_plugin_v1.stop(&fake.plugin);
    assert_int_equal(load(), CHATD_OK);
    chatd_plugin_v1.stop(&fake.plugin);
    fake_init(&config);
    fake.no_kv = true;
    config.jwt_secret = "0123456789abcdef0123456789abcdef";
    assert_int_equal(chatd_plugin_v1.init(&fake.plugin), CHATD_OK);
    assert_int_equal(chatd_plugin_v1.start(&fake.plugin), CHATD_OK);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    assert_non_null(strstr(fake.reply, "chatd.kv"));
}

static void test_short_secret(void **state)
{
    (void)state;
    assert_int_equal(load(), CHATD_OK);
    chatd_plugin_v1.stop(&fake.plugin);
    config.jwt_secret = "0123456789abcdef0123456789abcde";
    assert_int_equal(chatd_plugin_v1.init(&fake.plugin), CHATD_E_INVAL);
    assert_null(fake.plugin.data);
}

static int answered;

static void on_identity(chatd_plugin *self, int err, const struct chatd_auth_identity *identity,
                        void *arg)
{
    (void)self;
    (void)arg;
    answered = err == CHATD_OK ? (int)identity->user.n : err;
}

static int ask_service(const char *text)
{
    answered = 1000;
    assert_int_equal(
        fake.auth->check_token(&fake.plugin, &fake.plugin, fake_str(text), on_identity, NULL),
        CHATD_OK);
    assert_int_equal(answered, 1000); /* never before the call returned */
    pump();
    return answered;
}

static void test_service(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(ask_service(token), 5);
    assert_int_equal(ask_service(token), 5);
    assert_int_equal(ask_service("a.b.c"), CHATD_E_NOTFOUND);
    call("/logout", "");
    assert_int_equal(ask_service(token), CHATD_E_NOTFOUND);
}

/* Stopped with calls under way: their answers come late and find nothing to touch. */
static void test_stop_under_way(void **state)
{
    unsigned i;

    (void)state;
    log_in();
    for (i = 0; i < fake.n_routes; i++)
        if (strcmp(fake.routes[i].pattern, "/login") == 0)
            fake.routes[i].handle(&fake.plugin, (chatd_req){1});
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    chatd_plugin_v1.stop(&fake.plugin);
    fake.status = 0;
    pump();
    assert_int_equal(fake.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_register_and_login),
        FLOW(test_wrong_credentials_look_alike),
        FLOW(test_register_refuses),
        FLOW(test_login_denied_by_event),
        FLOW(test_rate_limit),
        FLOW(test_rate_limit_of_all_workers),
        FLOW(test_what_is_told_of_tries),
        FLOW(test_full_queue),
        FLOW(test_taken_over_accounts),
        ALONE(test_other_spelling_is_taken),
        FLOW(test_requests_are_known),
        FLOW(test_logout_closes_sockets),
        FLOW(test_logout_in_the_leeway),
        FLOW(test_store_away),
        FLOW(test_revoked_elsewhere),
        FLOW(test_revoked_during_upgrade),
        FLOW(test_recheck),
        FLOW(test_news_close_sockets),
        FLOW(test_lost_news),
        ALONE(test_key_waits_for_the_store),
        ALONE(test_key_is_late),
        ALONE(test_no_store_at_all),
        cmocka_unit_test(test_short_secret),
        FLOW(test_service),
        FLOW(test_stop_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
