/* SPDX-License-Identifier: MIT */
/*
 * Outgoing compressed messages (RFC 7692, 7.2.1): each alone.
 *
 * What compresses secrets together with an attacker's words tells the secrets by its length (CRIME, BREACH).
 * Without context takeover a message has nothing in common with the one before it, so all that is left
 * is one message that has both in it. Those of the core have none; an author of a plugin who puts a
 * secret into a message puts it into one of its own.
 */
#ifndef NET_WS_DEFLATE_H
#define NET_WS_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

struct ws_deflate;

struct ws_deflate *ws_deflate_new(int level); /* 1 to 9 */
void ws_deflate_free(struct ws_deflate **d);  /* clears the pointer; NULL in it is fine */

/* The smallest window, up to `window_bits`, that compresses `n` bytes no worse: who agreed on a larger
 * one can share the result. */
uint8_t ws_deflate_window(size_t n, uint8_t window_bits);

/* Compresses p[0..n) for a window of 9 to 15 bits. Returns how many bytes that are, and where in *out, good
 * until the next call; 0: not fewer than before. */
size_t ws_deflate(struct ws_deflate *d, uint8_t window_bits, const void *p, size_t n,
                  const uint8_t **out);

#endif
