/* SPDX-License-Identifier: MIT */
/* uthash as this plugin uses it. */
#ifndef HISTORY_REDIS_HASH_H
#define HISTORY_REDIS_HASH_H

#include <stdlib.h>

#define uthash_fatal(text) abort() /* the process ends when there is no memory, as the core does */
/* The default hash falls through its cases without an attribute, which clang warns of. */
#define HASH_FUNCTION(key, bytes, hash) HASH_SAX(key, bytes, hash)
#include <uthash.h>

#endif
