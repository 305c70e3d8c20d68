/* SPDX-License-Identifier: MIT */
/* Takes "host:port" apart. */
#include "base/hostport.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdint.h>
#include <string.h>

/* getaddrinfo() takes 99999 for 34463. */
static bool is_port(const char *text)
{
    uint64_t port;

    return num_parse_u64(text, strlen(text), &port) && port <= UINT16_MAX;
}

bool hostport_split(const char *text, char **host_out, char **port_out)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;

    *host_out = *port_out = NULL;
    if (colon == NULL || !is_port(colon + 1))
        return false;
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
        *host_out = mem_strndup(text + 1, n - 2);
    else if (memchr(text, ':', n) != NULL)
        return false; /* an IPv6 address without brackets */
    else if (n > 0)
        *host_out = mem_strndup(text, n);
    *port_out = mem_strdup(colon + 1);
    return true;
}
