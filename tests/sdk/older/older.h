/* SPDX-License-Identifier: MIT */
/* What the parts of chatd_older share: the minor that it claims, of the variable OLDER_MINOR. */
#ifndef OLDER_OLDER_H
#define OLDER_OLDER_H

#include <stddef.h>

extern int older_minor;

/* host_record() with the size that the descriptor had then. */
int older_record(const void *in, size_t min_bytes, void *out, size_t out_bytes);

#endif
