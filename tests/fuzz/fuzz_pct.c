/* SPDX-License-Identifier: MIT */
/* Percent-decoding: agrees with encoding, stays in its room; queries and cookies return what is there. */
#include "net/pct.h"
#include "net/utf8.h"

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

static void decode(const char *in, size_t n, bool form)
{
    char *out = malloc(n + 1), *coded = malloc(3 * n + 1), *again = malloc(3 * n + 1);
    size_t i, out_n = 0, again_n = 0;

    if (pct_decode(in, n, form, out, &out_n)) {
        CHECK(out_n <= n && out[out_n] == '\0' && strlen(out) == out_n);
        CHECK(utf8_valid(out, out_n));
        if (memchr(in, '%', n) == NULL && (!form || memchr(in, '+', n) == NULL))
            CHECK(out_n == n && memcmp(in, out, n) == 0);
        for (i = 0; i < out_n; i++)
            snprintf(coded + 3 * i, 4, "%%%02x", (unsigned char)out[i]);
        CHECK(pct_decode(coded, 3 * out_n, form, again, &again_n));
        CHECK(again_n == out_n && memcmp(again, out, out_n) == 0);
    } else {
        CHECK(memchr(in, '%', n) != NULL || memchr(in, '\0', n) != NULL || !utf8_valid(in, n));
    }
    free(out);
    free(coded);
    free(again);
}

static void find(const char *text, const char *name)
{
    size_t len = strlen(text), n = 0;
    char *out = malloc(len + 1);
    const char *value = NULL;

    if (pct_query(text, name, out, &n) == PCT_FOUND)
        CHECK(n <= len && out[n] == '\0' && strlen(out) == n && strstr(text, name) != NULL);
    if (pct_cookie(text, name, &value, &n) == PCT_FOUND) {
        CHECK(value > text && value + n <= text + len && value[-1] == '=');
        CHECK(memchr(value, ';', n) == NULL && utf8_valid(value, n));
        CHECK(strncmp(value - 1 - strlen(name), name, strlen(name)) == 0);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    decode(text, size, false);
    decode(text, size, true);
    find(text, "a");
    find(text, "token");
    free(text);
    return 0;
}
