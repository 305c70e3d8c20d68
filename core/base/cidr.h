/* SPDX-License-Identifier: MIT */
/*
 * IP addresses and networks of both families, as values that can be compared.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 address, ::ffff:a.b.c.d, which is also how a socket that
 * listens on [::] names an IPv4 client: both are the same address here, and both are shown as a.b.c.d.
 * All but struct cidr_list is pure; nothing asks a resolver.
 */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_TEXT_BYTES = 46 }; /* the longest, with its NUL: INET6_ADDRSTRLEN */

struct ip {
    uint8_t byte[16];
};

/* An address and how many of its first bits make the network, counted in the 128 of struct ip. */
struct cidr {
    struct ip ip;
    uint8_t bits;
};

/* Zero is an empty list. */
struct cidr_list {
    struct cidr *row;
    size_t n;
};

/* Exactly `n` bytes: a.b.c.d in decimal or an IPv6 address, without port, brackets or zone. On false
 * *ip_out is left alone. */
bool ip_parse(const char *text, size_t n, struct ip *ip_out);

/* In the shortest form (RFC 5952). */
void ip_text(const struct ip *ip, char out[IP_TEXT_BYTES]);

/* One of the networks that `private` stands for. */
bool ip_is_private(const struct ip *ip);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. NULL if it is one, else a sentence that says what
 * was found and what to write instead, from mem_alloc(). */
char *cidr_parse(const char *word, struct cidr *out);

/* Whether an address is in a network. One of IPv6 holds no IPv4 address, not even ::/0. */
bool cidr_has(const struct cidr *net, const struct ip *ip);

/* All addresses of a family. */
bool cidr_is_all(const struct cidr *net);

/* Adds the networks of a word: as in cidr_parse(), or `private` for all private and local ones. */
char *cidr_list_add(struct cidr_list *list, const char *word);
bool cidr_list_has(const struct cidr_list *list, const struct ip *ip);
void cidr_list_deinit(struct cidr_list *list); /* empty afterwards */

#endif
