/* SPDX-License-Identifier: MIT */
/* Addresses and networks: from text, to text, compared, and what to say of those that are none. */
#include "base/cidr.h"

#include "base/mem.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define SHOWN 64 /* bytes of a wrong word in a message */

enum { MAPPED_BITS = 96 }; /* before an IPv4 address */

#define V4(a, b, n)                                                      \
    {                                                                    \
        {{[10] = 0xff, [11] = 0xff, [12] = (a), (b)}}, MAPPED_BITS + (n) \
    }

/* Not 100.64.0.0/10 (RFC 6598): what comes from there is as likely a customer behind a provider's NAT or
 * somebody in an overlay network as it is a proxy. */
static const struct cidr private_networks[] = {
    V4(127, 0, 8),                    /* this machine */
    V4(10, 0, 8),                     /* RFC 1918 */
    V4(172, 16, 12),                  /* RFC 1918 */
    V4(192, 168, 16),                 /* RFC 1918 */
    V4(169, 254, 16),                 /* link-local, RFC 3927 */
    {{{[15] = 1}}, 128},              /* ::1 */
    {{{[0] = 0xfc}}, 7},              /* unique local, RFC 4193 */
    {{{[0] = 0xfe, [1] = 0x80}}, 10}, /* link-local, RFC 4291 */
};

enum { PRIVATE_NETWORKS = sizeof(private_networks) / sizeof(private_networks[0]) };

/* --- addresses ---------------------------------------------------------------------------------- */

static bool is_v4(const struct ip *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(ip->byte, mapped, sizeof(mapped)) == 0;
}

bool ip_parse(const char *text, size_t n, struct ip *ip_out)
{
    struct ip ip = {{[10] = 0xff, [11] = 0xff}};
    char copy[IP_TEXT_BYTES];

    if (n >= sizeof(copy) || memchr(text, '\0', n) != NULL)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (inet_pton(AF_INET, copy, ip.byte + 12) != 1 && inet_pton(AF_INET6, copy, ip.byte) != 1)
        return false;
    *ip_out = ip;
    return true;
}

