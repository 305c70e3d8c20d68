/* SPDX-License-Identifier: MIT */
/* Commands as Redis reads them: an array of bulk strings (RESP, "Redis serialization protocol specification"). Pure. */
#ifndef HISTORY_REDIS_RESP_H
#define HISTORY_REDIS_RESP_H

#include <stddef.h>

/* Bytes that resp_put() writes at most. */
size_t resp_max(int argc, const size_t *bytes);

/* Writes the command to `out`; returns its bytes. */
size_t resp_put(char *out, int argc, const char **argv, const size_t *bytes);

#endif
