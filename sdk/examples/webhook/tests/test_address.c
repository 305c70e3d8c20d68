/* SPDX-License-Identifier: MIT */
/* Which addresses requests may go to. */
#include <address.h>

#include "check.h"

#include <arpa/inet.h>
#include <string.h>

static bool reaches(const struct address_list *allow, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_is_allowed(allow, (const struct sockaddr *)&v4);
    CHECK(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
    return address_is_allowed(allow, (const struct sockaddr *)&v6);
}

static void inside_is_refused(void)
{
    static const char *const inside[] = {"127.0.0.1",
                                         "127.255.255.255",
                                         "0.0.0.0",
                                         "0.1.2.3",
                                         "10.0.0.1",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.168.1.1",
                                         "169.254.169.254",
                                         "100.64.0.1",
                                         "100.127.255.255",
                                         "100.100.100.200",
                                         "168.63.129.16",
                                         "192.0.0.192",
                                         "198.18.0.1",
                                         "224.0.0.1",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "fe80::1",
                                         "febf::1",
                                         "fc00::1",
                                         "fd00:ec2::254",
                                         "fec0::1",
                                         "ff02::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:169.254.169.254",
                                         "::127.0.0.1",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b::a9fe:a9fe",
                                         "64:ff9b:1::1",
                                         "2002:7f00:1::",
                                         "2002:a00:1::1",
                                         "2001::1",
                                         "2001:0:7f00:1::",
                                         NULL};
    const struct address_list none = {0};
    int i;

    for (i = 0; inside[i] != NULL; i++) {
        if (reaches(&none, inside[i]))
            fprintf(stderr, "%s\n", inside[i]);
        CHECK(!reaches(&none, inside[i]));
    }
}

static void outside_is_not(void)
{
    static const char *const outside[] = {
        "1.1.1.1",          "9.255.255.255",   "11.0.0.0",    "100.63.255.255",
        "100.128.0.0",      "126.255.255.255", "128.0.0.1",   "169.253.255.255",
        "169.255.0.0",      "172.15.255.255",  "172.32.0.0",  "192.167.255.255",
        "192.169.0.0",      "198.17.255.255",  "198.20.0.0",  "223.255.255.255",
        "168.63.129.17",    "2606:4700::1111", "2001:200::1", "::ffff:1.1.1.1",
        "64:ff9b::101:101", "2002:101:101::1", NULL};
    const struct address_list none = {0};
    int i;

    for (i = 0; outside[i] != NULL; i++) {
        if (!reaches(&none, outside[i]))
            fprintf(stderr, "%s\n", outside[i]);
        CHECK(reaches(&none, outside[i]));
    }
}

static void what_is_named_is_allowed(void)
{
    static const char *const words[] = {"127.0.0.1", "10.1.0.0/16", "fd00:1::/32", "172.16.4.0/22",
                                        NULL};
    struct address_list allow;

    CHECK(address_list_parse(words, &allow) == NULL);
    CHECK(reaches(&allow, "127.0.0.1"));
    CHECK(reaches(&allow, "::ffff:127.0.0.1"));
    CHECK(!reaches(&allow, "127.0.0.2"));
    CHECK(reaches(&allow, "10.1.255.255"));
    CHECK(!reaches(&allow, "10.2.0.0"));
    CHECK(reaches(&allow, "fd00:1:ffff::1"));
    CHECK(!reaches(&allow, "fd00:2::1"));
    CHECK(reaches(&allow, "172.16.7.255"));
    CHECK(!reaches(&allow, "172.16.8.0"));
    CHECK(!reaches(&allow, "64:ff9b::7f00:1")); /* another way there, which nobody named */
    address_list_free(&allow);
}

static void all_of_a_family(void)
{
    static const char *const six[] = {"::/0", NULL}, *const four[] = {"0.0.0.0/0", NULL};
    struct address_list allow;

    CHECK(address_list_parse(six, &allow) == NULL);
    CHECK(reaches(&allow, "::1"));
    CHECK(!reaches(&allow, "127.0.0.1"));
    address_list_free(&allow);
    CHECK(address_list_parse(four, &allow) == NULL);
    CHECK(reaches(&allow, "127.0.0.1"));
    CHECK(!reaches(&allow, "::1"));
    address_list_free(&allow);
}

static void what_is_no_network_is_named(void)
{
    static const char *const wrong[] = {"",          "localhost",  "10.0.0.0/33", "10.0.0.0/-1",
                                        "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/8x", "10.0.0",
                                        "::/129",    "fd00::1/8",  "/8",          "10.0.0.0/0008",
                                        NULL};
    int i;

    for (i = 0; wrong[i] != NULL; i++) {
        const char *const words[] = {"127.0.0.1", wrong[i], NULL};
        struct address_list allow;
        const char *word = address_list_parse(words, &allow);

        if (word != wrong[i])
            fprintf(stderr, "%s\n", wrong[i]);
        CHECK(word == wrong[i]);
    }
}

static void no_ip_address_is_refused(void)
{
    static const char *const all[] = {"0.0.0.0/0", "::/0", NULL};
    const struct sockaddr local = {.sa_family = AF_UNIX};
    char text[ADDRESS_TEXT_BYTES];
    struct address_list allow;

    CHECK(address_list_parse(all, &allow) == NULL);
    CHECK(!address_is_allowed(&allow, &local));
    address_text(&local, text);
    CHECK(text[0] == '\0');
    address_list_free(&allow);
}

int main(void)
{
    inside_is_refused();
    outside_is_not();
    what_is_named_is_allowed();
    all_of_a_family();
    what_is_no_network_is_named();
    no_ip_address_is_refused();
    return 0;
}
