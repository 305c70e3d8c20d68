/* SPDX-License-Identifier: MIT */
/* Reading the option `address`. */
#include "address.h"

#include <string.h>

static const char form[] = "is not an address: write host:port, [IPv6]:port or unix:/path";
static const char bad_port[] = "has a port that is not a number from 1 to 65535";

static const char *take_port(const char *text, struct address *out)
{
    unsigned long port = 0;
    size_t n = strlen(text);

    if (n == 0 || n >= sizeof(out->port))
        return bad_port;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return bad_port;
        port = port * 10 + (unsigned long)(text[i] - '0');
    }
    if (port == 0 || port > 65535)
        return bad_port;
    memcpy(out->port, text, n + 1);
    return NULL;
}

static const char *take_path(const char *path, struct address *out)
{
    if (path[0] != '/')
        return "is not an absolute path: write unix:/path";
    if (strlen(path) >= sizeof(out->path))
        return "is a path longer than a socket's may be (107 bytes)";
    out->is_unix = true;
    memcpy(out->path, path, strlen(path) + 1);
    return NULL;
}

const char *address_parse(const char *text, struct address *out)
{
    const char *host = text, *end, *rest;

    *out = (struct address){.port = ADDRESS_PORT};
    if (strncmp(text, "unix:", 5) == 0)
        return take_path(text + 5, out);
    if (strstr(text, "://") != NULL || strpbrk(text, " \t,@") != NULL)
        return form;
    if (text[0] == '[') {
        host++;
        end = strchr(host, ']');
        if (end == NULL)
            return form;
        rest = end + 1;
    } else {
        end = rest = text + strcspn(text, ":");
        if (rest[0] == ':' && strchr(rest + 1, ':') != NULL)
            return "is an IPv6 address without brackets: write [IPv6]:port";
    }
    size_t n = (size_t)(end - host);

    if (n == 0 || n >= sizeof(out->host) || (rest[0] != '\0' && rest[0] != ':'))
        return form;
    memcpy(out->host, host, n);
    return rest[0] == ':' ? take_port(rest + 1, out) : NULL;
}
