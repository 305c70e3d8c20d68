/* SPDX-License-Identifier: MIT */
/* Files kept in memory: found by path, the least recently used give way. */
#ifndef STATIC_CACHE_H
#define STATIC_CACHE_H

#include "file.h"

/* uthash's default falls through a switch in a way that clang warns about. */
#define HASH_FUNCTION HASH_FNV
#include <uthash.h>

/* One file. Counted, because a request may still use what the cache gave up. */
struct static_entry {
    unsigned refs;
    const char *type; /* a literal of static_type() */
    struct static_file file;
    int is_tried;       /* a gzip form was looked for, and is there if it is any good */
    int64_t checked_ms; /* monotonic: when it was last known to be what the disk has */
    UT_hash_handle hh;  /* the cache's; its order is from the longest unused on */
    char path[];
};

struct static_cache {
    struct static_entry *entries;
    int64_t bytes; /* of all entries, what keeping them costs included */
};

/* Makes an entry with one reference, which takes over the bytes of *file. NULL: no memory, and
 * *file is as before. */
struct static_entry *static_entry_new(const char *path, struct static_file *file, int64_t now_ms);

struct static_entry *static_entry_ref(struct static_entry *entry);

/* Gives a reference back and clears *entry; NULL is fine. */
void static_entry_unref(struct static_entry **entry);

/* The entry of a path, marked as used, or NULL. Borrowed. */
struct static_entry *static_cache_find(struct static_cache *cache, const char *path);

/* Puts an entry in, in the place of the one of its path, and drops others until `bytes_max` holds.
 * Takes a reference of its own; an entry larger than all that is left out. */
void static_cache_put(struct static_cache *cache, struct static_entry *entry, int64_t bytes_max);

/* Forgets a path. */
void static_cache_drop(struct static_cache *cache, const char *path);

void static_cache_deinit(struct static_cache *cache);

#endif
