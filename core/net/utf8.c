/* SPDX-License-Identifier: MIT */
/* The UTF-8 automaton: nine states, no branch per byte, ASCII passed over 16 bytes at a time. */
#include "net/utf8.h"

#include <string.h>

/* RFC 3629 section 4 gives the grammar; a state says which continuation bytes may still come:

     ACCEPT  none, a character may begin
     TAIL1   80..BF                       TAIL2   80..BF TAIL1           TAIL3  80..BF TAIL2
     E0      A0..BF TAIL1 (no overlongs)  ED      80..9F TAIL1 (no surrogates)
     F0      90..BF TAIL2 (no overlongs)  F4      80..8F TAIL2 (not above U+10FFFF)
     REJECT  anything, for ever

   The table has one 64-bit row per byte value and the row packs the successor of every state. A state
   is the bit offset of its own entry, so one step is a load that depends on the byte only and a shift
   by the state: loads run ahead of the shifts. REJECT is offset 0, hence what a row does not name is
   refused, and the lowest six bits of every row, REJECT's own entry, stay 0. */
enum {
    REJECT = UTF8_REJECT,
    ACCEPT = UTF8_ACCEPT,
    TAIL1 = 12,
    TAIL2 = 18,
    TAIL3 = 24,
    LEAD_E0 = 30,
    LEAD_ED = 36,
    LEAD_F0 = 42,
    LEAD_F4 = 48,
    STATE_MASK = 63,
};

#define ON(state, successor) ((uint64_t)(successor) << (state))

#define ASCII ON(ACCEPT, ACCEPT)
#define TAILS ON(TAIL1, ACCEPT) | ON(TAIL2, TAIL1) | ON(TAIL3, TAIL2)
#define T_80  TAILS | ON(LEAD_ED, TAIL1) | ON(LEAD_F4, TAIL2)
#define T_90  TAILS | ON(LEAD_ED, TAIL1) | ON(LEAD_F0, TAIL2)
#define T_A0  TAILS | ON(LEAD_E0, TAIL1) | ON(LEAD_F0, TAIL2)
#define TWO   ON(ACCEPT, TAIL1)
#define THREE ON(ACCEPT, TAIL2)
#define FOUR  ON(ACCEPT, TAIL3)
#define NEVER 0

#define X2(row)  row, row
#define X4(row)  X2(row), X2(row)
#define X8(row)  X4(row), X4(row)
#define X16(row) X8(row), X8(row)
#define X32(row) X16(row), X16(row)
#define X64(row) X32(row), X32(row)

/* clang-format off */
static const uint64_t rows[256] = {
    X64(ASCII), X64(ASCII),                          /* 00..7F */
    X16(T_80), X16(T_90), X32(T_A0),                 /* 80..BF */
    X2(NEVER), X2(TWO), X4(TWO), X8(TWO), X16(TWO),  /* C0..DF */
    ON(ACCEPT, LEAD_E0), X4(THREE), X8(THREE),       /* E0..EC */
    ON(ACCEPT, LEAD_ED), X2(THREE),                  /* ED..EF */
    ON(ACCEPT, LEAD_F0), X2(FOUR), FOUR,             /* F0..F3 */
    ON(ACCEPT, LEAD_F4), NEVER, X2(NEVER), X8(NEVER) /* F4..FF */
};
/* clang-format on */

#define ASCII_BLOCK 16

static bool block_is_ascii(const uint8_t *p)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, p, sizeof a);
    memcpy(&b, p + sizeof a, sizeof b);
    return ((a | b) & UINT64_C(0x8080808080808080)) == 0;
}

static uint32_t run(uint32_t state, const uint8_t *p, size_t n)
{
    uint64_t s = state;
    for (size_t i = 0; i < n; i++) {
        s = rows[p[i]] >> (s & STATE_MASK);
    }
    return (uint32_t)(s & STATE_MASK);
}

uint32_t utf8_init(void)
{
    return UTF8_ACCEPT;
}

uint32_t utf8_feed(uint32_t state, const uint8_t *p, size_t n)
{
    /* A block that begins inside a character goes through the automaton even when it is ASCII: only
       from ACCEPT may one be passed over. The state goes on, so the next block gets its chance. */
    while (n >= ASCII_BLOCK) {
        if (state != UTF8_ACCEPT || !block_is_ascii(p)) {
            state = run(state, p, ASCII_BLOCK);
        }
        p += ASCII_BLOCK;
        n -= ASCII_BLOCK;
    }
    return run(state, p, n);
}

bool utf8_is_complete(uint32_t state)
{
    return state == UTF8_ACCEPT;
}

bool utf8_is_broken(uint32_t state)
{
    return state == UTF8_REJECT;
}

bool utf8_valid(const void *p, size_t n)
{
    return utf8_is_complete(utf8_feed(utf8_init(), p, n));
}
