/* SPDX-License-Identifier: MIT */
/* Reading what INFO tells. Pure. */
#ifndef HISTORY_REDIS_INFO_H
#define HISTORY_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a `name` line, cut to `size`. False: there is none, and `out` is empty. */
bool info_get(const char *text, const char *name, char *out, size_t size);

#endif
