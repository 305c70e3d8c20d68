/* SPDX-License-Identifier: MIT */
/* Tests of signing out everywhere and of changing the password, against a fake core. */
#include "flow.h"
#include "password.h"

#define CHANGE "{\"old\":\"correct horse\",\"new\":\"battery staple\"}"

/* Logs Alice in again; her token is `token` and the cookie. */
static void log_in_again(void)
{
    call("/login", ALICE);
    assert_status(200, "");
    assert_int_equal(sscanf(fake.reply, "{\"token\":\"%[^\"]\"}", token), 1);
    fake.cookie = token;
}

static bool is_good(const char *cookie)
{
    const char *before = fake.cookie;
    bool good;

    fake.cookie = cookie;
    (void)http(CHATD_ROUTE_LOGIN);
    pump();
    good = strcmp(fake.named, "alice") == 0;
    fake.cookie = before;
    return good;
}

/* All within one millisecond: no clock tells the tokens apart. */
static void test_logout_all(void **state)
{
    char other[FAKE_BYTES];

    (void)state;
    log_in();
    snprintf(other, sizeof(other), "%s", token);
    (void)upgrade(1);
    pump();
    log_in_again();
    (void)upgrade(2);
    pump();
    assert_true(is_good(token));
    call("/api/v1/logout-all", "");
    assert_status(200, "");
    assert_string_equal(fake.set_cookie, "token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_string_equal(fake_get("auth-since", "alice"), "1790000000000");
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
    assert_int_equal(fake.closed[2], CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));
    assert_false(is_good(other));
    call("/api/v1/logout-all", "");
    assert_status(401, "unauthorized");
    log_in_again();
    assert_true(is_good(token));
    assert_false(is_good(other));
    fake.mono_ms += 6000; /* from the store, too */
    assert_true(is_good(token));
    assert_false(is_good(other));
}

static void test_others_stay(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    call("/register", "{\"user\":\"bob\",\"password\":\"correct horse\"}");
    call("/login", "{\"user\":\"bob\",\"password\":\"correct horse\"}");
    assert_int_equal(sscanf(fake.reply, "{\"token\":\"%[^\"]\"}", token), 1);
    fake.cookie = token;
    call("/api/v1/logout-all", "");
    assert_status(200, "");
    assert_int_equal(fake.closed[1], 0);
}

/* Another host's clock is ahead, or ours was set back. */
static void test_clock_behind(void **state)
{
    (void)state;
    fake_put("auth-since", "alice", "1790000099000", 0);
    log_in();
    assert_true(is_good(token));
    call("/api/v1/logout-all", "");
    assert_string_equal(fake_get("auth-since", "alice"), "1790000099001");
    assert_false(is_good(token));
    log_in_again();
    assert_true(is_good(token));
}

/* Somebody else does the same at the same time. */
static void test_two_at_once(void **state)
{
    (void)state;
    log_in();
    begin("/api/v1/logout-all", "");
    fake_put("auth-since", "alice", "1790000000500", 0);
    pump();
    assert_status(200, "");
    assert_string_equal(fake_get("auth-since", "alice"), "1790000000501");
    log_in_again();
    begin("/api/v1/logout-all", "");
    fake_put("auth-since", "alice", "1790000000600", 0);
    pump();
    assert_status(200, "");
    assert_string_equal(fake_get("auth-since", "alice"), "1790000000601");
}

/* Somebody deletes the entry at the same time. */
static void test_entry_goes_meanwhile(void **state)
{
    (void)state;
    fake_put("auth-since", "alice", "1790000000500", 0);
    log_in();
    begin("/api/v1/logout-all", "");
    fake_find("auth-since", "alice")->used = false;
    pump();
    assert_status(200, "");
    assert_true(strcmp(fake_get("auth-since", "alice"), "1790000000500") > 0);
    assert_false(is_good(token));
}

/* Others are faster each time: no limit has turned it away. */
static void test_too_many_at_once(void **state)
{
    char value[24];
    unsigned i;

    (void)state;
    log_in();
    begin("/api/v1/logout-all", "");
    for (i = 0; fake.n_later > 0 && i < 20; i++) {
        snprintf(value, sizeof(value), "17900000005%02u", i);
        fake_put("auth-since", "alice", value, 0);
        pump_one();
    }
    assert_status(503, "unavailable");
    assert_true(fake.retry_ms > 0);
    assert_int_equal(fake_counted("limited_total", LIMIT_QUEUE), 0);
    call("/api/v1/logout-all", "");
    assert_status(200, "");
}

