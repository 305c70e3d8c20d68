/* SPDX-License-Identifier: MIT */
/* "Did you mean": finds the known word a mistyped one was meant to be. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stddef.h>

/*
 * The closest to `word` of the words at(ctx, 0) to at(ctx, n - 1), the first of several; NULL when
 * none is close. A letter added, dropped, replaced or swapped with its neighbour is one step, and
 * one step is allowed per three letters. Case does not count, nor '-' for '_'. at() may return NULL
 * for a word to leave out.
 */
const char *config_nearest(const char *word, const char *(*at)(void *ctx, size_t i), void *ctx,
                           size_t n);

#endif
