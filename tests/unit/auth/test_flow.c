/* SPDX-License-Identifier: MIT */
/* Tests of the whole plugin on a test host: register, log in, be known, log out. */
#include "flow.h"

static void test_register_and_login(void **state)
{
    char expected[TEXT_BYTES + 128];

    (void)state;
    call("/register", ALICE);
    assert_status(201, "");
    assert_string_equal(reply_body(), "{\"status\":\"registered\"}");
    assert_memory_equal(kv_get("users", "alice"), "$2b$04$", 7);
    call("/register", "{\"user\":\"ALICE\",\"password\":\"another one\"}");
    assert_status(409, "name_taken");
    call("/login", ALICE);
    assert_status(200, "");
    take_token();
    snprintf(expected, sizeof(expected), "token=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400",
             token);
    assert_string_equal(set_cookie(), expected);
    assert_int_equal(seen, 2);
}

static void test_wrong_credentials_look_alike(void **state)
{
    char first[TEXT_BYTES];

    (void)state;
    call("/register", ALICE);
    call("/login", "{\"user\":\"alice\",\"password\":\"wrong horse\"}");
    assert_status(401, "bad_credentials");
    snprintf(first, sizeof(first), "%s", reply_body());
    call("/login", "{\"user\":\"nobody\",\"password\":\"wrong horse\"}");
    assert_status(401, "bad_credentials");
    assert_string_equal(reply_body(), first);
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
    denies = "invite.needed";
    call("/register", ALICE);
    assert_status(403, "invite.needed");
    config.registration = REGISTRATION_CLOSED;
    call("/register", ALICE);
    assert_status(403, "registration_closed");
    assert_null(kv_get("users", "alice"));
}

static void test_login_denied_by_event(void **state)
{
    (void)state;
    call("/register", ALICE);
    denies = "moderation.banned";
    call("/login", ALICE);
    assert_status(403, "moderation.banned");
    assert_string_equal(set_cookie(), "");
    denies = "internal"; /* a plugin failed: not the client's fault */
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
    assert_int_equal(retry_s(), 60);
}

/* Our own come back over the bus and count once; those of other workers count here. */
static void test_rate_limit_of_all_workers(void **state)
{
    (void)state;
    config.login_rate = 3;
    call("/login", "{}");
    call("/login", "{}");
    assert_status(400, "bad_request");
    bus_brings("auth.tries", "l 00000000000000ee 192.0.2.2");
    bus_brings("auth.tries", "r 00000000000000ee 192.0.2.1");
    bus_brings("auth.tries", "l 00000000000000ee");
    bus_lost("auth.tries");
    call("/login", "{}");
    assert_status(400, "bad_request");

    testhost_advance(host, 60000);
    bus_brings("auth.tries", "l 00000000000000ee 192.0.2.1");
    call("/login", "{}");
    bus_brings("auth.tries", "l 00000000000000ee 192.0.2.1");
    call("/login", "{}");
    assert_status(429, "rate_limited");
    assert_int_equal(retry_s(), 20);
}

/* A try that is refused is nobody's news, nor one without a limit. */
static void test_what_is_told_of_tries(void **state)
{
    struct auth *a = testhost_self(host)->data;
    char expected[64];

    (void)state;
    config.login_rate = 1;
    config.register_rate = 0;
    bus_forget();
    begin("/login", "{}");
    begin("/login", "{}");
    begin("/register", "{}");
    begin("/register", "{}");
    snprintf(expected, sizeof(expected), "auth.tries l %s 192.0.2.1", a->tries_sender);
    assert_string_equal(testhost_bus_next(host), expected);
    assert_null(testhost_bus_next(host));
    assert_int_equal(testhost_step(host), 1); /* that it comes back is all that is under way */
    assert_string_equal(testhost_stepped(host), "chatd.bus");
    assert_int_equal(testhost_step(host), 0);
}

