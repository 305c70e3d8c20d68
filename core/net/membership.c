/* SPDX-License-Identifier: MIT */
/* Keeps a connection's channels, a single one in place. */
#include "net/membership.h"

#include "base/mem.h"

#include <stddef.h>

static struct membership *find(const struct memberships *m, const struct channel *channel)
{
    uint32_t i;

    for (i = 0; i < m->n; i++) {
        if (m->in.array[i].channel == channel)
            return &m->in.array[i];
    }
    return NULL;
}

uint32_t *memberships_place(struct memberships *m, const struct channel *channel)
{
    struct membership *found;

    if (m->n == 1)
        return m->in.only == channel ? &m->place : NULL;
    found = find(m, channel);
    return found != NULL ? &found->place : NULL;
}

void memberships_add(struct memberships *m, struct channel *channel, uint32_t place)
{
    if (m->n == 0) {
        m->in.only = channel;
        m->place = place;
    } else if (m->n == 1) {
        struct membership *array = mem_alloc(2 * sizeof(*array));

        array[0] = (struct membership){m->in.only, m->place};
        array[1] = (struct membership){channel, place};
        m->in.array = array;
    } else {
        m->in.array = mem_grow(m->in.array, m->n, sizeof(*m->in.array));
        m->in.array[m->n] = (struct membership){channel, place};
    }
    m->n++;
}

void memberships_remove(struct memberships *m, const struct channel *channel)
{
    struct membership *array = m->in.array;

    if (m->n > 1)
        *find(m, channel) = array[m->n - 1];
    if (m->n == 2) {
        m->in.only = array[0].channel;
        m->place = array[0].place;
        mem_free(array);
    }
    m->n--;
}

struct channel *memberships_any(const struct memberships *m)
{
    if (m->n <= 1)
        return m->n == 1 ? m->in.only : NULL;
    return m->in.array[m->n - 1].channel;
}
