/* SPDX-License-Identifier: MIT */
/* Addresses and networks: what is one, what is in which, and what is said of those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/cidr.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

static struct cidr cidr_of(const char *word)
{
    struct cidr net;

    assert_null(cidr_parse(word, &net));
    return net;
}

static void test_addresses(void **state)
{
    static const char *const same[][2] = {
        {"1.2.3.4", "1.2.3.4"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::FFFF:102:304", "1.2.3.4"},
        {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    char text[IP_TEXT_BYTES];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(same); i++) {
        struct ip ip = ip_of(same[i][0]), other = ip_of(same[i][1]);

        assert_memory_equal(&ip, &other, sizeof(ip));
        ip_text(&ip, text);
        assert_string_equal(text, same[i][1]);
    }
}

static void test_every_number_in_an_address(void **state)
{
    char text[IP_TEXT_BYTES], wanted[IP_TEXT_BYTES];
    int i;

    (void)state;
    for (i = 0; i < 256; i++) {
        struct ip ip;

        snprintf(wanted, sizeof(wanted), "%d.%d.%d.%d", i, 255 - i, (i + 100) % 256, i / 2);
        ip = ip_of(wanted);
        ip_text(&ip, text);
        assert_string_equal(text, wanted);
    }
}

static void test_what_is_no_address(void **state)
{
    static const char *const bad[] = {
        "",           " 1.2.3.4",     "1.2.3.4 ",  "1.2.3",
        "1.2.3.4.5",  "1.2.3.256",    "01.2.3.4",  "0x1.2.3.4",
        "1.2.3.-4",   "16909060",     "localhost", "1.2.3.4:5",
        ":",          ":::",          "1::2::3",   "[::1]",
        "fe80::1%lo", "::g",          "::12345",   "1:2:3:4",
        "1.2.3.4/32", "::ffff:1.2.3", "unknown",   "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
    };
    struct ip ip = ip_of("192.0.2.1"), before = ip;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (ip_parse(bad[i], strlen(bad[i]), &ip))
            fail_msg("%s is taken for an address", bad[i]);
    }
    assert_false(ip_parse("1.2.3.4\0", 8, &ip));
    assert_memory_equal(&ip, &before, sizeof(ip));
    assert_true(ip_parse("1.2.3.45", 7, &ip)); /* no NUL behind it */
    before = ip_of("1.2.3.4");
    assert_memory_equal(&ip, &before, sizeof(ip));
}