static void test_full_queue(void **state)
{
    (void)state;
    testhost_refuse_jobs(host, JOBS_ALL);
    call("/register", ALICE);
    assert_status(503, "unavailable");
    assert_int_equal(seen, 0); /* the event was dropped */
    assert_int_equal(testhost_metric(host, "limited_total", "queue"), 1);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    assert_true(retry_s() > 0);
    assert_int_equal(testhost_metric(host, "limited_total", "queue"), 2);
}

static void test_taken_over_accounts(void **state)
{
    (void)state;
    kv_put("users", "Bob", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", 0);
    call("/login", "{\"user\":\"Bob\",\"password\":\"U*U\"}");
    assert_status(200, "");
    assert_memory_equal(kv_get("users", "Bob"), "$2b$04$", 7); /* rehashed */
    call("/login", "{\"user\":\"Bob\",\"password\":\"U*U\"}");
    assert_status(200, "");
    call("/login", "{\"user\":\"bob\",\"password\":\"U*U\"}");
    assert_status(401, "bad_credentials");
}

static void test_other_spelling_is_taken(void **state)
{
    (void)state;
    load();
    kv_put("users", "bob smith", "x", 0);
    kv_put("users", "carol", "x", 0);
    kv_put("users", "Bob", "x", 0); /* in the last page */
    assert_int_equal(testhost_start(host), CHATD_OK);
    pump();
    assert_string_equal(kv_get("users-folded", "bob"), "Bob");
    assert_null(kv_get("users-folded", "carol"));
    call("/register", "{\"user\":\"bob\",\"password\":\"correct horse\"}");
    assert_status(409, "name_taken");
}

static void test_requests_are_known(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(http(0), CHATD_NEXT);
    assert_string_equal(named(), "");
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    pump();
    assert_string_equal(named(), "alice");
    assert_int_equal(visit->status, 200);
    call("/api/v1/me", "");
    assert_string_equal(reply_body(), "{\"user\":\"alice\",\"expires\":1790086400}");
    assert_int_equal(http(CHATD_ROUTE_IDENTITY), CHATD_NEXT); /* from the cache */
    assert_string_equal(named(), "alice");
    cookie = "nonsense";
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(named(), "");
    cookie = token;
    authorization = "Bearer nonsense";
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(named(), "");
    testhost_set_wall(host, testhost_wall_ms(host) + 86400000);
    authorization = NULL;
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(named(), "");
}

static void test_logout_closes_sockets(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    assert_int_equal(upgrade(2), CHATD_WAIT);
    pump();
    testhost_hangup(host, client[2]);
    call("/logout", "");
    assert_status(200, "");
    assert_string_equal(set_cookie(), "token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    assert_int_equal(closed(2), 0);
    assert_int_equal(upgrade(3), CHATD_NEXT);
    assert_string_equal(named(), "");
    call("/logout", "");
    assert_status(200, "");
    cookie = NULL;
    call("/logout", "");
    assert_status(200, "");
}

static struct token_claims claims_of(const char *text)
{
    const struct token_clock clock = {testhost_wall_ms(host) / 1000, 0};
    struct token_claims claims;
    const char *why;

    assert_int_equal(
        token_verify(key_get(testhost_self(host)->data), str(text), &clock, &claims, &why),
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
    testhost_set_wall(host, testhost_wall_ms(host) + 86410000);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    pump();
    assert_string_equal(named(), "alice");
    call("/logout", "");
    assert_status(200, "");
    assert_true(testhost_kv_ttl(host, "revoked", jti) >= 50000);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(named(), "");
    testhost_set_wall(host, testhost_wall_ms(host) + 50000);
    kv_drop("revoked", jti);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
}

static void test_store_away(void **state)
{
    (void)state;
    log_in();
    kv_away(true);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    assert_string_equal(named(), "alice"); /* a good token is let in */
    call("/logout", "");
    assert_int_equal(reply->status, 503);
    assert_non_null(strstr(set_cookie(), "Max-Age=0"));
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
}

static void test_revoked_elsewhere(void **state)
{
    (void)state;
    log_in();
    kv_put("revoked", claims_of(token).jti, "1", 1000);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    pump();
    assert_string_equal(named(), "");
    assert_int_equal(visit->status, 401); /* by the core */
    assert_int_equal(upgrade(1), CHATD_NEXT);
    assert_string_equal(named(), "");
}

/* The token is revoked between the check of an upgrade and its opening. */
static void test_revoked_during_upgrade(void **state)
{
    (void)state;
    log_in();
    holds_upgrades = true;
    (void)upgrade(1);
    pump();
    call("/logout", "");
    assert_int_equal(testhost_conn_state(host, client[1]), TESTHOST_CONN_WAITING);
    assert_int_equal(testhost_resume(host, CHATD_NEXT, NULL, NULL), 1);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
}

/* Revoked elsewhere while our store could not be asked: looked up once it can. */
static void test_recheck(void **state)
{
    (void)state;
    log_in();
    kv_away(true);
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    testhost_advance(host, 5000);
    assert_int_equal(closed(1), 0);
    kv_away(false);
    kv_put("revoked", claims_of(token).jti, "1", 100000);
    testhost_advance(host, 5000);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
}

/* Another worker revoked it: told over the bus, its sockets here are closed. */
static void test_news_close_sockets(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    bus_brings("auth.revoked", "somebody-elses");
    assert_int_equal(closed(1), 0);
    bus_brings("auth.revoked", claims_of(token).jti);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
}

static void test_lost_news(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(upgrade(1), CHATD_WAIT);
    pump();
    kv_put("revoked", claims_of(token).jti, "1", 1000);
    bus_lost("auth.revoked");
    pump();
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
}

static void test_key_waits_for_the_store(void **state)
{
    (void)state;
    load();
    kv_away(true);
    assert_int_equal(testhost_start(host), CHATD_OK);
    assert_int_equal(testhost_ready(host), CHATD_AWAY);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    cookie = "a.b.c";
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_DENY);
    kv_away(false);
    testhost_advance(host, 1000);
    assert_int_equal(testhost_ready(host), CHATD_READY);
    assert_int_equal(strlen(kv_get("chatd-secrets", "jwt")), 64);
    /* A store that lost it gets the same key back. */
    snprintf(token, sizeof(token), "%s", kv_get("chatd-secrets", "jwt"));
    kv_drop("chatd-secrets", "jwt");
    testhost_advance(host, 30000);
    assert_string_equal(kv_get("chatd-secrets", "jwt"), token);
}

/* A store that neither answers nor fails: nothing is said for a second, and nobody gets in. */
static void test_key_is_late(void **state)
{
    (void)state;
    load();
    testhost_hold(host, 1);
    assert_int_equal(testhost_start(host), CHATD_OK);
    assert_int_equal(testhost_ready(host), CHATD_AWAY);
    begin("/login", ALICE);
    assert_status(503, "unavailable");
    pump();
    assert_int_equal(testhost_ready(host), CHATD_READY);
}

static void test_no_store_at_all(void **state)
{
    (void)state;
    prepare(false);
    assert_int_equal(init(), CHATD_OK);
    assert_true(testhost_start(host) < 0);
    unload();
    load(); /* never started */
    unload();
    prepare(false);
    config.jwt_secret = "0123456789abcdef0123456789abcdef";
    assert_int_equal(init(), CHATD_OK);
    assert_int_equal(testhost_start(host), CHATD_OK);
    call("/login", ALICE);
    assert_status(503, "unavailable");
    assert_non_null(strstr(reply_body(), "chatd.kv"));
}

static void test_short_secret(void **state)
{
    (void)state;
    prepare(true);
    config.jwt_secret = "0123456789abcdef0123456789abcde";
    assert_int_equal(init(), CHATD_E_INVAL);
    assert_null(testhost_self(host)->data);
    unload();
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
    assert_int_equal(chatd_auth_check_token(testhost_caller(host),
                                            testhost_service(host, CHATD_AUTH_SERVICE), str(text),
                                            on_identity, NULL),
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
    (void)state;
    log_in();
    begin("/login", ALICE);
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_WAIT);
    stop_under_way(1);
    assert_int_equal(reply->status, 0);
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
