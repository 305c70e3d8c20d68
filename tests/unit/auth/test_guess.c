/* SPDX-License-Identifier: MIT */
/* Tests of guessing passwords from many addresses, and of too many people at once. */
#include "flow.h"

#define WRONG(user) "{\"user\":\"" user "\",\"password\":\"wrong horse\"}"

static void call_from(const char *from, const char *pattern, const char *body)
{
    address = from;
    call(pattern, body);
}

/* Three wrong ones, each from another address. */
static void guess_thrice(const char *body)
{
    static const char *const addresses[] = {"198.51.100.1", "198.51.100.2", "2001:db8::1"};
    size_t i;

    for (i = 0; i < 3; i++) {
        call_from(addresses[i], "/login", body);
        assert_status(401, "bad_credentials");
    }
}

static void test_many_addresses(void **state)
{
    (void)state;
    config.account_rate = 3;
    call("/register", ALICE);
    call("/register", "{\"user\":\"bob\",\"password\":\"correct horse\"}");
    guess_thrice(WRONG("alice"));
    call_from("198.51.100.9", "/login", WRONG("ALICE"));
    assert_status(429, "rate_limited");
    assert_int_equal(retry_s(), 20);
    call_from("198.51.100.9", "/login", "{\"user\":\"bob\",\"password\":\"correct horse\"}");
    assert_status(200, "");
    testhost_advance(host, 20000);
    call_from("198.51.100.9", "/login", ALICE);
    assert_status(200, "");
}

/* Nobody learns from it who has an account. */
static void test_unknown_names_alike(void **state)
{
    (void)state;
    config.account_rate = 3;
    guess_thrice(WRONG("nobody"));
    call("/login", WRONG("Nobody"));
    assert_status(429, "rate_limited");
    assert_int_equal(retry_s(), 20);
    guess_thrice(WRONG("no name at all"));
    call("/login", WRONG("no name at all"));
    assert_status(429, "rate_limited");
}

static void test_right_ones_do_not_count(void **state)
{
    int i;

    (void)state;
    config.account_rate = 3;
    call("/register", ALICE);
    for (i = 0; i < 9; i++) {
        call("/login", ALICE);
        assert_status(200, "");
    }
    testhost_refuse_jobs(host, JOBS_ALL); /* nor those that were never tried */
    for (i = 0; i < 9; i++) {
        call("/login", ALICE);
        assert_status(503, "unavailable");
    }
    testhost_refuse_jobs(host, 0);
    guess_thrice(WRONG("alice"));
}

/* The owner at home, while others guess; and who guesses there has a bucket of that place. */
static void test_owner_is_not_shut_out(void **state)
{
    int i;

    (void)state;
    config.account_rate = 3;
    call("/register", ALICE);
    call_from("192.0.2.1", "/login", ALICE);
    assert_true(testhost_kv_ttl(host, "auth-known", "192.0.2.1 alice") > 0);
    guess_thrice(WRONG("alice"));
    guess_thrice(WRONG("192.0.2.1 alice"));
    guess_thrice(WRONG("p 192.0.2.1 alice"));
    call_from("192.0.2.2", "/login", ALICE);
    assert_status(429, "rate_limited");
    for (i = 0; i < 9; i++) {
        call_from("192.0.2.1", "/login", ALICE);
        assert_status(200, "");
    }
    for (i = 0; i < 3; i++) {
        call_from("192.0.2.1", "/login", WRONG("alice"));
        assert_status(401, "bad_credentials");
    }
    call_from("192.0.2.1", "/login", ALICE);
    assert_status(429, "rate_limited");
}

static void test_store_away(void **state)
{
    (void)state;
    config.account_rate = 3;
    call("/register", ALICE);
    call("/login", ALICE);
    guess_thrice(WRONG("alice"));
    kv_away(true);
    call_from("192.0.2.1", "/login", ALICE);
    assert_status(429, "rate_limited");
}

static void test_over_all_workers(void **state)
{
    struct auth *a = testhost_self(host)->data;
    char expected[64];

    (void)state;
    config.account_rate = 3;
    config.login_rate = config.login_rate_total = 0;
    call("/register", ALICE);
    bus_brings("auth.tries", "g 00000000000000ee a alice");
    bus_brings("auth.tries", "g 00000000000000ee a alice");
    call("/login", WRONG("alice"));
    assert_status(401, "bad_credentials");
    call("/login", WRONG("alice"));
    assert_status(429, "rate_limited");

    testhost_advance(host, 60000); /* told when it was wrong, and not when it was right */
    bus_forget();
    call("/login", WRONG("alice"));
    snprintf(expected, sizeof(expected), "auth.tries g %s a alice", a->tries_sender);
    assert_string_equal(testhost_bus_next(host), expected);
    assert_null(testhost_bus_next(host));
    call("/login", ALICE);
    assert_null(testhost_bus_next(host));
    assert_status(200, "");
}

