/* SPDX-License-Identifier: MIT */
/* Compressed messages: what is inflated keeps the limit and its text is UTF-8; a used state says the same as a
 * fresh one, a larger limit the same of what fits the smaller; and what we compress comes back. The first byte
 * of the input chooses limit, window and opcode. */
#include "net/utf8.h"
#include "net/ws_deflate.h"
#include "net/ws_frame.h"
#include "net/ws_inflate.h"

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

enum { LARGE = 1 << 18 };

struct result {
    struct ws_event ev;
    uint8_t *memory;
};

static struct result run(struct ws_inflate *z, uint8_t opcode, const uint8_t *p, size_t n,
                         size_t max)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    struct result r = {.ev = {.kind = WS_MESSAGE, .opcode = opcode, .is_compressed = true}};

    if (n > 0)
        memcpy(copy, p, n);
    r.ev.data = copy;
    r.ev.len = n;
    ws_inflate(z, &r.ev, max, &r.memory);
    free(copy);
    CHECK(!r.ev.is_compressed);
    if (r.ev.kind == WS_ERROR) {
        CHECK(r.ev.code == 1007 || r.ev.code == 1009);
        CHECK(r.ev.reason != NULL && r.ev.len == 0);
    } else {
        CHECK(r.ev.kind == WS_MESSAGE && r.ev.opcode == opcode && r.ev.len <= max);
        CHECK(opcode != WS_OP_TEXT || utf8_valid(r.ev.data, r.ev.len));
        r.ev.data[r.ev.len] = '\0';
    }
    return r;
}

static void same(struct result *a, struct result *b)
{
    CHECK(a->ev.kind == b->ev.kind && a->ev.code == b->ev.code && a->ev.len == b->ev.len);
    CHECK(a->ev.len == 0 || memcmp(a->ev.data, b->ev.data, a->ev.len) == 0);
    free(a->memory);
    free(b->memory);
}

static void check_limits(struct ws_inflate *z, uint8_t opcode, const uint8_t *p, size_t n,
                         size_t max)
{
    struct ws_inflate *fresh = ws_inflate_new();
    struct result small = run(z, opcode, p, n, max), again = run(fresh, opcode, p, n, max);
    struct result large = run(z, opcode, p, n, LARGE);

    if (large.ev.kind == WS_MESSAGE)
        CHECK(large.ev.len <= max ? small.ev.kind == WS_MESSAGE : small.ev.code == 1009);
    if (small.ev.kind == WS_MESSAGE)
        CHECK(large.ev.kind == WS_MESSAGE && large.ev.len == small.ev.len);
    free(large.memory);
    same(&small, &again);
    ws_inflate_free(&fresh);
}

static void check_round_trip(struct ws_inflate *z, struct ws_deflate *d, uint8_t bits,
                             const uint8_t *p, size_t n)
{
    const uint8_t *out = NULL;
    size_t made = ws_deflate(d, bits, p, n, &out);
    struct result r;

    if (made == 0)
        return;
    CHECK(made < n);
    r = run(z, WS_OP_BINARY, out, made, n);
    CHECK(r.ev.kind == WS_MESSAGE && r.ev.len == n && memcmp(r.ev.data, p, n) == 0);
    free(r.memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {0, 1, 125, 1000, 4096, 65536, 100000, LARGE};
    static struct ws_inflate *z;
    static struct ws_deflate *d;

    if (z == NULL) {
        z = ws_inflate_new();
        d = ws_deflate_new(3);
    }
    if (size < 1)
        return 0;
    check_limits(z, data[0] & 0x40 ? WS_OP_BINARY : WS_OP_TEXT, data + 1, size - 1,
                 limits[data[0] & 7]);
    check_round_trip(z, d, (uint8_t)(9 + (data[0] >> 3) % 7), data + 1, size - 1);
    return 0;
}
