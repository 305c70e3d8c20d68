/* SPDX-License-Identifier: MIT */
/* Tests of signing out everywhere and of changing the password, on a test host. */
#include "flow.h"
#include "password.h"

#define CHANGE "{\"old\":\"correct horse\",\"new\":\"battery staple\"}"

/* Logs Alice in again; her token is `token` and the cookie. */
static void log_in_again(void)
{
    call("/login", ALICE);
    assert_status(200, "");
    take_token();
    cookie = token;
}

static bool is_good(const char *with)
{
    const char *before = cookie;

    cookie = with;
    (void)http(CHATD_ROUTE_LOGIN);
    pump();
    cookie = before;
    return strcmp(named(), "alice") == 0;
}

/* Begins a call of somebody who is known, so that nothing but the call itself is asked. */
static void begin_known(const char *path, const char *body)
{
    assert_true(is_good(cookie));
    begin(path, body);
}

/* All within one millisecond: no clock tells the tokens apart. */
static void test_logout_all(void **state)
{
    char other[TEXT_BYTES];

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
    assert_string_equal(set_cookie(), "token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_string_equal(kv_get("auth-since", "alice"), "1790000000000");
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    assert_int_equal(closed(2), CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));
    assert_false(is_good(other));
    call("/api/v1/logout-all", "");
    assert_status(401, "unauthorized");
    log_in_again();
    assert_true(is_good(token));
    assert_false(is_good(other));
    testhost_advance(host, 6000); /* from the store, too */
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
    take_token();
    cookie = token;
    call("/api/v1/logout-all", "");
    assert_status(200, "");
    assert_int_equal(closed(1), 0);
}

/* Another host's clock is ahead, or ours was set back. */
static void test_clock_behind(void **state)
{
    (void)state;
    kv_put("auth-since", "alice", "1790000099000", 0);
    log_in();
    assert_true(is_good(token));
    call("/api/v1/logout-all", "");
    assert_string_equal(kv_get("auth-since", "alice"), "1790000099001");
    assert_false(is_good(token));
    log_in_again();
    assert_true(is_good(token));
}

/* Somebody else does the same at the same time. */
static void test_two_at_once(void **state)
{
    (void)state;
    log_in();
    begin_known("/api/v1/logout-all", "");
    step_store(); /* there was none */
    kv_put("auth-since", "alice", "1790000000500", 0);
    pump();
    assert_status(200, "");
    assert_string_equal(kv_get("auth-since", "alice"), "1790000000501");
    log_in_again();
    begin_known("/api/v1/logout-all", "");
    step_store();
    kv_put("auth-since", "alice", "1790000000600", 0);
    pump();
    assert_status(200, "");
    assert_string_equal(kv_get("auth-since", "alice"), "1790000000601");
}

/* Somebody deletes the entry at the same time. */
static void test_entry_goes_meanwhile(void **state)
{
    (void)state;
    kv_put("auth-since", "alice", "1790000000500", 0);
    log_in();
    begin_known("/api/v1/logout-all", "");
    step_store();
    kv_drop("auth-since", "alice");
    pump();
    assert_status(200, "");
    assert_true(strcmp(kv_get("auth-since", "alice"), "1790000000500") > 0);
    assert_false(is_good(token));
}

/* Others are faster each time: no limit has turned it away. */
static void test_too_many_at_once(void **state)
{
    char value[24];
    unsigned i;

    (void)state;
    log_in();
    begin_known("/api/v1/logout-all", "");
    for (i = 0; reply->status == 0 && i < 20; i++) {
        step_store();
        snprintf(value, sizeof(value), "17900000005%02u", i);
        kv_put("auth-since", "alice", value, 0);
    }
    assert_status(503, "unavailable");
    pump();
    assert_true(retry_s() > 0);
    assert_int_equal(testhost_metric(host, "limited_total", "queue"), 0);
    call("/api/v1/logout-all", "");
    assert_status(200, "");
}

/* A token is made with the entry from before its password was tried. */
static void test_login_meanwhile(void **state)
{
    (void)state;
    call("/register", ALICE);
    testhost_hold_jobs(host, 1);
    call("/login", "{\"user\":\"alice\",\"password\":\"correct horse\"}");
    kv_put("auth-since", "alice", "1790000000000", 0);
    testhost_hold_jobs(host, 0);
    assert_status(200, "");
    take_token();
    testhost_advance(host, 6000);
    assert_false(is_good(token));
}