static void test_old_passwords_of_a_change(void **state)
{
    int i;

    (void)state;
    config.account_rate = 3;
    log_in();
    for (i = 0; i < 3; i++) {
        call("/api/v1/password", "{\"old\":\"wrong horse\",\"new\":\"battery staple\"}");
        assert_status(403, "bad_credentials");
    }
    address = "198.51.100.1";
    call("/api/v1/password", "{\"old\":\"correct horse\",\"new\":\"battery staple\"}");
    assert_status(429, "rate_limited");
    address = "192.0.2.1";
    call("/api/v1/password", "{\"old\":\"correct horse\",\"new\":\"battery staple\"}");
    assert_status(200, "");
}

static void test_off(void **state)
{
    int i;

    (void)state;
    config.account_rate = 0;
    call("/register", ALICE);
    for (i = 0; i < 30; i++)
        call("/login", WRONG("alice"));
    assert_status(401, "bad_credentials");
}

static void test_all_together(void **state)
{
    static const char *const addresses[] = {"198.51.100.1", "198.51.100.2", "198.51.100.3"};
    static const char *const calls[] = {"/login", "/register"};
    size_t i, k;

    (void)state;
    config.login_rate_total = config.register_rate_total = 3;
    config.login_rate = config.register_rate = 1;
    for (k = 0; k < 2; k++) {
        for (i = 0; i < 3; i++) {
            call_from(addresses[i], calls[k], "{}");
            assert_status(400, "bad_request");
        }
        call_from("198.51.100.4", calls[k], "{}");
        assert_status(503, "unavailable");
        assert_int_equal(retry_s(), 20);
    }
    /* What was refused was not a try of the address. */
    testhost_advance(host, 20000);
    for (k = 0; k < 2; k++) {
        call_from("198.51.100.4", calls[k], "{}");
        assert_status(400, "bad_request");
        call_from("198.51.100.4", calls[k], "{}");
        assert_status(429, "rate_limited");
    }
}

static void test_all_together_elsewhere(void **state)
{
    (void)state;
    config.login_rate = 0;
    config.login_rate_total = 2;
    bus_brings("auth.tries", "l 00000000000000ee 198.51.100.7");
    call("/login", "{}");
    assert_status(400, "bad_request");
    call("/login", "{}");
    assert_status(503, "unavailable");
}

enum { STEPS_BYTES = 512 };

/* What a login asks for. */
static void steps_of(const char *body, char out[STEPS_BYTES])
{
    size_t n = 0;

    out[0] = '\0';
    begin("/login", body);
    while (testhost_step(host) && n < STEPS_BYTES - 1)
        n += (size_t)snprintf(out + n, STEPS_BYTES - n, "%s, ", testhost_stepped(host));
    pump();
}

/* No clock needed: an unknown name and a wrong password are the same way to the same answer. */
static void test_same_steps(void **state)
{
    static const struct {
        const char *wrong, *unknown;
    } rows[] = {
        {WRONG("alice"), WRONG("nobody")},
        {WRONG("Alice"), WRONG("Nobody")},
        {"{\"user\":\"alice\",\"password\":\"\"}", "{\"user\":\"nobody\",\"password\":\"\"}"},
    };
    char wrong[STEPS_BYTES], unknown[STEPS_BYTES], first[TEXT_BYTES];
    size_t i;

    (void)state;
    config.account_rate = 10;
    config.login_rate_total = 600;
    call("/register", ALICE);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        steps_of(rows[i].wrong, wrong);
        assert_status(401, "bad_credentials");
        snprintf(first, sizeof(first), "%s", reply_body());
        steps_of(rows[i].unknown, unknown);
        assert_status(401, "bad_credentials");
        assert_string_equal(reply_body(), first);
        assert_string_equal(wrong, unknown);
        assert_non_null(strstr(wrong, "cpu job"));
    }
}

static void test_stop_under_way(void **state)
{
    (void)state;
    config.account_rate = 3;
    guess_thrice(WRONG("alice"));
    begin("/login", ALICE);
    stop_under_way(1);
    assert_int_equal(reply->status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_many_addresses),
        FLOW(test_unknown_names_alike),
        FLOW(test_right_ones_do_not_count),
        FLOW(test_owner_is_not_shut_out),
        FLOW(test_store_away),
        FLOW(test_over_all_workers),
        FLOW(test_old_passwords_of_a_change),
        FLOW(test_off),
        FLOW(test_all_together),
        FLOW(test_all_together_elsewhere),
        FLOW(test_same_steps),
        FLOW(test_stop_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
