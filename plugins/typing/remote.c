/* SPDX-License-Identifier: MIT */
/* The table of remote typists: by name, and by age. */
#include "remote.h"

#include <stdlib.h>
#include <string.h>

/* uthash's default falls through switch labels in a way clang warns of. What does not fit the memory
 * is not remembered. */
#define HASH_FUNCTION(key, n, hash) HASH_OAT(key, n, hash)
#define HASH_NONFATAL_OOM           1
#include <uthash.h>
#include <utlist.h>

struct remote {
    UT_hash_handle hh;
    struct remote *prev, *next;
    int64_t heard_ms;
    size_t room_n, key_n;
    char key[]; /* room NUL user NUL: no room's name has a NUL */
};

static size_t key_bytes(chatd_str room, chatd_str user)
{
    return room.n + 1 + user.n;
}

static void key_write(char *key, chatd_str room, chatd_str user)
{
    memcpy(key, room.p, room.n);
    key[room.n] = '\0';
    memcpy(key + room.n + 1, user.p, user.n);
    key[room.n + 1 + user.n] = '\0';
}

static struct remote *remote_new(chatd_str room, chatd_str user)
{
    struct remote *r = calloc(1, sizeof(*r) + key_bytes(room, user) + 1);

    if (r == NULL)
        return NULL;
    r->room_n = room.n;
    r->key_n = key_bytes(room, user);
    key_write(r->key, room, user);
    return r;
}

static struct remote *find(const struct remote_table *table, const struct remote *like)
{
    struct remote *r;

    HASH_FIND(hh, table->by_name, like->key, like->key_n, r);
    return r;
}

static void take_out(struct remote_table *table, struct remote *r)
{
    HASH_DEL(table->by_name, r); /* NOLINT(clang-analyzer-*): a row has its table */
    DL_DELETE(table->oldest, r);
    free(r);
}

void remote_heard(struct remote_table *table, chatd_str room, chatd_str user, int64_t now_ms)
{
    struct remote *r = remote_new(room, user), *known;

    if (r == NULL)
        return;
    known = find(table, r);
    if (known != NULL) {
        free(r);
        r = known;
        DL_DELETE(table->oldest, r);
    } else {
        HASH_ADD_KEYPTR(hh, table->by_name, r->key, r->key_n, r);
        if (r->hh.tbl == NULL) {
            free(r);
            return;
        }
    }
    r->heard_ms = now_ms;
    DL_APPEND(table->oldest, r);
}

void remote_stopped(struct remote_table *table, chatd_str room, chatd_str user)
{
    struct remote *r = remote_new(room, user), *known = r == NULL ? NULL : find(table, r);

    free(r);
    if (known != NULL)
        take_out(table, known);
}

bool remote_expired(const struct remote_table *table, int64_t before_ms, chatd_str *room_out,
                    chatd_str *user_out)
{
    const struct remote *r = table->oldest;

    if (r == NULL || (r->heard_ms > before_ms && HASH_COUNT(table->by_name) <= REMOTE_MAX))
        return false;
    *room_out = (chatd_str){r->key, r->room_n};
    *user_out = (chatd_str){r->key + r->room_n + 1, r->key_n - r->room_n - 1};
    return true;
}

void remote_remove_oldest(struct remote_table *table)
{
    take_out(table, table->oldest);
}

void remote_deinit(struct remote_table *table)
{
    while (table->oldest != NULL)
        take_out(table, table->oldest);
}
