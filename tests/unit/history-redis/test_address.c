/* SPDX-License-Identifier: MIT */
/* The option `address`. */
#include "address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *text, const char *host, const char *port)
{
    struct address address;
    const char *why = address_parse(text, &address);

    if (why != NULL)
        fail_msg("%s %s", text, why);
    assert_false(address.is_unix);
    assert_string_equal(address.host, host);
    assert_string_equal(address.port, port);
}

static void test_good(void **state)
{
    struct address address;

    (void)state;
    is("redis", "redis", "6379");
    is("redis:1", "redis", "1");
    is("127.0.0.1:65535", "127.0.0.1", "65535");
    is("[::1]", "::1", "6379");
    is("[fe80::1%eth0]:7000", "fe80::1%eth0", "7000");
    is("unix", "unix", "6379");
    assert_null(address_parse("unix:/run/redis.sock", &address));
    assert_true(address.is_unix);
    assert_string_equal(address.path, "/run/redis.sock");
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "",    ":1",    "redis:", "redis:0",     "redis:65536", "redis:123456", "redis:x",
        "::1", "1:2:3", "[::1",   "[::1]x",      "[]:1",        "[::1]:",       "unix:x",
        "a b", "a@b:1", "a,b",    "redis://a:1", "unix:",       "redis:-1",     "redis: 1"};
    char longest[300], path[200];
    struct address address;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (address_parse(bad[i], &address) == NULL)
            fail_msg("\"%s\" was taken", bad[i]);
    memset(longest, 'a', sizeof(longest));
    longest[255] = '\0';
    assert_null(address_parse(longest, &address));
    longest[255] = 'a';
    longest[256] = '\0';
    assert_non_null(address_parse(longest, &address));
    snprintf(path, sizeof(path), "unix:/%0106d", 0);
    assert_null(address_parse(path, &address));
    snprintf(path, sizeof(path), "unix:/%0107d", 0);
    assert_non_null(address_parse(path, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
