/* SPDX-License-Identifier: MIT */
/* The JSON writer: every caller knows its worst case, and reserves it. */
#include "out.h"

#include <chatd/json.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int out_init(struct out *out, size_t max)
{
    out->p = malloc(max + 1);
    if (out->p == NULL)
        return CHATD_E_BUSY;
    out->n = 0;
    out->max = max;
    out->p[0] = '\0';
    return CHATD_OK;
}

int out_reserve(struct out *out, size_t more)
{
    size_t max = out->max;
    char *p;

    if (more <= max - out->n)
        return CHATD_OK;
    while (max - out->n < more)
        max *= 2;
    p = realloc(out->p, max + 1);
    if (p == NULL)
        return CHATD_E_BUSY;
    out->p = p;
    out->max = max;
    return CHATD_OK;
}

void out_raw(struct out *out, chatd_str s)
{
    assert(s.n <= out->max - out->n);
    if (s.n > 0) /* memcpy() from NULL is undefined even for no bytes */
        memcpy(out->p + out->n, s.p, s.n);
    out->n += s.n;
    out->p[out->n] = '\0';
}

void out_string(struct out *out, chatd_str s)
{
    assert(chatd_json_quote_max(s.n) <= out->max + 1 - out->n);
    out->n += chatd_json_quote(s, out->p + out->n);
}

void out_number(struct out *out, int64_t number)
{
    char digits[OUT_NUMBER_MAX];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    /* By two digits: half of the divisions, each of which waits for the one before. */
    for (; rest >= 100; rest /= 100) {
        unsigned pair = (unsigned)(rest % 100);

        digits[--at] = (char)('0' + pair % 10);
        digits[--at] = (char)('0' + pair / 10);
    }
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    out_raw(out, (chatd_str){digits + at, sizeof(digits) - at});
}

char *out_take(struct out *out, size_t *n_out)
{
    char *p = out->p;

    *n_out = out->n;
    *out = (struct out){NULL, 0, 0};
    return p;
}

void out_free(struct out *out)
{
    free(out->p);
    *out = (struct out){NULL, 0, 0};
}
