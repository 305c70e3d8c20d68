/* SPDX-License-Identifier: MIT */
/* UTF-8: the automaton agrees with a validator that reads like the grammar, whatever the cut. */
#include "net/utf8.h"

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

static bool tail(const uint8_t *p, size_t n, size_t at, uint8_t low, uint8_t high)
{
    return at < n && p[at] >= low && p[at] <= high;
}

/* The length of the character at p, 0 for none: RFC 3629 section 4, line by line. */
static size_t character(const uint8_t *p, size_t n)
{
    uint8_t c = p[0];
    if (c <= 0x7f) {
        return 1;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        return tail(p, n, 1, 0x80, 0xbf) ? 2 : 0;
    }
    if (c >= 0xe0 && c <= 0xef) {
        uint8_t low = c == 0xe0 ? 0xa0 : 0x80;
        uint8_t high = c == 0xed ? 0x9f : 0xbf;
        return tail(p, n, 1, low, high) && tail(p, n, 2, 0x80, 0xbf) ? 3 : 0;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        uint8_t low = c == 0xf0 ? 0x90 : 0x80;
        uint8_t high = c == 0xf4 ? 0x8f : 0xbf;
        return tail(p, n, 1, low, high) && tail(p, n, 2, 0x80, 0xbf) && tail(p, n, 3, 0x80, 0xbf)
                   ? 4
                   : 0;
    }
    return 0;
}

static bool valid(const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t length = character(p, n);
        if (length == 0) {
            return false;
        }
        p += length;
        n -= length;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool expected = valid(data, size);
    CHECK(utf8_valid(data, size) == expected);

    uint32_t bytewise = utf8_init();
    bool broken = false;
    for (size_t i = 0; i < size; i++) {
        bytewise = utf8_feed(bytewise, data + i, 1);
        CHECK(!broken || utf8_is_broken(bytewise)); /* broken stays broken */
        broken = utf8_is_broken(bytewise);
        CHECK(!(broken && utf8_is_complete(bytewise)));
    }
    CHECK(utf8_is_complete(bytewise) == expected);

    size_t stride = 1 + size / 64;
    for (size_t cut = 0; cut <= size; cut += stride) {
        uint32_t state = utf8_feed(utf8_init(), data, cut);
        CHECK(utf8_feed(state, data + cut, size - cut) == bytewise);
    }

    /* Unless it is broken, some continuation makes it valid: at most three bytes are missing. */
    if (!broken) {
        static const char *const ends[] = {"",         "\x80",         "\xa0",
                                           "\x90",     "\x80\x80",     "\xa0\x80",
                                           "\x90\x80", "\x80\x80\x80", "\x90\x80\x80"};
        bool completed = false;
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            completed |=
                utf8_is_complete(utf8_feed(bytewise, (const uint8_t *)ends[i], strlen(ends[i])));
        }
        CHECK(completed);
    }
    return 0;
}
