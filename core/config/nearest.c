/* SPDX-License-Identifier: MIT */
/* Optimal string alignment distance over short words, without allocation. */
#include "config/nearest.h"

#include <string.h>

#define WORD_MAX 64 /* longer ones match nothing: nobody mistypes a known word that far */

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

static unsigned min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Steps from a to b, both at most WORD_MAX long. Three rows of the table are enough: a swap looks
 * two rows up. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *above2 = rows[0], *above = rows[1], *row = rows[2];
    for (unsigned j = 0; j <= b_len; j++)
        above[j] = j;

    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            char from = fold(a[i - 1]), to = fold(b[j - 1]);
            row[j] = min(above[j - 1] + (from != to), 1 + min(above[j], row[j - 1]));
            if (i > 1 && j > 1 && from == fold(b[j - 2]) && fold(a[i - 2]) == to)
                row[j] = min(row[j], above2[j - 2] + 1);
        }
        unsigned *oldest = above2;
        above2 = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

const char *config_nearest(const char *word, const char *(*at)(void *ctx, size_t i), void *ctx,
                           size_t n)
{
    size_t len = strlen(word);
    if (len > WORD_MAX)
        return NULL;
    const char *best = NULL;
    unsigned limit = (unsigned)len / 3;
    for (size_t i = 0; i < n; i++) {
        const char *candidate = at(ctx, i);
        size_t candidate_len = candidate != NULL ? strlen(candidate) : 0;
        if (candidate_len == 0 || candidate_len > WORD_MAX)
            continue;
        unsigned d = distance(word, len, candidate, candidate_len);
        if (best == NULL ? d <= limit : d < limit) {
            best = candidate;
            limit = d;
        }
    }
    return best;
}
