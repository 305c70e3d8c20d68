/* SPDX-License-Identifier: MIT */
/*
 * Where requests may go: to public addresses, and of the others to those the operator named.
 *
 * It is the address that counts, not the name: whoever may choose what a name leads to, or answers with a redirect, must not
 * reach what only this machine can reach, such as a cloud's metadata service.
 */
#ifndef WEBHOOK_ADDRESS_H
#define WEBHOOK_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_BYTES INET6_ADDRSTRLEN

/* IPv4 as ::ffff:a.b.c.d; `bits` of the 128. */
struct address_network {
    uint8_t ip[16];
    uint8_t bits;
};

/* Zero is an empty list. */
struct address_list {
    struct address_network *row;
    size_t n;
};

/* The option `allow`: addresses and networks ("10.0.0.0/8", "fd00::/8"); `words` may be NULL. NULL: all are good, and the
 * caller ends the list with address_list_free(); else the word that is not. */
const char *address_list_parse(const char *const *words, struct address_list *out);
void address_list_free(struct address_list *list);

/* What is no IP address is never allowed. */
bool address_is_allowed(const struct address_list *allow, const struct sockaddr *address);

void address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES]);

#endif
