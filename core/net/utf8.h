/* SPDX-License-Identifier: MIT */
/* Incremental UTF-8 validation (RFC 3629): one small state is carried over any split of the text. */
#ifndef CHATD_NET_UTF8_H
#define CHATD_NET_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two states a caller may name; every state fits in a byte, so a connection can keep one in a
   uint8_t. UTF8_ACCEPT: between characters. UTF8_REJECT: broken, and stays so whatever follows. */
#define UTF8_REJECT 0u
#define UTF8_ACCEPT 6u

/* The state before the first byte. */
uint32_t utf8_init(void);

/* The state after p[0..n). p may be NULL when n is 0. */
uint32_t utf8_feed(uint32_t state, const uint8_t *p, size_t n);

/* The text may end here. */
bool utf8_is_complete(uint32_t state);

/* No continuation can make the text valid. */
bool utf8_is_broken(uint32_t state);

/* Whether p[0..n) is a whole UTF-8 text; the empty text is. U+0000 is a character like any other. */
bool utf8_valid(const void *p, size_t n);

#endif
