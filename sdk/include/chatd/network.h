/* SPDX-License-Identifier: MIT */
/* By what part of a client's address limits count. Not in chatd.h: it takes <arpa/inet.h> along. */
#ifndef CHATD_NETWORK_H
#define CHATD_NETWORK_H

#include <chatd/abi.h>

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_NETWORK_BYTES 16

/* For chatd_network(): this machine, private and link-local networks (RFC 1918, 3927, 4193, 4291). */
static inline int chatd_network_is_private(const uint8_t ip[CHATD_NETWORK_BYTES])
{
    static const uint8_t loopback[CHATD_NETWORK_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0,
                                                          0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const uint8_t *v4 = ip + sizeof(mapped);

    if (memcmp(ip, mapped, sizeof(mapped)) != 0)
        return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) ||
               memcmp(ip, loopback, sizeof(loopback)) == 0;
    return v4[0] == 127 || v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
           (v4[0] == 192 && v4[1] == 168) || (v4[0] == 169 && v4[1] == 254);
}

/*
 * Writes the part of a client's address (chatd_conn_info, chatd_request) that one client cannot choose freely: IPv4 whole, as
 * ::ffff:a.b.c.d, and of IPv6 the first 64 bits, since one household has all the rest.
 *
 * 0: it is to be left uncounted, and nothing is written. A private or local address may be a proxy that is
 * not trusted, or a container's gateway, and with it everybody; and so may what is no IP address.
 */
static inline int chatd_network(chatd_str address, uint8_t network_out[CHATD_NETWORK_BYTES])
{
    uint8_t ip[CHATD_NETWORK_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
    int is_v4;
    char text[INET6_ADDRSTRLEN];
    size_t n = 0;

    while (n < address.n && address.p[n] != '%') /* a link-local one comes with its interface */
        n++;
    if (n >= sizeof(text) || n == 0)
        return 0;
    memcpy(text, address.p, n);
    text[n] = '\0';
    is_v4 = inet_pton(AF_INET, text, ip + 12) == 1;
    if ((!is_v4 && inet_pton(AF_INET6, text, ip) != 1) || chatd_network_is_private(ip))
        return 0;
    /* An IPv4 client of a socket that listens on [::] is named ::ffff:a.b.c.d. */
    is_v4 = is_v4 || memcmp(ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
    memcpy(network_out, ip, CHATD_NETWORK_BYTES);
    if (!is_v4)
        memset(network_out + 8, 0, 8);
    return 1;
}

#ifdef __cplusplus
}
#endif
#endif
