/* SPDX-License-Identifier: MIT */
/* Buckets by a number: a set-associative table, so that finding one is to look at eight neighbours. */
#include "quota.h"

#include <stdbool.h>
#include <sys/mman.h>

enum { WAYS = 8 };

#define ROWS_BYTES (QUOTA_ROWS * sizeof(struct quota_row))

/* --- SipHash-2-4 ---------------------------------------------------------------------------------- */

static uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
    }
}

/* Up to eight bytes, the first is the lowest. */
static uint64_t little(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t x = 0;

    while (n-- > 0)
        x = x << 8 | p[n];
    return x;
}

uint64_t quota_key(const uint8_t key[QUOTA_KEY_BYTES], chatd_str name)
{
    const uint64_t k0 = little(key, 8), k1 = little(key + 8, 8);
    uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                     k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t at = 0;
    bool is_last;

    do {
        size_t n = name.n - at;
        uint64_t word;

        is_last = n < 8;
        word = is_last ? little(name.p + at, n) | (uint64_t)name.n << 56 : little(name.p + at, 8);
        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
        at += 8;
    } while (!is_last);
    v[2] ^= 0xff;
    rounds(v, 4);
    v[0] ^= v[1] ^ v[2] ^ v[3];
    return v[0] != 0 ? v[0] : 1;
}

/* --- The table ------------------------------------------------------------------------------------ */

/* When the last of its buckets is full; a free one always was. */
static int64_t full_at(const struct quota_row *row)
{
    int64_t at = 0;
    int i;

    for (i = 0; i < QUOTA_BUCKETS; i++) {
        if (row->bucket[i] > at)
            at = row->bucket[i];
    }
    return at;
}

/* Zeroed memory of which only what is touched is there: calloc() would take it from the heap, and write zeroes. */
static struct quota_row *rows_new(void)
{
    void *rows = mmap(NULL, ROWS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return rows != MAP_FAILED ? rows : NULL;
}

struct quota_row *quota_row(struct quota *quota, uint64_t of)
{
    struct quota_row *set, *row, *victim;

    if (quota->rows == NULL && (quota->rows = rows_new()) == NULL)
        return NULL;
    set = quota->rows + of % (QUOTA_ROWS / WAYS) * WAYS;
    for (row = set; row < set + WAYS; row++) {
        if (row->of == of)
            return row;
    }
    victim = set;
    for (row = set + 1; row < set + WAYS; row++) {
        if (full_at(row) < full_at(victim))
            victim = row;
    }
    *victim = (struct quota_row){.of = of};
    return victim;
}

void quota_deinit(struct quota *quota)
{
    if (quota->rows != NULL)
        munmap(quota->rows, ROWS_BYTES);
    quota->rows = NULL;
}
