/* SPDX-License-Identifier: MIT */
/* Tests of passwords that libcrack2 refuses, with the dictionary of cracklib-runtime. */
#include "flow.h"

#define WEAK_BOB "{\"user\":\"bob\",\"password\":\"12345678\"}"

static void check_passwords(const char *dictionary)
{
    config.password_check = 1;
    config.password_dictionary = dictionary;
}

static void test_weak_ones_are_refused(void **state)
{
    (void)state;
    check_passwords(NULL);
    call("/register", WEAK_BOB);
    assert_status(400, "bad_password");
    assert_non_null(strstr(reply_body(), "easy to guess: "));
    call("/register", "{\"user\":\"bob\",\"password\":\"password1\"}");
    assert_status(400, "bad_password");
    assert_null(kv_get("users", "bob"));
    log_in();
    call("/api/v1/password", "{\"old\":\"correct horse\",\"new\":\"12345678\"}");
    assert_status(400, "bad_password");
    call("/api/v1/password", "{\"old\":\"correct horse\",\"new\":\"battery staple\"}");
    assert_status(200, "");
}

static void test_off(void **state)
{
    (void)state;
    call("/register", WEAK_BOB);
    assert_status(201, "");
}

/* Not a reason to turn people away, nor to say so each time. */
static void test_no_dictionary(void **state)
{
    int lines;

    (void)state;
    check_passwords("/nonexistent/words");
    call("/register", WEAK_BOB);
    assert_status(201, "");
    assert_int_equal(testhost_logged(host, "install cracklib-runtime"), 1);
    lines = testhost_logged(host, "");
    call("/register", "{\"user\":\"carol\",\"password\":\"12345678\"}");
    assert_status(201, "");
    assert_int_equal(testhost_logged(host, ""), lines);
}

static void test_said_at_the_start(void **state)
{
    (void)state;
    load();
    check_passwords("/nonexistent/words");
    assert_int_equal(testhost_start(host), CHATD_OK);
    pump();
    assert_int_equal(testhost_logged(host, "install cracklib-runtime"), 1);
}

static void test_full_queue(void **state)
{
    (void)state;
    check_passwords(NULL);
    testhost_refuse_jobs(host, JOBS_ALL);
    call("/register", WEAK_BOB);
    assert_status(503, "unavailable");
    assert_true(retry_s() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_weak_ones_are_refused), FLOW(test_off),        FLOW(test_no_dictionary),
        ALONE(test_said_at_the_start),    FLOW(test_full_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
