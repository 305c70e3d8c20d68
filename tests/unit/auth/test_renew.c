/* SPDX-License-Identifier: MIT */
/* Tests of sessions that go on without the password, on a test host. */
#include "flow.h"
#include "token.h"

#define TTL_S   INT64_C(86400)
#define MAX_S   (10 * TTL_S)
#define START_S INT64_C(1790000000)

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

static void sign_in(void)
{
    config.session_max_ms = MAX_S * 1000;
    log_in();
}

static void wait_s(int64_t seconds)
{
    int64_t wall_ms = testhost_wall_ms(host) + seconds * 1000;

    /* Of days the plugin sees a minute, as on a machine that slept. */
    testhost_advance(host, (seconds < 60 ? seconds : 60) * 1000);
    testhost_set_wall(host, wall_ms);
}

/* The token in the cookie that was set; the new cookie from now on. */
static void take_cookie(void)
{
    assert_int_equal(sscanf(set_cookie(), "token=%[^;]", token), 1);
}

static void test_a_renewed_token(void **state)
{
    struct token_claims before, after;

    (void)state;
    sign_in();
    before = claims_of(token);
    wait_s(TTL_S / 2);
    call("/api/v1/session", "");
    assert_status(200, "");
    assert_string_equal(reply_body(), "{\"user\":\"alice\",\"expires\":1790129600}");
    assert_non_null(strstr(set_cookie(), "Max-Age=86400"));
    take_cookie();
    after = claims_of(token);
    assert_string_equal(after.jti, before.jti);
    assert_string_equal(after.user, before.user);
    assert_int_equal(after.issued_s, START_S);
    assert_int_equal(after.since_ms, before.since_ms);
    assert_int_equal(after.renew_s, START_S + MAX_S);
    assert_int_equal(after.expires_s, START_S + TTL_S / 2 + TTL_S);
}

/* Who keeps the token in a header gets it in the body, and no cookie. */
static void test_a_bot(void **state)
{
    char header[TEXT_BYTES + 16], renewed[TEXT_BYTES];

    (void)state;
    sign_in();
    snprintf(header, sizeof(header), "Bearer %s", token);
    cookie = NULL;
    authorization = header;
    wait_s(60);
    call("/api/v1/session", "");
    assert_status(200, "");
    assert_string_equal(set_cookie(), "");
    assert_int_equal(sscanf(reply_body(),
                            "{\"user\":\"alice\",\"expires\":1790086460,\"token\":\"%[^\"]",
                            renewed),
                     1);
    assert_int_equal(claims_of(renewed).expires_s, START_S + 60 + TTL_S);
}

static void test_not_for_ever(void **state)
{
    (void)state;
    sign_in();
    wait_s(100);
    while (testhost_wall_ms(host) / 1000 < START_S + MAX_S - TTL_S) {
        call("/api/v1/session", "");
        assert_status(200, "");
        take_cookie();
        wait_s(TTL_S / 2);
    }
    call("/api/v1/session", "");
    assert_status(200, "");
    take_cookie();
    assert_int_equal(claims_of(token).expires_s, START_S + MAX_S);
    call("/api/v1/session", "");
    assert_status(403, "not_renewable");
}

/* A renewed token is as old as its login, for whoever signs out everywhere: not older, not younger. */
static void test_signing_out_everywhere(void **state)
{
    (void)state;
    kv_put("auth-since", "alice", "1789999999000", 0);
    sign_in();
    assert_int_equal(claims_of(token).since_ms, INT64_C(1789999999000));
    wait_s(60);
    call("/api/v1/session", "");
    assert_status(200, "");
    take_cookie();
    assert_int_equal(claims_of(token).since_ms, INT64_C(1789999999000));
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT); /* looked up when it was renewed */
    assert_string_equal(named(), "alice");
    call("/api/v1/logout-all", "");
    assert_status(200, "");
    call("/api/v1/session", "");
    assert_status(401, "unauthorized");
}

/* A shorter token_ttl takes nothing away that was given. */
static void test_never_earlier(void **state)
{
    (void)state;
    sign_in();
    config.token_ttl_ms = 60000;
    call("/api/v1/session", "");
    assert_status(200, "");
    take_cookie();
    assert_int_equal(claims_of(token).expires_s, START_S + TTL_S);
}

