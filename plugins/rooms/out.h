/* SPDX-License-Identifier: MIT */
/* A writer of JSON text into one buffer whose worst size is known before each part. Pure. */
#ifndef ROOMS_OUT_H
#define ROOMS_OUT_H

#include <chatd/abi.h>

/* Bytes of a 64-bit number in decimal, with its sign. */
#define OUT_NUMBER_MAX 20u

struct out {
    char *p; /* NUL-terminated at p[n] */
    size_t n, max;
};

/* Room for `max` bytes and a NUL. CHATD_E_BUSY: no memory. Ends with out_take() or out_free(). */
int out_init(struct out *out, size_t max);

/* Room for `more` bytes behind what is written. CHATD_E_BUSY: no memory; what is there stays. */
int out_reserve(struct out *out, size_t more);

/* Appends `s` as it is / as a JSON string with quotes / in decimal. What does not fit `max` is a
 * fault of the caller's arithmetic and is caught by an assertion. */
void out_raw(struct out *out, chatd_str s);
void out_string(struct out *out, chatd_str s);
void out_number(struct out *out, int64_t number);

/* The text, in memory of its size, which the caller free()s. */
char *out_take(struct out *out, size_t *n_out);
void out_free(struct out *out);

#endif
