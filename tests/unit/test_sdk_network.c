/* SPDX-License-Identifier: MIT */
/* chatd/network.h: what limits count by, and that it agrees with the core on what is private. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/cidr.h"

#include <chatd/network.h>

static chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static void test_what_is_counted_and_as_what(void **state)
{
    static const char *const rows[][2] = {
        {"203.0.113.1", "::ffff:203.0.113.1"},
        {"::ffff:203.0.113.1", "::ffff:203.0.113.1"},
        {"2001:db8:0:1::1", "2001:db8:0:1::"},
        {"2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t network[CHATD_NETWORK_BYTES], want[CHATD_NETWORK_BYTES];

        assert_int_equal(chatd_network(str(rows[i][0]), network), 1);
        assert_int_equal(inet_pton(AF_INET6, rows[i][1], want), 1);
        assert_memory_equal(network, want, sizeof(want));
    }
}

static void test_what_is_no_address(void **state)
{
    static const char *const texts[] = {"",
                                        "%eth0",
                                        "a/socket/of/files",
                                        "203.0.113.1:80",
                                        "[::1]",
                                        "1.2.3",
                                        "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:00001"};
    uint8_t network[CHATD_NETWORK_BYTES] = {7};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(chatd_network(str(texts[i]), network), 0);
    assert_int_equal(chatd_network((chatd_str){NULL, 0}, network), 0);
    assert_int_equal(network[0], 7);
}

/* Both sides of every border of a private network. */
static void test_private_is_what_the_core_calls_so(void **state)
{
    static const char *const texts[] = {"126.255.255.255",
                                        "127.0.0.0",
                                        "127.255.255.255",
                                        "128.0.0.0",
                                        "9.255.255.255",
                                        "10.0.0.0",
                                        "10.255.255.255",
                                        "11.0.0.0",
                                        "172.15.255.255",
                                        "172.16.0.0",
                                        "172.31.255.255",
                                        "172.32.0.0",
                                        "192.167.255.255",
                                        "192.168.0.0",
                                        "192.168.255.255",
                                        "192.169.0.0",
                                        "169.253.255.255",
                                        "169.254.0.0",
                                        "169.254.255.255",
                                        "169.255.0.0",
                                        "100.64.0.1",
                                        "::",
                                        "::1",
                                        "::2",
                                        "fbff::1",
                                        "fc00::",
                                        "fdff::1",
                                        "fe00::",
                                        "fe7f::1",
                                        "fe80::",
                                        "febf::1",
                                        "fec0::",
                                        "::ffff:10.0.0.1",
                                        "::fffe:10.0.0.1",
                                        "::10.0.0.1",
                                        "2001:db8::1"};
    uint8_t network[CHATD_NETWORK_BYTES];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ip ip;

        assert_true(ip_parse(texts[i], strlen(texts[i]), &ip));
        if (chatd_network(str(texts[i]), network) == ip_is_private(&ip))
            fail_msg("%s", texts[i]);
    }
    assert_int_equal(chatd_network(str("fe80::1%eth0"), network), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_counted_and_as_what),
        cmocka_unit_test(test_what_is_no_address),
        cmocka_unit_test(test_private_is_what_the_core_calls_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
