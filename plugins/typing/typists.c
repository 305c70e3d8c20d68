/* SPDX-License-Identifier: MIT */
/* The table of who types where: short lists per connection, one list by age over all. */
#include "typists.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct typist *typist_find(const struct typist_list *list, chatd_str room)
{
    struct typist *typist;

    for (typist = list->first; typist != NULL; typist = typist->sibling) {
        if (typist->room_n == room.n && memcmp(typist->room, room.p, room.n) == 0)
            return typist;
    }
    return NULL;
}

static unsigned count(const struct typist_list *list)
{
    const struct typist *typist;
    unsigned n = 0;

    for (typist = list->first; typist != NULL; typist = typist->sibling)
        n++;
    return n;
}

static struct typist *typist_add(struct typist_table *table, struct typist_list *list,
                                 chatd_conn conn, chatd_str room)
{
    struct typist *typist;

    if (count(list) >= TYPIST_ROOMS_MAX)
        return NULL;
    typist = calloc(1, sizeof(*typist) + room.n + 1);
    if (typist == NULL)
        return NULL;
    typist->conn = conn;
    typist->room_n = room.n;
    if (room.n > 0)
        memcpy(typist->room, room.p, room.n);
    typist->sibling = list->first;
    list->first = typist;
    DL_APPEND(table->oldest, typist);
    return typist;
}

bool typist_heard(struct typist_table *table, struct typist_list *list, chatd_conn conn,
                  chatd_str room, int64_t now_ms, int64_t throttle_ms)
{
    struct typist *typist = typist_find(list, room);
    bool is_new = typist == NULL;

    if (is_new)
        typist = typist_add(table, list, conn, room);
    if (typist == NULL)
        return false;
    typist->heard_ms = now_ms;
    DL_DELETE(table->oldest, typist);
    DL_APPEND(table->oldest, typist);
    if (!is_new && now_ms - typist->told_ms < throttle_ms)
        return false;
    typist->told_ms = now_ms;
    typist->is_on = true;
    return true;
}

bool typist_stopped(const struct typist_list *list, chatd_str room)
{
    struct typist *typist = typist_find(list, room);

    if (typist == NULL || !typist->is_on)
        return false;
    typist->is_on = false;
    return true;
}

struct typist *typist_expired(const struct typist_table *table, int64_t before_ms)
{
    struct typist *typist = table->oldest;

    return typist != NULL && typist->heard_ms <= before_ms ? typist : NULL;
}

void typist_remove(struct typist_table *table, struct typist_list *list, struct typist *typist)
{
    struct typist **link = &list->first;

    while (*link != typist)
        link = &(*link)->sibling;
    *link = typist->sibling;
    DL_DELETE(table->oldest, typist);
    free(typist);
}

void typist_remove_all(struct typist_table *table, struct typist_list *list)
{
    while (list->first != NULL)
        typist_remove(table, list, list->first);
}
