/* SPDX-License-Identifier: MIT */
/* Addresses, networks, and which of them lie inside. */
#include "address.h"

#include <arpa/inet.h>
#include <chatd/network.h>
#include <stdlib.h>
#include <string.h>

#define V4(a, b, c, d, bits)                                                        \
    {                                                                               \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d)}, 96 + (bits) \
    }

/* Beside what chatd_network_is_private() knows: IANA's registries of special-purpose addresses, as far as a packet to one
 * could get anywhere. */
static const struct address_network reserved[] = {
    V4(0, 0, 0, 0, 8),                    /* "this network": connects to this machine */
    V4(100, 64, 0, 0, 10),                /* between carrier and customer; a cloud's metadata */
    V4(168, 63, 129, 16, 32),             /* a cloud's platform, seen from its machines alone */
    V4(192, 0, 0, 0, 24),                 /* protocol assignments */
    V4(198, 18, 0, 0, 15),                /* benchmarks */
    V4(224, 0, 0, 0, 3),                  /* multicast, reserved, broadcast */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* NAT64 of a local prefix */
    {{0x20, 0x01, 0}, 23},                /* protocol assignments, Teredo */
    {{0xfe, 0xc0}, 10},                   /* site-local */
    {{0xff}, 8},                          /* multicast */
};

static bool network_has(const struct address_network *network, const uint8_t ip[16])
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (memcmp(network->ip, ip, whole) != 0)
        return false;
    return rest == 0 || ((network->ip[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

static bool is_v4(const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

/* A network of IPv6 holds no address of IPv4, not even ::/0. */
static bool list_has(const struct address_list *list, const uint8_t ip[16])
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        if ((list->row[i].bits >= 96 || !is_v4(ip)) && network_has(&list->row[i], ip))
            return true;
    }
    return false;
}

static bool is_inside(const uint8_t ip[16])
{
    size_t i;

    for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (network_has(&reserved[i], ip))
            return true;
    }
    return chatd_network_is_private(ip) != 0;
}

/* Addresses of IPv6 that stand for one of IPv4, to which a router may pass them on: NAT64 (RFC 6052), 6to4 (RFC 3056), and
 * the old ::a.b.c.d. */
static bool is_carrier(const uint8_t ip[16], uint8_t inner_out[16])
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}, compatible[12] = {0};
    const uint8_t *v4 = NULL;

    if (memcmp(ip, nat64, sizeof(nat64)) == 0 || memcmp(ip, compatible, sizeof(compatible)) == 0)
        v4 = ip + 12;
    else if (ip[0] == 0x20 && ip[1] == 0x02)
        v4 = ip + 2;
    if (v4 == NULL)
        return false;
    memset(inner_out, 0, 10);
    memset(inner_out + 10, 0xff, 2);
    memcpy(inner_out + 12, v4, 4);
    return true;
}

static bool to_ip(const struct sockaddr *address, uint8_t ip_out[16])
{
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

        memcpy(ip_out, &v6->sin6_addr, 16);
        return true;
    }
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        memset(ip_out, 0, 10);
        memset(ip_out + 10, 0xff, 2);
        memcpy(ip_out + 12, &v4->sin_addr, 4);
        return true;
    }
    return false;
}

bool address_is_allowed(const struct address_list *allow, const struct sockaddr *address)
{
    uint8_t ip[16], inner[16];

    if (!to_ip(address, ip))
        return false;
    if (list_has(allow, ip))
        return true;
    return !is_inside(ip) && (!is_carrier(ip, inner) || !is_inside(inner));
}

void address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES])
{
    uint8_t ip[16];

    out[0] = '\0';
    if (to_ip(address, ip))
        inet_ntop(is_v4(ip) ? AF_INET : AF_INET6, is_v4(ip) ? ip + 12 : ip, out,
                  ADDRESS_TEXT_BYTES);
}

/* One to three digits, at most `max`; -1: something else. */
static int parse_bits(const char *digits, int max)
{
    int value = 0;
    size_t i;

    for (i = 0; digits[i] >= '0' && digits[i] <= '9' && i < 3; i++)
        value = value * 10 + (digits[i] - '0');
    return i > 0 && digits[i] == '\0' && value <= max ? value : -1;
}

/* Bits that are set behind the network's: somebody meant an address, or another network. */
static bool has_rest(const struct address_network *network)
{
    unsigned i;

    for (i = network->bits; i < 128; i++) {
        if (network->ip[i / 8] & (0x80u >> i % 8))
            return true;
    }
    return false;
}

static bool parse_network(const char *word, struct address_network *out)
{
    struct address_network v4 = V4(0, 0, 0, 0, 32), v6 = {{0}, 128};
    char text[ADDRESS_TEXT_BYTES];
    const char *slash = strchr(word, '/');
    size_t n = slash != NULL ? (size_t)(slash - word) : strlen(word);
    int bits = -1;

    if (n >= sizeof(text))
        return false;
    memcpy(text, word, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, v4.ip + 12) == 1) {
        *out = v4;
        bits = slash != NULL ? parse_bits(slash + 1, 32) : 32;
        bits = bits < 0 ? bits : bits + 96;
    } else if (inet_pton(AF_INET6, text, v6.ip) == 1) {
        *out = v6;
        bits = slash != NULL ? parse_bits(slash + 1, 128) : 128;
    }
    if (bits < 0)
        return false;
    out->bits = (uint8_t)bits;
    return !has_rest(out);
}

const char *address_list_parse(const char *const *words, struct address_list *out)
{
    size_t n = 0, i;

    *out = (struct address_list){0};
    while (words != NULL && words[n] != NULL)
        n++;
    if (n == 0)
        return NULL;
    out->row = calloc(n, sizeof(*out->row));
    for (i = 0; i < n; i++) {
        if (out->row == NULL || !parse_network(words[i], &out->row[i])) {
            address_list_free(out);
            return words[i];
        }
    }
    out->n = n;
    return NULL;
}

void address_list_free(struct address_list *list)
{
    free(list->row);
    *list = (struct address_list){0};
}
