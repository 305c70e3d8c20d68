/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For from right to left, each kind of element, and X-Forwarded-Proto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/forwarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cidr_list trusted; /* 127.0.0.0/8 and 10.0.0.0/8, 2001:db8:aa::/48 */

static int setup(void **state)
{
    (void)state;
    assert_null(cidr_list_add(&trusted, "127.0.0.0/8"));
    assert_null(cidr_list_add(&trusted, "10.0.0.0/8"));
    assert_null(cidr_list_add(&trusted, "2001:db8:aa::/48"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cidr_list_deinit(&trusted);
    return 0;
}

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

/* The client of a list that 127.0.0.1 sent, in memory that is exactly as long. */
static void client_is(const char *list, const char *expected)
{
    size_t n = strlen(list);
    char *copy = malloc(n > 0 ? n : 1), text[IP_TEXT_BYTES];
    struct ip ip = ip_of("127.0.0.1");

    assert_non_null(copy);
    memcpy(copy, list, n);
    forwarded_client(copy, n, &trusted, &ip);
    free(copy);
    ip_text(&ip, text);
    if (strcmp(text, expected) != 0)
        fail_msg("the client of \"%s\" is %s, not %s", list, text, expected);
}

static void test_the_rightmost_that_is_not_trusted(void **state)
{
    (void)state;
    client_is("203.0.113.1", "203.0.113.1");
    client_is("198.51.100.9, 203.0.113.1", "203.0.113.1");
    client_is("127.0.0.1, 203.0.113.1", "203.0.113.1");
    client_is("203.0.113.1, 10.0.0.1", "203.0.113.1");
    client_is("198.51.100.9, 203.0.113.1, 10.0.0.1, 10.0.0.2", "203.0.113.1");
    client_is("2001:db8::1, 2001:db8:aa::1", "2001:db8::1");
    client_is("10.0.0.9,203.0.113.1,\t10.0.0.1", "203.0.113.1");
}

static void test_all_are_trusted(void **state)
{
    (void)state;
    client_is("10.0.0.1", "10.0.0.1");
    client_is("10.0.0.3, 10.0.0.2, 10.0.0.1", "10.0.0.3");
    client_is("::ffff:10.0.0.3, 10.0.0.1", "10.0.0.3");
}

static void test_what_is_no_address_ends_the_walk(void **state)
{
    (void)state;
    client_is("unknown", "127.0.0.1");
    client_is("203.0.113.1, unknown", "127.0.0.1");
    client_is("203.0.113.1, unknown, 10.0.0.1", "10.0.0.1");
    client_is("203.0.113.1 10.0.0.1", "127.0.0.1");
    client_is("203.0.113.1; 10.0.0.1", "127.0.0.1");
    client_is("203.0.113.1, \"10.0.0.1\"", "127.0.0.1");
    client_is("for=203.0.113.1", "127.0.0.1");
    client_is("203.0.113.1, _hidden", "127.0.0.1");
    client_is("unknown, 203.0.113.1", "203.0.113.1");
}

static void test_empty_elements_are_passed_over(void **state)
{
    (void)state;
    client_is("", "127.0.0.1");
    client_is(" ", "127.0.0.1");
    client_is(",", "127.0.0.1");
    client_is(" , ,\t, ", "127.0.0.1");
    client_is("203.0.113.1,", "203.0.113.1");
    client_is(",203.0.113.1", "203.0.113.1");
    client_is("203.0.113.1, , 10.0.0.1, ,", "203.0.113.1");
}

static void test_mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    client_is("::ffff:203.0.113.1", "203.0.113.1");
    client_is("203.0.113.1, ::ffff:10.0.0.1", "203.0.113.1");
    client_is("[::ffff:203.0.113.1]:80", "203.0.113.1");
    client_is("::ffff:cb00:7101", "203.0.113.1");
}

/* No more than FORWARDED_ENTRIES_MAX are looked at, whatever they are. */
static void test_long_lists(void **state)
{
    char list[20000] = "";
    size_t n = 0, i;

    (void)state;
    for (i = 0; i < 1000; i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "10.0.%zu.%zu,", i / 250, i % 250);
    snprintf(list + n, sizeof(list) - n, "203.0.113.1");
    client_is(list, "203.0.113.1");
    list[n - 1] = '\0';
    client_is(list, "10.0.3.218"); /* 1000 - FORWARDED_ENTRIES_MAX */
    assert_int_equal(FORWARDED_ENTRIES_MAX, 32);
    n = (size_t)snprintf(list, sizeof(list), "203.0.113.1");
    for (i = 1; i < FORWARDED_ENTRIES_MAX; i++)
        list[n++] = ',';
    list[n] = '\0';
    client_is(list, "203.0.113.1");
    list[n++] = ',';
    list[n] = '\0';
    client_is(list, "127.0.0.1");
    memset(list, '1', sizeof(list) - 1);
    client_is(list, "127.0.0.1");
    memcpy(list, "203.0.113.1,", 12);
    client_is(list, "127.0.0.1");
}

static void test_elements(void **state)
{
    static const char *const good[][2] = {
        {"1.2.3.4", "1.2.3.4"},
        {"1.2.3.4:567", "1.2.3.4"},
        {"1.2.3.4:65535", "1.2.3.4"},
        {"1.2.3.4:0", "1.2.3.4"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"2001:db8::1:443", "2001:db8::1:443"}, /* nobody can tell */
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"[::ffff:1.2.3.4]:1", "1.2.3.4"},
    };
    static const char *const bad[] = {
        "",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:000080",
        "1.2.3.4:-1",
        "1.2.3.4:x",
        "1.2.3.4:1:2",
        "[1.2.3.4]",
        "[1.2.3.4]:80",
        "[2001:db8::1",
        "2001:db8::1]",
        "[]",
        "[]:80",
        "[2001:db8::1]80",
        "[2001:db8::1]:",
        "[2001:db8::1]:65536",
        "[[2001:db8::1]]",
        "[2001:db8::1]:1]",
        "[",
        "]",
        ":",
        ":80",
        "[:",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "\"1.2.3.4\"",
        "\"[2001:db8::1]\"",
        "1.2.3.4 ",
        "unknown",
        "localhost",
        "http://1.2.3.4",
        "1.2.3.4/32",
        "::ffff:1.2.3.4:80",
    };
    struct ip ip, before = ip_of("192.0.2.1");
    char text[IP_TEXT_BYTES];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (!forwarded_entry(good[i][0], strlen(good[i][0]), &ip))
            fail_msg("%s is not taken", good[i][0]);
        ip_text(&ip, text);
        assert_string_equal(text, good[i][1]);
    }
    ip = before;
    for (i = 0; i < COUNT(bad); i++) {
        if (forwarded_entry(bad[i], strlen(bad[i]), &ip))
            fail_msg("%s is taken", bad[i]);
    }
    assert_false(forwarded_entry("1.2.3.4\0", 8, &ip));
    assert_memory_equal(&ip, &before, sizeof(ip));
}

static void test_proto(void **state)
{
    static const char *const secure[] = {"https",       "HTTPS",  " https\t",      "wss",
                                         "http, https", "https,", "http,https, , "};
    static const char *const plain[] = {
        "",       "http",    "ws",        ",",          "https, http", "https,http,",
        "httpss", "https/2", "\"https\"", "https http", "http s",      "ftp",
        "1"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(secure); i++) {
        if (!forwarded_is_https(secure[i], strlen(secure[i])))
            fail_msg("%s is not https", secure[i]);
    }
    for (i = 0; i < COUNT(plain); i++) {
        if (forwarded_is_https(plain[i], strlen(plain[i])))
            fail_msg("%s is https", plain[i]);
    }
    assert_false(forwarded_is_https("https", 4));
    assert_false(forwarded_is_https("https\0", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rightmost_that_is_not_trusted),
        cmocka_unit_test(test_all_are_trusted),
        cmocka_unit_test(test_what_is_no_address_ends_the_walk),
        cmocka_unit_test(test_empty_elements_are_passed_over),
        cmocka_unit_test(test_mapped_addresses_are_ipv4),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_proto),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