static void test_store_away(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    kv_away(true);
    call("/api/v1/logout-all", "");
    assert_status(503, "unavailable");
    assert_int_equal(closed(1), 0);
    kv_away(false);
    assert_true(is_good(token));
    kv_put("auth-since", "alice", "soon", 0);
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
    bus_brings("auth.since", "");
    bus_brings("auth.since", "1790000000001");
    bus_brings("auth.since", "1790000000001 ");
    bus_brings("auth.since", "x alice");
    bus_brings("auth.since", "1790000000001 bob");
    assert_int_equal(closed(1), 0);
    bus_brings("auth.since", "1790000000001 alice");
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));
}

/* The store has it and the news did not come. */
static void test_lost_news(void **state)
{
    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    kv_put("auth-since", "alice", "1790000000000", 0);
    assert_true(is_good(token)); /* for 5 s */
    bus_brings("auth.since", "0 bob");
    pump();
    assert_int_equal(closed(1), 0);
    bus_brings("auth.since", "0 alice");
    pump();
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    assert_false(is_good(token));

    log_in_again();
    (void)upgrade(2);
    pump();
    kv_put("auth-since", "alice", "1790000000002", 0);
    bus_lost("auth.since");
    pump();
    assert_int_equal(closed(2), CHATD_CLOSE_TOKEN);
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
        kv_put("auth-since", "alice", i == 0 ? "1790000000001" : "1790000000002", 0);
        assert_true(is_good(token));
        if (rows[i].lost)
            bus_lost("auth.since");
        else
            bus_brings("auth.since", rows[i].data);
        assert_false(is_good(token));
    }
}

/* Let in while the store was away: looked up when it is back. And what it said is not forgotten. */
static void test_recheck(void **state)
{
    (void)state;
    log_in();
    kv_away(true);
    (void)upgrade(1);
    pump();
    assert_string_equal(named(), "alice");
    kv_away(false);
    kv_put("auth-since", "alice", "1790000000000", 0);
    testhost_advance(host, 5000);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
    kv_away(true);
    testhost_advance(host, 6000);
    (void)upgrade(2);
    pump();
    assert_string_equal(named(), "");
}

static void test_change_password(void **state)
{
    char before[TEXT_BYTES], expected[TEXT_BYTES + 128];

    (void)state;
    log_in();
    snprintf(before, sizeof(before), "%s", token);
    (void)upgrade(1);
    pump();
    call("/api/v1/password", CHANGE);
    assert_status(200, "");
    take_token();
    snprintf(expected, sizeof(expected), "token=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400",
             token);
    assert_string_equal(set_cookie(), expected);
    assert_int_equal(closed(1), CHATD_CLOSE_TOKEN);
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
    snprintf(hash, sizeof(hash), "%s", kv_get("users", "alice"));
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
    testhost_refuse_jobs(host, JOBS_ALL);
    call("/api/v1/password", CHANGE);
    assert_status(503, "unavailable");
    assert_true(retry_s() > 0);
    testhost_refuse_jobs(host, 0);
    cookie = NULL;
    call("/api/v1/password", CHANGE);
    assert_status(401, "unauthorized");
    cookie = token;
    config.login_rate = 1;
    testhost_advance(host, 60000);
    call("/api/v1/password", "{}");
    assert_status(400, "bad_request");
    call("/api/v1/password", CHANGE);
    assert_status(429, "rate_limited");
    assert_string_equal(kv_get("users", "alice"), hash);
    assert_true(is_good(token));
    assert_null(kv_get("auth-since", "alice"));
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
    assert_string_equal(testhost_log(host, CHATD_LOG_INFO),
                        "a change of the password of `alice` from 192.0.2.1: "
                        "too many wrong passwords");
    assert_int_equal(testhost_metric(host, "limited_total", "account"), 1);
}

/* A token that was signed elsewhere, of somebody without an account. */
static void test_change_without_account(void **state)
{
    (void)state;
    log_in();
    kv_drop("users", "alice");
    call("/api/v1/password", CHANGE);
    assert_status(403, "bad_credentials");
}

/* Two changes from the same old password: one is refused. */
static void test_change_meanwhile(void **state)
{
    (void)state;
    log_in();
    testhost_hold_jobs(host, 1);
    call("/api/v1/password", CHANGE);
    kv_put("users", "alice", "another hash", 0);
    testhost_hold_jobs(host, 0);
    assert_status(409, "conflict");
    assert_true(is_good(token));
}

static void test_stop_under_way(void **state)
{
    const struct testhost_answer *first;

    (void)state;
    log_in();
    (void)upgrade(1);
    pump();
    begin_known("/api/v1/logout-all", "");
    first = reply;
    begin("/api/v1/password", CHANGE);
    bus_lost("auth.since");
    stop_under_way(2);
    assert_int_equal(first->status, 0);
    assert_int_equal(reply->status, 0);
    assert_null(kv_get("auth-since", "alice"));
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