/* What session_max is now counts for sessions that exist, too; what they have already is left to them. */
static void test_session_max_is_lowered(void **state)
{
    (void)state;
    sign_in();
    wait_s(TTL_S / 2);
    config.session_max_ms = (TTL_S + TTL_S / 4) * 1000;
    call("/api/v1/session", "");
    assert_status(200, "");
    take_cookie();
    assert_int_equal(claims_of(token).expires_s, START_S + TTL_S + TTL_S / 4);
    call("/api/v1/session", "");
    assert_status(403, "not_renewable");
    config.session_max_ms = 0;
    call("/api/v1/session", "");
    assert_status(403, "not_renewable");
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(named(), "alice");
    /* More than the token says is not to be had. */
    config.session_max_ms = 100 * MAX_S * 1000;
    wait_s(TTL_S / 2);
    call("/api/v1/session", "");
    assert_status(200, "");
    take_cookie();
    assert_int_equal(claims_of(token).expires_s, START_S + 2 * TTL_S);
    assert_int_equal(claims_of(token).renew_s, START_S + MAX_S);
}

static void test_switched_off(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(claims_of(token).renew_s, 0);
    call("/api/v1/session", "");
    assert_status(403, "not_renewable");
    cookie = NULL;
    call("/api/v1/session", "");
    assert_status(401, "unauthorized");
}

/* One logout ends all that came from one login, whichever of them it is done with. */
static void test_logout_ends_all_of_a_session(void **state)
{
    char first[TEXT_BYTES], jti[TOKEN_JTI_MAX + 1];

    (void)state;
    sign_in();
    snprintf(first, sizeof(first), "%s", token);
    snprintf(jti, sizeof(jti), "%s", claims_of(token).jti);
    wait_s(TTL_S - 60);
    call("/api/v1/session", "");
    take_cookie();
    cookie = first;
    call("/logout", "");
    assert_status(200, "");
    /* Known for longer than the renewed one lasts. */
    assert_true(testhost_kv_ttl(host, "revoked", jti) > TTL_S * 1000);
    cookie = token;
    assert_int_equal(http(CHATD_ROUTE_LOGIN), CHATD_NEXT);
    assert_string_equal(named(), "");
    call("/api/v1/session", "");
    assert_status(401, "unauthorized");
}

/* --- the verb ----------------------------------------------------------------------------------- */

static char answer[512];

static void verb(int c, const char *members)
{
    const char *text;

    testhost_verb(host, client[c], "session.refresh", "7", members);
    pump();
    answer[0] = '\0';
    while ((text = testhost_next_text(host, client[c])) != NULL)
        snprintf(answer, sizeof(answer), "%s", text);
}

static void open_socket(int c)
{
    (void)upgrade(c);
    pump();
    assert_string_equal(named(), "alice");
}

static int64_t expires_ms(int c)
{
    struct chatd_conn_info info = {.size = sizeof(info)};

    assert_int_equal(chatd_conn_info(testhost_self(host), client[c], &info), CHATD_OK);
    return info.expires_ms;
}

/* The verb alone. */
#define PLAIN ""

static void assert_moved(int64_t expires_s)
{
    char expected[128];

    snprintf(expected, sizeof(expected),
             "{\"type\":\"ack\",\"id\":\"7\",\"expires\":%lld,\"now\":%lld}",
             (long long)expires_s * 1000, (long long)testhost_wall_ms(host));
    assert_string_equal(answer, expected);
    assert_int_equal(expires_ms(1), expires_s * 1000);
}

static void assert_refused(const char *code)
{
    char told[64] = "";

    sscanf(answer, "{\"type\":\"error\",\"id\":\"7\",\"code\":\"%63[^\"]", told);
    assert_string_equal(told, code);
}

static void test_socket(void **state)
{
    (void)state;
    config.clock_leeway_ms = 30000;
    sign_in();
    open_socket(1);
    wait_s(TTL_S / 2);
    verb(1, PLAIN);
    assert_moved(START_S + TTL_S / 2 + TTL_S + 30);
    verb(1, PLAIN);
    assert_moved(START_S + TTL_S / 2 + TTL_S + 30);
    /* The socket goes on while its token has ended. */
    wait_s(TTL_S);
    verb(1, PLAIN);
    assert_moved(START_S + TTL_S / 2 + 2 * TTL_S + 30);
    wait_s(MAX_S - 2 * TTL_S);
    verb(1, PLAIN);
    assert_moved(START_S + MAX_S + 30);
    verb(1, PLAIN);
    assert_refused("auth.not_renewable");
}

static void test_session_max_is_lowered_for_sockets(void **state)
{
    (void)state;
    sign_in();
    open_socket(1);
    wait_s(TTL_S / 2);
    config.session_max_ms = (TTL_S + TTL_S / 4) * 1000;
    verb(1, PLAIN);
    assert_moved(START_S + TTL_S + TTL_S / 4);
    verb(1, PLAIN);
    assert_refused("auth.not_renewable");
    assert_int_equal(closed(1), 0);
}