/* A number without zeros before it; what is behind it. */
static char *put_byte(char *out, uint8_t value)
{
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

void ip_text(const struct ip *ip, char out[IP_TEXT_BYTES])
{
    size_t i;

    if (!is_v4(ip)) {
        inet_ntop(AF_INET6, ip->byte, out, IP_TEXT_BYTES);
        return;
    }
    /* By hand: each connection and each request has one, and inet_ntop() goes through sprintf(). */
    for (i = 12; i < 16; i++) {
        out = put_byte(out, ip->byte[i]);
        *out++ = i < 15 ? '.' : '\0';
    }
}

bool ip_is_private(const struct ip *ip)
{
    size_t i;

    for (i = 0; i < PRIVATE_NETWORKS; i++) {
        if (cidr_has(&private_networks[i], ip))
            return true;
    }
    return false;
}

/* --- networks ----------------------------------------------------------------------------------- */

/* The network that an address is in: what is behind the first `bits` becomes zero. */
static struct ip network_of(const struct ip *ip, unsigned bits)
{
    struct ip net = *ip;
    unsigned i;

    for (i = bits; i < 128; i++)
        net.byte[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    return net;
}

static bool net_is_v4(const struct cidr *net)
{
    return net->bits >= MAPPED_BITS && is_v4(&net->ip);
}

bool cidr_has(const struct cidr *net, const struct ip *ip)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    uint8_t mask = (uint8_t) ~(0xffu >> rest);

    return net_is_v4(net) == is_v4(ip) && memcmp(net->ip.byte, ip->byte, whole) == 0 &&
           (rest == 0 || ((net->ip.byte[whole] ^ ip->byte[whole]) & mask) == 0);
}

bool cidr_is_all(const struct cidr *net)
{
    return net->bits == 0 || (net->bits == MAPPED_BITS && is_v4(&net->ip));
}

/* --- what is none ------------------------------------------------------------------------------- */

/* The first `n` bytes of the word are no address: which of the usual mistakes is it? */
static char *not_an_address(const char *word, size_t n)
{
    size_t i, host = strcspn(word, ":"), zone = strcspn(word, "%");
    struct ip ip;
    bool is_name = memchr(word, ':', n) == NULL && n > 0;
    bool has_letter = false;

    if (ip_parse(word, host, &ip))
        return mem_printf("%.*s has a port; write %.*s, whatever port the proxy uses", SHOWN, word,
                          (int)host, word);
    if (zone < n && ip_parse(word, zone, &ip))
        return mem_printf("%.*s names an interface; write %.*s", SHOWN, word, (int)zone, word);
    if (word[0] == '[')
        return mem_printf("%.*s is in brackets; write only the address, like 2001:db8::1", SHOWN,
                          word);
    for (i = 0; i < n; i++)
        has_letter =
            has_letter || (word[i] >= 'a' && word[i] <= 'z') || (word[i] >= 'A' && word[i] <= 'Z');
    if (is_name && has_letter)
        return mem_printf(
            "%.*s is a name, and names are not looked up here; write its address, its "
            "network like 172.18.0.0/16, or private for all local networks",
            SHOWN, word);
    return mem_printf("%.*s is not an address; write like 192.0.2.7, 10.0.0.0/8, 2001:db8::/32 or "
                      "private",
                      SHOWN, word);
}

/* Bits are set behind the network's. */
static char *within(const char *word, const struct ip *ip, const struct cidr *net)
{
    char alone[IP_TEXT_BYTES], zeroed[IP_TEXT_BYTES];

    ip_text(ip, alone);
    ip_text(&net->ip, zeroed);
    return mem_printf("%.*s is an address within a network; write %s/%d for the network, or %s for "
                      "that address",
                      SHOWN, word, zeroed, net->bits - (net_is_v4(net) ? MAPPED_BITS : 0), alone);
}

char *cidr_parse(const char *word, struct cidr *out)
{
    size_t n = strcspn(word, "/");
    const char *length = word + n; /* "/8" or "" */
    bool is_dotted = memchr(word, ':', n) == NULL;
    unsigned width = is_dotted ? 32 : 128;
    uint64_t bits = width;
    struct cidr net;
    struct ip ip;

    if (!ip_parse(word, n, &ip))
        return not_an_address(word, n);
    if (*length == '/' && !num_parse_u64(length + 1, strlen(length + 1), &bits))
        return mem_printf("%.*s has no number of bits after the /; write like %s", SHOWN, word,
                          is_dotted ? "10.0.0.0/8" : "2001:db8::/32");
    if (bits > width)
        return mem_printf("%.*s asks for more bits than an %s address has; write /0 to /%u", SHOWN,
                          word, is_dotted ? "IPv4" : "IPv6", width);
    net.bits = (uint8_t)(bits + 128 - width);
    net.ip = network_of(&ip, net.bits);
    if (memcmp(&net.ip, &ip, sizeof(ip)) != 0)
        return within(word, &ip, &net);
    *out = net;
    return NULL;
}

/* --- lists -------------------------------------------------------------------------------------- */

static void add(struct cidr_list *list, const struct cidr *net)
{
    list->row = mem_grow(list->row, list->n, sizeof(*list->row));
    list->row[list->n++] = *net;
}

char *cidr_list_add(struct cidr_list *list, const char *word)
{
    struct cidr net;
    char *error;
    size_t i;

    if (strcmp(word, "private") == 0) {
        for (i = 0; i < PRIVATE_NETWORKS; i++)
            add(list, &private_networks[i]);
        return NULL;
    }
    error = cidr_parse(word, &net);
    if (error == NULL)
        add(list, &net);
    return error;
}

bool cidr_list_has(const struct cidr_list *list, const struct ip *ip)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        if (cidr_has(&list->row[i], ip))
            return true;
    }
    return false;
}

void cidr_list_deinit(struct cidr_list *list)
{
    mem_free(list->row);
    *list = (struct cidr_list){0};
}
