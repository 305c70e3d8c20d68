/* SPDX-License-Identifier: MIT */
/* Files kept in memory: found by path, the least recently used give way. */
#include "cache.h"

#include "types.h"

#include <stdlib.h>
#include <string.h>

struct static_entry *static_entry_new(const char *path, struct static_file *file, int64_t now_ms)
{
    size_t path_bytes = strlen(path) + 1;
    struct static_entry *entry = calloc(1, sizeof(*entry) + path_bytes);

    if (entry == NULL)
        return NULL;
    memcpy(entry->path, path, path_bytes);
    entry->refs = 1;
    entry->type = static_type(path);
    entry->file = *file;
    entry->checked_ms = now_ms;
    file->plain.bytes = NULL;
    file->gzip.bytes = NULL;
    return entry;
}

struct static_entry *static_entry_ref(struct static_entry *entry)
{
    entry->refs++;
    return entry;
}

void static_entry_unref(struct static_entry **entry)
{
    struct static_entry *e = *entry;

    *entry = NULL;
    if (e == NULL || --e->refs > 0)
        return;
    static_file_deinit(&e->file);
    free(e);
}

static int64_t cost(const struct static_entry *entry)
{
    const struct static_file *file = &entry->file;

    return (int64_t)(sizeof(*entry) + strlen(entry->path) + 1 + file->plain.n + 1 + file->gzip.n);
}

static void remove_entry(struct static_cache *cache, struct static_entry *entry)
{
    HASH_DEL(cache->entries, entry);
    cache->bytes -= cost(entry);
    static_entry_unref(&entry);
}

static struct static_entry *find(struct static_cache *cache, const char *path)
{
    struct static_entry *entry;

    HASH_FIND_STR(cache->entries, path, entry);
    return entry;
}

static void append(struct static_cache *cache, struct static_entry *entry)
{
    HASH_ADD_STR(cache->entries, path, entry);
}

struct static_entry *static_cache_find(struct static_cache *cache, const char *path)
{
    struct static_entry *entry = find(cache, path);

    if (entry != NULL && entry->hh.next != NULL) { /* uthash keeps the order of insertion */
        HASH_DEL(cache->entries, entry);
        append(cache, entry);
    }
    return entry;
}

void static_cache_put(struct static_cache *cache, struct static_entry *entry, int64_t bytes_max)
{
    static_cache_drop(cache, entry->path);
    if (cost(entry) > bytes_max)
        return;
    while (cache->entries != NULL && cache->bytes + cost(entry) > bytes_max)
        remove_entry(cache, cache->entries);
    append(cache, static_entry_ref(entry));
    cache->bytes += cost(entry);
}

void static_cache_drop(struct static_cache *cache, const char *path)
{
    struct static_entry *entry = find(cache, path);

    if (entry != NULL)
        remove_entry(cache, entry);
}

void static_cache_deinit(struct static_cache *cache)
{
    while (cache->entries != NULL)
        remove_entry(cache, cache->entries); /* NOLINT(clang-analyzer-*): the head moves on */
}
