/* SPDX-License-Identifier: MIT */
/* Where chatd's own files lie: beside the program, so that an installed prefix may be moved. */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

/* PREFIX/rest, where PREFIX/bin/chatd is this program; from mem_alloc(). */
char *prefix_path(const char *rest);

#endif
