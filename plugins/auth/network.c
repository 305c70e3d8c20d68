/* SPDX-License-Identifier: MIT */
/* The part of a client's address that limits count by. */
#include "network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

const char *network_of(const char *address, char out[NETWORK_BYTES])
{
    static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    const size_t n = strcspn(address, "%"); /* a link-local one comes with its interface */
    unsigned char ip[16];
    char text[INET6_ADDRSTRLEN];

    snprintf(text, sizeof(text), "%.*s", (int)n, address);
    if (n >= sizeof(text) || inet_pton(AF_INET6, text, ip) != 1) {
        snprintf(out, NETWORK_BYTES, "%s", address);
    } else if (memcmp(ip, v4_mapped, sizeof(v4_mapped)) == 0) {
        (void)inet_ntop(AF_INET, ip + 12, out, NETWORK_BYTES);
    } else {
        memset(ip + 8, 0, 8);
        (void)inet_ntop(AF_INET6, ip, out, NETWORK_BYTES);
    }
    return out;
}
