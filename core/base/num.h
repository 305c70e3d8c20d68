/* SPDX-License-Identifier: MIT */
/*
 * The one place where text becomes an integer.
 *
 * All functions take exactly `n` bytes, which need no NUL behind them, allow no blanks and no sign
 * but those named, and refuse what does not fit. On false `*out` is left alone. Pure, any thread.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal, with '-' in front where negative. */
bool num_parse_i64(const char *s, size_t n, int64_t *out);

/* Decimal, without a sign. */
bool num_parse_u64(const char *s, size_t n, uint64_t *out);

/* Bytes: decimal, then nothing or one of k m g in either case, powers of 1024. Never negative. */
bool num_parse_size(const char *s, size_t n, int64_t *out);

/* Milliseconds from a decimal number and one of ms s m h d; without a unit it is in seconds. Never
 * negative. */
bool num_parse_duration_ms(const char *s, size_t n, int64_t *out);

#endif
