/* SPDX-License-Identifier: MIT */
/* The checks of a plugin that need none of its code: its file, its descriptor, its name. What they
 * complain of is a sentence from mem_alloc(). */
#ifndef HOST_DESC_H
#define HOST_DESC_H

#include <chatd/plugin.h>

/* Code that anybody could have written is not run. NULL: it may be. */
char *desc_check_file(const char *path);

/* Copies the descriptor of a file, zero-extended: a shorter one lacks members that then read as zero.
 * NULL: this core can load it. */
char *desc_read(const char *path, const void *symbol, struct chatd_plugin_desc *out);

/* May a plugin be called so? a-z, 0-9 and dash, 1 to 32 bytes, and not like the core or a section of its
 * own. NULL: it may. */
char *desc_check_name(const char *name);

#endif
