/* SPDX-License-Identifier: MIT */
/* uthash as this plugin uses it: out of memory ends the process with a core dump, as elsewhere in
 * chatd, instead of exit(-1). A table keeps the order its rows were added in. */
#ifndef AUTH_TABLE_H
#define AUTH_TABLE_H

#include <stdlib.h>

#define uthash_fatal(msg) abort()
/* The default hash is a switch that falls through in a way clang warns of. */
#define HASH_FUNCTION(key, length, hash) HASH_OAT(key, length, hash)
#include <uthash.h>

#endif
