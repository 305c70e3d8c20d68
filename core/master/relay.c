/* SPDX-License-Identifier: MIT */
/* The local bus: passes what a worker publishes on to the others that asked for its topic. */
#include "base/mem.h"
#include "link/pipe.h"
#include "master/master.h"

#include <uthash.h>

#include <string.h>

enum { MEMBERS_MAX = 2 * BOARD_SLOTS_MAX };

struct relay_member {
    struct master *master;
    struct pipe *pipe;
    unsigned index; /* of its bit */
    bool is_dirty;
};

/* Who hears a topic, a bit a member. */
struct topic {
    uint64_t bits[MEMBERS_MAX / 64];
    UT_hash_handle hh;
    char name[];
};

struct relay {
    struct relay_member *member[MEMBERS_MAX];
    struct topic *topics;
    int64_t *passed, *dropped; /* on the board */
};

static bool has(const struct topic *t, unsigned i)
{
    return t->bits[i / 64] >> (i % 64) & 1;
}

static void put(struct relay_member *to, const struct pipe_frame *f)
{
    const struct relay *r = to->master->relay;
    int64_t *count = pipe_put(to->pipe, f) ? r->passed : r->dropped;

    ++*count;
    to->is_dirty = true;
}

static struct topic *find(struct relay *r, const struct pipe_frame *f)
{
    struct topic *t;

    HASH_FIND(hh, r->topics, f->topic, f->topic_n, t);
    return t;
}

/* --- what members say --------------------------------------------------------------------------- */

/* The answer says: from here on you hear it, and what came before you may have missed. */
static void subscribe(struct relay *r, struct relay_member *from, const struct pipe_frame *f)
{
    struct topic *t = find(r, f);
    struct pipe_frame lost = *f;

    if (f->topic_n == 0)
        return;
    if (t == NULL) {
        t = mem_alloc(sizeof(*t) + f->topic_n + 1);
        memcpy(t->name, f->topic, f->topic_n);
        HASH_ADD_KEYPTR(hh, r->topics, t->name, f->topic_n, t);
    }
    t->bits[from->index / 64] |= UINT64_C(1) << (from->index % 64);
    lost.kind = PIPE_LOST;
    lost.data_n = 0;
    put(from, &lost);
}

static void drop_bit(struct relay *r, struct topic *t, unsigned index)
{
    static const uint64_t none[MEMBERS_MAX / 64];

    t->bits[index / 64] &= ~(UINT64_C(1) << (index % 64));
    if (memcmp(t->bits, none, sizeof(none)) == 0) {
        /* There is a table while t is in it, which the analyzer cannot know. */
        HASH_DEL(r->topics, t); /* NOLINT(clang-analyzer-core.NullDereference) */
        mem_free(t);
    }
}

static void to_others(struct relay *r, const struct relay_member *from, const struct pipe_frame *f,
                      const struct topic *t)
{
    unsigned i;

    for (i = 0; i < MEMBERS_MAX; i++) {
        if (r->member[i] != NULL && r->member[i] != from && (t == NULL || has(t, i)))
            put(r->member[i], f);
    }
}

static void on_frame(void *arg, const struct pipe_frame *f)
{
    struct relay_member *from = arg;
    struct relay *r = from->master->relay;
    struct topic *t = f->kind != PIPE_LOST ? find(r, f) : NULL;

    switch (f->kind) {
    case PIPE_PUBLISH:
        if (t != NULL)
            to_others(r, from, f, t);
        break;
    case PIPE_SUBSCRIBE:
        subscribe(r, from, f);
        break;
    case PIPE_UNSUBSCRIBE:
        if (t != NULL)
            drop_bit(r, t, from->index);
        break;
    case PIPE_LOST: /* on its way to us: nobody knows of which topic */
        to_others(r, from, &(struct pipe_frame){.kind = PIPE_LOST}, NULL);
        break;
    default:
        break;
    }
}

/* Where its process ends the rest is told by that. */
static void on_ended(void *arg)
{
    const struct relay_member *from = arg;

    if (pipe_is_broken(from->pipe))
        child_bus_broken(from->master, from);
}

/* --- members ------------------------------------------------------------------------------------ */

void relay_init(struct master *m)
{
    static int64_t nowhere;
    struct relay *r = mem_alloc(sizeof(*r));

    m->relay = r;
    r->passed = board_counter(m->board, "chatd_bus_passed_total", "",
                              "Messages of the local bus handed to a worker.");
    r->dropped = board_counter(m->board, "chatd_bus_dropped_total", "",
                               "Messages of the local bus that bus_queue kept from a worker.");
    if (r->passed == NULL)
        r->passed = &nowhere;
    if (r->dropped == NULL)
        r->dropped = &nowhere;
}

struct relay_member *relay_join(struct master *m, int fd)
{
    struct relay *r = m->relay;
    struct relay_member *member = mem_alloc(sizeof(*member));
    const struct pipe_calls calls = {.frame = on_frame, .ended = on_ended, .arg = member};

    while (r->member[member->index] != NULL)
        member->index++; /* there is one: seats are as many */
    member->master = m;
    member->pipe = pipe_new(m->base, fd, (size_t)m->opt.bus_queue, &calls);
    r->member[member->index] = member;
    return member;
}

/* Whatever it had published and nobody has read is lost. */
void relay_leave(struct master *m, struct relay_member *member)
{
    struct relay *r = m->relay;
    struct topic *t, *next;

    HASH_ITER(hh, r->topics, t, next)
    {
        if (has(t, member->index))
            drop_bit(r, t, member->index);
    }
    r->member[member->index] = NULL;
    pipe_free(member->pipe);
    to_others(r, NULL, &(struct pipe_frame){.kind = PIPE_LOST}, NULL);
    mem_free(member);
}

void relay_flush(struct master *m)
{
    unsigned i;

    for (i = 0; i < MEMBERS_MAX; i++) {
        struct relay_member *member = m->relay->member[i];

        if (member != NULL && member->is_dirty) {
            member->is_dirty = false;
            pipe_flush(member->pipe);
        }
    }
}

void relay_deinit(struct master *m)
{
    unsigned i;

    for (i = 0; i < MEMBERS_MAX; i++) {
        if (m->relay->member[i] != NULL)
            relay_leave(m, m->relay->member[i]);
    }
    mem_free(m->relay);
}