static void test_networks(void **state)
{
    static const struct {
        const char *net, *ip;
        bool has;
    } row[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::10.1.2.3", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"172.16.0.0/12", "172.31.255.255", true},
        {"172.16.0.0/12", "172.32.0.0", false},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.1", false},
        {"::/64", "::1.2.3.4", true},
        {"::/64", "1.2.3.4", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/127", "2001:db8::1", true},
        {"2001:db8::/127", "2001:db8::2", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"2001:db8::1", "2001:db8::", false},
        {"fc00::/7", "fdff::1", true},
        {"fc00::/7", "fe00::1", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(row); i++) {
        struct cidr net = cidr_of(row[i].net);
        struct ip ip = ip_of(row[i].ip);

        if (cidr_has(&net, &ip) != row[i].has)
            fail_msg("%s in %s", row[i].ip, row[i].net);
    }
}

/* Against a definition that is too slow to use: bit by bit. */
static void test_every_length(void **state)
{
    struct ip base = ip_of("a5a5:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5");
    unsigned bits, turned, i;

    (void)state;
    for (bits = 0; bits <= 128; bits++) {
        struct cidr net = {.ip = base, .bits = (uint8_t)bits};

        for (i = bits; i < 128; i++)
            net.ip.byte[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
        assert_true(cidr_has(&net, &base));
        for (turned = 0; turned < 128; turned++) {
            struct ip ip = base;

            ip.byte[turned / 8] ^= (uint8_t)(0x80u >> turned % 8);
            assert_int_equal(cidr_has(&net, &ip), turned >= bits);
        }
    }
}

static void test_networks_of_everybody(void **state)
{
    static const char *const all[] = {"0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"};
    static const char *const some[] = {"0.0.0.0/1", "0.0.0.0", "::/1", "::/96", "::"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(all); i++) {
        struct cidr net = cidr_of(all[i]);

        assert_true(cidr_is_all(&net));
    }
    for (i = 0; i < COUNT(some); i++) {
        struct cidr net = cidr_of(some[i]);

        assert_false(cidr_is_all(&net));
    }
}

static void test_what_to_write_instead(void **state)
{
    static const char *const row[][2] = {
        {"10.1.2.3/8",
         "10.1.2.3/8 is an address within a network; write 10.0.0.0/8 for the network, "
         "or 10.1.2.3 for that address"},
        {"::ffff:10.1.0.0/104", "write 10.0.0.0/8 for the network, or 10.1.0.0 for"},
        {"2001:db8::1/32", "write 2001:db8::/32 for the network, or 2001:db8::1 for"},
        {"::ffff:0.0.0.0/90", "write ::ffc0:0:0/90 for the network, or 0.0.0.0 for"},
        {"1.2.3.4/0", "write 0.0.0.0/0 for the network, or 1.2.3.4 for"},
        {"10.0.0.0/33", "more bits than an IPv4 address has; write /0 to /32"},
        {"::/129", "more bits than an IPv6 address has; write /0 to /128"},
        {"::/18446744073709551616", "no number of bits after the /"},
        {"10.0.0.0/", "no number of bits after the /; write like 10.0.0.0/8"},
        {"10.0.0.0/-1", "no number of bits after the /"},
        {"10.0.0.0/8/8", "no number of bits after the /"},
        {"10.0.0.0/255.0.0.0", "no number of bits after the /; write like 10.0.0.0/8"},
        {"::/x", "no number of bits after the /; write like 2001:db8::/32"},
        {"1.2.3.4:80", "1.2.3.4:80 has a port; write 1.2.3.4, whatever"},
        {"fe80::1%eth0", "names an interface; write fe80::1"},
        {"[::1]", "in brackets; write only the address"},
        {"nginx", "nginx is a name, and names are not looked up here"},
        {"proxy.example/24", "is a name"},
        {"Private", "is a name, and names are not looked up here; write its address, its network "
                    "like 172.18.0.0/16, or private"},
        {"10.0.0", "10.0.0 is not an address; write like 192.0.2.7"},
        {"10/8", "is not an address"},
        {"/8", "is not an address"},
        {"/", "is not an address"},
        {"", "is not an address"},
        {"1:2:3", "is not an address"},
        {"nginx:80", "is not an address"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(row); i++) {
        struct cidr net = {.bits = 77};
        char *error = cidr_parse(row[i][0], &net);

        assert_non_null(error);
        if (strstr(error, row[i][1]) == NULL)
            fail_msg("of %s it is said: %s", row[i][0], error);
        assert_int_equal(net.bits, 77);
        mem_free(error);
    }
}

static void test_a_long_word_is_not_shown_in_full(void **state)
{
    char word[1000], *error;
    struct cidr net;

    (void)state;
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    error = cidr_parse(word, &net);
    assert_non_null(error);
    assert_true(strlen(error) < 400);
    mem_free(error);
}

static void test_private(void **state)
{
    static const char *const in[] = {
        "127.0.0.1",       "127.255.255.255", "10.0.0.1",    "172.16.0.1",
        "172.31.0.1",      "192.168.1.1",     "169.254.1.1", "::1",
        "fc00::1",         "fd12::1",         "fe80::1",     "febf::1",
        "::ffff:10.0.0.1",
    };
    static const char *const out[] = {
        "8.8.8.8", "100.64.0.1", "172.32.0.1",  "192.169.0.1", "0.0.0.0",
        "::",      "::2",        "2001:db8::1", "fec0::1",     "::ffff:8.8.8.8",
    };
    struct cidr_list list = {0};
    size_t i;

    (void)state;
    assert_null(cidr_list_add(&list, "private"));
    for (i = 0; i < COUNT(in); i++) {
        struct ip ip = ip_of(in[i]);

        assert_true(ip_is_private(&ip) && cidr_list_has(&list, &ip));
    }
    for (i = 0; i < COUNT(out); i++) {
        struct ip ip = ip_of(out[i]);

        assert_false(ip_is_private(&ip) || cidr_list_has(&list, &ip));
    }
    cidr_list_deinit(&list);
}

static void test_lists(void **state)
{
    struct cidr_list list = {0};
    struct ip a = ip_of("192.0.2.7"), b = ip_of("2001:db8::7");
    char *error;

    (void)state;
    assert_false(cidr_list_has(&list, &a));
    assert_null(cidr_list_add(&list, "192.0.2.0/24"));
    assert_true(cidr_list_has(&list, &a));
    assert_false(cidr_list_has(&list, &b));
    error = cidr_list_add(&list, "2001:db8::7/129");
    assert_non_null(error);
    mem_free(error);
    assert_int_equal(list.n, 1);
    assert_null(cidr_list_add(&list, "2001:db8::7"));
    assert_true(cidr_list_has(&list, &a) && cidr_list_has(&list, &b));
    cidr_list_deinit(&list);
    assert_false(cidr_list_has(&list, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_every_number_in_an_address),
        cmocka_unit_test(test_what_is_no_address),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_networks_of_everybody),
        cmocka_unit_test(test_what_to_write_instead),
        cmocka_unit_test(test_a_long_word_is_not_shown_in_full),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