/* A token is made with the entry from before its password was tried. */
static void test_login_meanwhile(void **state)
{
    (void)state;
    call("/register", ALICE);
    begin("/login", "{\"user\":\"alice\",\"password\":\"correct horse\"}");
    pump_one();
    fake_put("auth-since", "alice", "1790000000000", 0);
    pump();
    assert_status(200, "");
    assert_int_equal(sscanf(fake.reply, "{\"token\":\"%[^\"]\"}", token), 1);
    fake.mono_ms += 6000;
    assert_false(is_good(token));
}

static void test_store_away(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    fake.store_away = true;
    call("/api/v1/logout-all", "");
    assert_status(503, "unavailable");
    assert_int_equal(fake.closed[1], 0);
    fake.store_away = false;
    assert_true(is_good(token));
    fake_put("auth-since", "alice", "soon", 0);
    call("/api/v1/logout-all", "");
    assert_status(503, "unavailable");
    call("/login", ALICE);
    assert_status(503, "unavailable");
}

static void test_news(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    fake_bus_bring("auth.since", "", 0);
    fake_bus_bring("auth.since", "1790000000001", 0);
    fake_bus_bring("auth.since", "1790000000001 ", 0);
    fake_bus_bring("auth.since", "x alice", 0);
    fake_bus_bring("auth.since", "1790000000001 bob", 0);
    assert_int_equal(fake.closed[1], 0);
    fake_bus_bring("auth.since", "1790000000001 alice", 0);
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));
}

/* The store has it and the news did not come. */
static void test_lost_news(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    fake_put("auth-since", "alice", "1790000000000", 0);
    assert_true(is_good(token)); /* for 5 s */
    fake_bus_bring("auth.since", "0 bob", 0);
    pump();
    assert_int_equal(fake.closed[1], 0);
    fake_bus_bring("auth.since", "0 alice", 0);
    pump();
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));

    log_in_again();
    (void)upgrade(2);
    pump();
    fake_put("auth-since", "alice", "1790000000002", 0);
    fake_bus_bring("auth.since", "", 1);
    pump();
    assert_int_equal(fake.closed[2], CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));
}

/* Nothing is open that would be looked up: the next request is. */
static void test_lost_news_of_requests(void **state)
{
    static const struct {
        const char *data;
        uint32_t lost;
    } rows[] = {{"0 alice", 0}, {"", 1}};
    size_t i;

    (void)state;
    call("/register", ALICE);
    for (i = 0; i < 2; i++) {
        log_in_again();
        assert_true(is_good(token));
        fake_put("auth-since", "alice", i == 0 ? "1790000000001" : "1790000000002", 0);
        assert_true(is_good(token));
        fake_bus_bring("auth.since", rows[i].data, rows[i].lost);
        assert_false(is_good(token));
    }
}

/* Let in while the store was away: looked up when it is back. And what it said is not forgotten. */
static void test_recheck(void **state)
{
    (void)state;
    log_in();
    fake.store_away = true;
    (void)upgrade(1);
    pump();
    assert_string_equal(fake.named, "alice");
    fake.store_away = false;
    fake_put("auth-since", "alice", "1790000000000", 0);
    fake_timers();
    pump();
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
    fake.store_away = true;
    fake.mono_ms += 6000;
    (void)upgrade(2);
    pump();
    assert_string_equal(fake.named, "");
}

static void test_change_password(void **state)
{
    char before[FAKE_BYTES], expected[FAKE_BYTES + 128];

    (void)state;
    log_in();
    snprintf(before, sizeof(before), "%s", token);
    (void)upgrade(1);
    pump();
    call("/api/v1/password", CHANGE);
    assert_status(200, "");
    assert_int_equal(sscanf(fake.reply, "{\"token\":\"%[^\"]\"}", token), 1);
    snprintf(expected, sizeof(expected), "token=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400",
             token);
    assert_string_equal(fake.set_cookie, expected);
    assert_int_equal(fake.closed[1], CHATD_CLOSE_TOKEN);
    assert_true(is_good(token));
    assert_false(is_good(before));
    call("/login", ALICE);
    assert_status(401, "bad_credentials");
    call("/login", "{\"user\":\"alice\",\"password\":\"battery staple\"}");
    assert_status(200, "");
    assert_true(is_good(token));
}