/* Another issuer, who may know nothing of session_max, decides for itself. */
static void test_session_of_another_issuer(void **state)
{
    struct token_claims claims = {
        .user = "alice", .jti = "foreign", .expires_s = START_S + 60, .renew_s = START_S + 5000};
    char *text = NULL;

    (void)state;
    assert_int_equal(token_make(key_get(testhost_self(host)->data), &claims, START_S, &text),
                     CHATD_OK);
    cookie = text;
    call("/api/v1/session", "");
    assert_status(200, "");
    take_cookie();
    cookie = token;
    assert_int_equal(claims_of(token).expires_s, START_S + 5000);
    wait_s(10);
    cookie = text;
    open_socket(1);
    verb(1, PLAIN);
    assert_moved(START_S + 5000);
    free(text);
}

static void test_socket_of_no_session(void **state)
{
    (void)state;
    log_in();
    client[1] = testhost_connect(host, &(struct testhost_client){.user = "alice"});
    verb(1, PLAIN); /* no token let it in */
    assert_refused("auth.not_renewable");
    open_socket(1);
    verb(1, PLAIN);
    assert_refused("auth.not_renewable");
    verb(1, "\"token\":5");
    assert_refused("bad_request");
}

static const char *taking(const char *text)
{
    static char members[TEXT_BYTES + 64];

    snprintf(members, sizeof(members), "\"token\":\"%s\"", text);
    return members;
}

static void verb_with(int c, const char *text)
{
    verb(c, taking(text));
}

static char *made(const char *user, const char *jti, int64_t ttl_s)
{
    struct token_claims claims = {.expires_s = testhost_wall_ms(host) / 1000 + ttl_s};
    char *text = NULL;

    snprintf(claims.user, sizeof(claims.user), "%s", user);
    snprintf(claims.jti, sizeof(claims.jti), "%s", jti);
    assert_int_equal(token_make(key_get(testhost_self(host)->data), &claims,
                                testhost_wall_ms(host) / 1000, &text),
                     CHATD_OK);
    return text;
}

/* The socket is the new token's from then on: it ends with it, and is revoked with it. */
static void test_socket_takes_a_token(void **state)
{
    char *text;

    (void)state;
    log_in();
    open_socket(1);
    open_socket(2);
    text = made("alice", "another", 500);
    verb_with(1, text);
    assert_moved(START_S + 500);
    bus_brings("auth.revoked", claims_of(token).jti);
    assert_int_equal(closed(1), 0);
    assert_int_equal(closed(2), CHATD_CLOSE_TOKEN);
    bus_brings("auth.revoked", "another");
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    free(text);
}

static void test_socket_refuses_a_token(void **state)
{
    char *text;
    int64_t end_ms;

    (void)state;
    log_in();
    open_socket(1);
    end_ms = expires_ms(1);
    text = made("bob", "b", 500);
    verb_with(1, text);
    assert_refused("forbidden");
    free(text);
    text = made("alice", "a", -500);
    verb_with(1, text);
    assert_refused("unauthorized");
    free(text);
    verb_with(1, "a.b.c");
    assert_refused("unauthorized");
    kv_put("revoked", "gone", "1", 1000);
    text = made("alice", "gone", 500);
    verb_with(1, text);
    assert_refused("unauthorized");
    free(text);
    assert_int_equal(expires_ms(1), end_ms);
    /* It is still its own token's. */
    bus_brings("auth.revoked", claims_of(token).jti);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
}

static void test_revoked_socket(void **state)
{
    (void)state;
    sign_in();
    open_socket(1);
    wait_s(6);
    kv_put("revoked", claims_of(token).jti, "1", 1000);
    verb(1, PLAIN);
    assert_refused("unauthorized");
    verb(1, PLAIN); /* known by now */
    assert_refused("unauthorized");
}

/* Two in a row: the answer about the first token comes when the socket is the second's already, and moves
 * nothing back. */
