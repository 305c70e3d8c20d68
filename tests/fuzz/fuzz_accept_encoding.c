/* SPDX-License-Identifier: MIT */
/* Accept-Encoding of the plugin static: case does not matter, and a list says what its end says. */
#include "encoding.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* What the list says when more elements follow. */
static int with(const char *list, size_t n, const char *more)
{
    size_t more_n = strlen(more);
    char *text = malloc(n + more_n);
    int rc;

    memcpy(text, list, n);
    memcpy(text + n, more, more_n);
    rc = static_accepts_gzip((chatd_str){text, n + more_n});
    free(text);
    return rc;
}

static char turned(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *list = malloc(size + 1); /* exactly as long where it counts: see replay.c */
    int allowed;
    size_t i;

    for (i = 0; i < size; i++)
        list[i] = (char)data[i];
    allowed = static_accepts_gzip((chatd_str){(const char *)data, size});
    CHECK(allowed == 0 || allowed == 1);
    CHECK(with(list, size, ", \t,") == allowed);
    CHECK(with(list, size, ",gzip;q=0") == 0);
    CHECK(with(list, size, ",gzip;q=0.001,identity;q=0") == 1);
    CHECK(with(list, size, ",identity;q=1,gzip;q=0.999") == 0);
    CHECK(with(list, size, ",gzip;q=") == allowed);
    for (i = 0; i < size; i++)
        list[i] = turned(list[i]);
    CHECK(with(list, size, "") == allowed);
    free(list);
    return 0;
}
