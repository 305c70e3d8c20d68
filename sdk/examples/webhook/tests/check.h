/* SPDX-License-Identifier: MIT */
/* One check of a test: says which does not hold, and ends. */
#ifndef WEBHOOK_CHECK_H
#define WEBHOOK_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#endif
