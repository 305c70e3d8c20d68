/* SPDX-License-Identifier: MIT */
/* Takes a token apart. */
#include "parts.h"

#include <string.h>

/* What a letter of base64url stands for (RFC 4648, section 5) and 1 more; 0: it is none. */
static const signed char letters[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64};

/* Up to four letters, of which those missing count as 'A'; negative: one of them is none. */
static int32_t quad(const char *p, size_t n)
{
    int32_t a = letters[(unsigned char)p[0]] - 1;
    int32_t b = n > 1 ? letters[(unsigned char)p[1]] - 1 : 0;
    int32_t c = n > 2 ? letters[(unsigned char)p[2]] - 1 : 0;
    int32_t d = n > 3 ? letters[(unsigned char)p[3]] - 1 : 0;

    return (a | b | c | d) < 0 ? -1 : a << 18 | b << 12 | c << 6 | d;
}

/* Base64url without padding, whose bits left over at the end are 0. Writes three bytes for each four
 * letters and moves *to behind them. */
static bool decode(const char *p, size_t n, char **to, chatd_str *out)
{
    char *o = *to;
    int32_t bits;

    out->p = o;
    for (; n >= 4; p += 4, n -= 4) {
        bits = quad(p, 4);
        if (bits < 0)
            return false;
        *o++ = (char)(bits >> 16);
        *o++ = (char)(bits >> 8);
        *o++ = (char)bits;
    }
    if (n > 0) {
        bits = quad(p, n);
        if (n == 1 || bits < 0 || (bits & (n == 2 ? 0xffff : 0xff)) != 0)
            return false;
        *o++ = (char)(bits >> 16);
        if (n == 3)
            *o++ = (char)(bits >> 8);
    }
    out->n = (size_t)(o - out->p);
    *to = o;
    return out->n > 0;
}

/* Of a text libjwt reads what stands before the first NUL: it has none. */
static bool decode_text(const char *p, size_t n, char **to, chatd_str *out)
{
    return decode(p, n, to, out) && memchr(out->p, '\0', out->n) == NULL;
}

bool parts_read(chatd_str token, struct token_parts *out)
{
    const char *first, *second, *end = token.p + token.n;
    char *to = out->bytes;

    if (token.n == 0 || token.n > TOKEN_BYTES_MAX)
        return false;
    first = memchr(token.p, '.', token.n);
    second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (second == NULL)
        return false;
    out->text = (chatd_str){token.p, (size_t)(second - token.p)};
    return decode_text(token.p, (size_t)(first - token.p), &to, &out->header) &&
           decode_text(first + 1, (size_t)(second - first - 1), &to, &out->claims) &&
           decode(second + 1, (size_t)(end - second - 1), &to, &out->signature);
}