static void test_socket_takes_a_token_while_its_own_is_looked_up(void **state)
{
    struct auth *a = testhost_self(host)->data;
    struct token_claims claims;
    char *text;

    (void)state;
    sign_in();
    open_socket(1);
    wait_s(60);
    text = made("alice", "another", 500);
    revoked_note(&a->revoked, "another", REVOKED_NO, testhost_mono_ms(host), 5000);
    since_note(&a->since, "alice", 0, testhost_mono_ms(host));
    testhost_hold(host, 1);
    testhost_verb(host, client[1], "session.refresh", "6", "");
    assert_int_equal(testhost_unread(host, client[1]), 0);
    testhost_verb(host, client[1], "session.refresh", "7", taking(text));
    assert_int_equal(testhost_unread(host, client[1]), 1); /* at once: it is known to be good */
    assert_int_equal(expires_ms(1), (START_S + 60 + 500) * 1000);
    assert_non_null(strstr(testhost_next_text(host, client[1]), "\"id\":\"7\",\"expires\""));
    pump();
    assert_non_null(
        strstr(testhost_next_text(host, client[1]), "\"id\":\"6\",\"code\":\"unavailable\""));
    assert_int_equal(expires_ms(1), (START_S + 60 + 500) * 1000);
    assert_true(sockets_get(a, client[1], &claims));
    assert_string_equal(claims.jti, "another");
    verb(1, PLAIN);
    assert_refused("auth.not_renewable");
    free(text);
}

/* Whether it was revoked is not known, so it gets no longer; it stays as good as it was. */
static void test_socket_while_the_store_is_away(void **state)
{
    int64_t end_ms;

    (void)state;
    sign_in();
    open_socket(1);
    end_ms = expires_ms(1);
    wait_s(60);
    kv_away(true);
    verb(1, PLAIN);
    assert_refused("unavailable");
    assert_int_equal(expires_ms(1), end_ms);
    assert_int_equal(closed(1), 0);
    kv_away(false);
    verb(1, PLAIN);
    assert_moved(START_S + 60 + TTL_S);
}

/* Another token is no renewal: it is taken as by an upgrade, and looked up when the store is back. */
static void test_socket_takes_a_token_while_the_store_is_away(void **state)
{
    char *text;

    (void)state;
    log_in();
    open_socket(1);
    text = made("alice", "another", 500);
    kv_away(true);
    verb_with(1, text);
    assert_moved(START_S + 500);
    kv_away(false);
    kv_put("revoked", "another", "1", 100000);
    testhost_advance(host, 5000);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    free(text);
}

/* A revoked token that a worker has not heard of is not made to outlive its entry in the store. */
static void test_revoked_while_the_store_is_away(void **state)
{
    (void)state;
    sign_in();
    kv_put("revoked", claims_of(token).jti, "1", 1000);
    kv_away(true);
    call("/api/v1/session", "");
    assert_status(503, "unavailable");
    assert_true(retry_s() > 0);
    assert_string_equal(set_cookie(), "");
    kv_away(false);
    call("/api/v1/session", "");
    assert_status(401, "unauthorized");
    assert_string_equal(set_cookie(), "");
}

static void test_while_the_store_is_away(void **state)
{
    (void)state;
    sign_in();
    kv_away(true);
    call("/api/v1/session", "");
    assert_status(503, "unavailable");
    kv_away(false);
    call("/api/v1/session", "");
    assert_status(200, "");
}

static void test_stop_while_looked_up(void **state)
{
    (void)state;
    sign_in();
    kv_away(true);
    begin("/api/v1/session", "");
    assert_int_equal(testhost_waits(host), 1);
    while (testhost_waits(host) > 0) /* whoever is in doubt is let in */
        step_store();
    stop_under_way(1);
    assert_int_equal(reply->status, 0);
}

static void test_stop_under_way(void **state)
{
    (void)state;
    sign_in();
    open_socket(1);
    wait_s(60);
    testhost_hold(host, 1);
    testhost_verb(host, client[1], "session.refresh", "7", PLAIN);
    stop_under_way(0);
    assert_int_equal(testhost_unread(host, client[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_a_renewed_token),
        FLOW(test_a_bot),
        FLOW(test_not_for_ever),
        FLOW(test_signing_out_everywhere),
        FLOW(test_never_earlier),
        FLOW(test_session_max_is_lowered),
        FLOW(test_switched_off),
        FLOW(test_logout_ends_all_of_a_session),
        FLOW(test_socket),
        FLOW(test_session_max_is_lowered_for_sockets),
        FLOW(test_session_of_another_issuer),
        FLOW(test_socket_of_no_session),
        FLOW(test_socket_takes_a_token),
        FLOW(test_socket_refuses_a_token),
        FLOW(test_revoked_socket),
        FLOW(test_socket_takes_a_token_while_its_own_is_looked_up),
        FLOW(test_socket_while_the_store_is_away),
        FLOW(test_socket_takes_a_token_while_the_store_is_away),
        FLOW(test_revoked_while_the_store_is_away),
        FLOW(test_while_the_store_is_away),
        FLOW(test_stop_while_looked_up),
        FLOW(test_stop_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
