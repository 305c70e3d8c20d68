/* SPDX-License-Identifier: MIT */
/* Compressed messages (RFC 7692) of a server that keeps no window between them. What comes to all of a room in the same
 * bytes is inflated once, and found again by its bytes. */
#ifndef BENCH_INFLATE_H
#define BENCH_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflater;

/* Aborts when memory is out. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *inflater);

/* Inflates the payload of a message. What *plain_out points to is good until the next call. False: it is no such
 * payload, or longer than any message of a run. */
bool inflater_run(struct inflater *inflater, const uint8_t *payload, size_t bytes,
                  const uint8_t **plain_out, size_t *plain_bytes_out);

#endif