static void test_change_refuses(void **state)
{
    char hash[PASSWORD_HASH_CHARS + 1];

    (void)state;
    log_in();
    snprintf(hash, sizeof(hash), "%s", fake_get("users", "alice"));
    call("/api/v1/password", "{\"old\":\"wrong horse\",\"new\":\"battery staple\"}");
    assert_status(403, "bad_credentials");
    call("/api/v1/password", "{\"old\":\"\",\"new\":\"battery staple\"}");
    assert_status(403, "bad_credentials");
    call("/api/v1/password", "{\"old\":\"correct horse\",\"new\":\"short\"}");
    assert_status(400, "bad_password");
    call("/api/v1/password", "{\"old\":\"correct horse\",\"new\":\"correct horse\"}");
    assert_status(400, "bad_password");
    call("/api/v1/password", "{\"old\":\"correct horse\"}");
    assert_status(400, "bad_request");
    fake.busy = true;
    call("/api/v1/password", CHANGE);
    assert_status(503, "unavailable");
    assert_true(fake.retry_ms > 0);
    fake.busy = false;
    fake.cookie = NULL;
    call("/api/v1/password", CHANGE);
    assert_status(401, "unauthorized");
    fake.cookie = token;
    config.login_rate = 1;
    fake.mono_ms += 60000;
    call("/api/v1/password", "{}");
    assert_status(400, "bad_request");
    call("/api/v1/password", CHANGE);
    assert_status(429, "rate_limited");
    assert_string_equal(fake_get("users", "alice"), hash);
    assert_true(is_good(token));
    assert_null(fake_get("auth-since", "alice"));
}

/* As at /login, the log says who came, and from where. */
static void test_change_too_often(void **state)
{
    (void)state;
    log_in();
    config.account_rate = 1;
    call("/api/v1/password", "{\"old\":\"wrong horse\",\"new\":\"battery staple\"}");
    assert_status(403, "bad_credentials");
    call("/api/v1/password", CHANGE);
    assert_status(429, "rate_limited");
    assert_string_equal(fake.logged, "a change of the password of `alice` from 192.0.2.1: "
                                     "too many wrong passwords");
    assert_int_equal(fake_counted("limited_total", LIMIT_ACCOUNT), 1);
}

/* A token that was signed elsewhere, of somebody without an account. */
static void test_change_without_account(void **state)
{
    (void)state;
    log_in();
    fake_find("users", "alice")->used = false;
    call("/api/v1/password", CHANGE);
    assert_status(403, "bad_credentials");
}

/* Two changes from the same old password: one is refused. */
static void test_change_meanwhile(void **state)
{
    (void)state;
    log_in();
    begin("/api/v1/password", CHANGE);
    pump_one();
    fake_put("users", "alice", "another hash", 0);
    pump();
    assert_status(409, "conflict");
    assert_true(is_good(token));
}

static void test_stop_under_way(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    begin("/api/v1/logout-all", "");
    begin("/api/v1/password", CHANGE);
    fake_bus_bring("auth.since", "", 1);
    chatd_plugin_v1.stop(&fake.plugin);
    pump();
    assert_int_equal(fake.status, 0);
    assert_null(fake_get("auth-since", "alice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_logout_all),
        FLOW(test_others_stay),
        FLOW(test_clock_behind),
        FLOW(test_two_at_once),
        FLOW(test_entry_goes_meanwhile),
        FLOW(test_too_many_at_once),
        FLOW(test_login_meanwhile),
        FLOW(test_store_away),
        FLOW(test_news),
        FLOW(test_lost_news),
        FLOW(test_lost_news_of_requests),
        FLOW(test_recheck),
        FLOW(test_change_password),
        FLOW(test_change_refuses),
        FLOW(test_change_too_often),
        FLOW(test_change_without_account),
        FLOW(test_change_meanwhile),
        FLOW(test_stop_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
