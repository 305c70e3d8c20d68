/* SPDX-License-Identifier: MIT */
/* Where Redis is: reading the option `address`. Pure. */
#ifndef HISTORY_REDIS_ADDRESS_H
#define HISTORY_REDIS_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_PORT      "6379"
#define ADDRESS_HOST_SIZE 256 /* a DNS name, with its NUL */
#define ADDRESS_PATH_SIZE 108 /* of struct sockaddr_un */

struct address {
    bool is_unix;
    char host[ADDRESS_HOST_SIZE];
    char port[6];
    char path[ADDRESS_PATH_SIZE];
};

/* Reads host, host:port, [IPv6], [IPv6]:port or unix:/path. NULL: done; else what is wrong, as the
 * part of a sentence that follows the text. */
const char *address_parse(const char *text, struct address *out);

#endif
