/* SPDX-License-Identifier: MIT */
/* Slots: one zeroed block per object for all plugins. A connection has it from the start, others when the first
 * plugin asks. */
#include "host/host.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/work.h"

#include <string.h>

enum { HOLE_BYTES = sizeof(uint64_t) };

/* Where the block of the next slot begins: aligned for anything. What is a multiple of eight, but not of sixteen, can
 * hold nothing that wants more than eight, unless something follows it that is no part of its type. */
static size_t place_for(const struct slot_kind *k, size_t bytes)
{
    size_t align = bytes % 16 == 8 ? 8 : _Alignof(max_align_t);

    return (k->bytes + align - 1) / align * align;
}

/* Takes the hole that alignment left before a block, or leaves one; of one hole the place is kept. */
static size_t take_place(struct slot_kind *k, size_t bytes)
{
    size_t place = place_for(k, bytes);

    if (bytes <= HOLE_BYTES && k->hole > 0) {
        place = k->hole;
        k->hole = 0;
        return place;
    }
    if (place >= place_for(k, HOLE_BYTES) + HOLE_BYTES)
        k->hole = place_for(k, HOLE_BYTES);
    k->bytes = place + bytes;
    return place;
}

/* Behind all blocks, or in a hole: bit i says that slot i was asked for. */
static size_t touched_at(const struct slot_kind *k)
{
    return k->hole > 0 ? k->hole : place_for(k, sizeof(uint64_t));
}

static uint64_t *touched(const struct slot_kind *k, void *blocks)
{
    return (uint64_t *)(void *)((char *)blocks + touched_at(k));
}

static size_t all_bytes(const struct slot_kind *k)
{
    return k->hole > 0 ? k->bytes : touched_at(k) + sizeof(uint64_t);
}

int slot_add(chatd_plugin *self, int kind, size_t bytes,
             void (*destroy)(chatd_plugin *self, void *block), int *slot_out)
{
    struct host *h = host_of(self);
    struct slot_kind *k;
    size_t place;

    if (!host_may_register(self, "a slot"))
        return CHATD_E_STATE;
    if (kind < 0 || kind >= SLOT_KINDS || bytes == 0 || bytes > CHATD_RECORD_MAX) {
        log_error(
            "%s asks for a slot of %zu bytes on objects of kind %d: 1 to %u bytes on kinds 0 to "
            "%d can be had",
            plugin_of(self)->name, bytes, kind, CHATD_RECORD_MAX, SLOT_KINDS - 1);
        return CHATD_E_INVAL;
    }
    k = &h->slot[kind];
    if (k->n == SLOTS_PER_KIND) {
        log_error("%s asks for a slot on objects of kind %d, but %d are taken already",
                  plugin_of(self)->name, kind, SLOTS_PER_KIND);
        return CHATD_E_BUSY;
    }
    place = take_place(k, bytes);
    k->def[k->n] = (struct slot_def){plugin_of(self), place, bytes, destroy};
    if (kind == CHATD_SLOT_CONN)
        conn_reserve(&h->net, all_bytes(k));
    *slot_out = kind * SLOTS_PER_KIND + (int)k->n++;
    return CHATD_OK;
}

static void *made(const struct slot_kind *k, void **blocks)
{
    if (*blocks == NULL)
        *blocks = mem_alloc(all_bytes(k));
    return *blocks;
}

/* NULL: the object has ended. */
static void *blocks_of(struct host *h, int kind, uint64_t id)
{
    const struct slot_kind *k = &h->slot[kind];

    if (kind == CHATD_SLOT_CONN) {
        struct conn *c = conn_get(&h->net, id);

        return c != NULL ? conn_extra(c) : NULL;
    }
    if (kind == CHATD_SLOT_CHANNEL) {
        struct channel *ch = channel_get(&h->net, id);

        return ch != NULL ? made(k, &ch->slots) : NULL;
    }
    if (kind == CHATD_SLOT_REQ) {
        struct http_req *r = http_req_get(&h->http, id);

        return r != NULL ? made(k, &r->slots) : NULL;
    }
    return NULL;
}

void *slot_block(chatd_plugin *self, int slot, uint64_t id)
{
    struct host *h = host_of(self);
    int kind = slot / SLOTS_PER_KIND, i = slot % SLOTS_PER_KIND;
    void *blocks;

    if (slot < 0 || kind >= SLOT_KINDS || (size_t)i >= h->slot[kind].n)
        return NULL;
    /* A block made now would be too small for the next one's slot. The core itself stays in this state. */
    if (plugin_of(self)->state == PLUGIN_INIT && plugin_of(self) != &h->core)
        return NULL;
    blocks = blocks_of(h, kind, id);
    if (blocks == NULL)
        return NULL;
    *touched(&h->slot[kind], blocks) |= (uint64_t)1 << i;
    return (char *)blocks + h->slot[kind].def[i].offset;
}

static void end_all(struct host *h, const struct slot_kind *k, void *blocks)
{
    size_t i;

    for (i = 0; i < k->n; i++) {
        const struct slot_def *def = &k->def[i];

        if ((*touched(k, blocks) >> i & 1) && def->destroy != NULL &&
            def->plugin->state < PLUGIN_STOPPED) {
            struct work_before before = work_enter(def->plugin, WORK_SLOT, 0);

            def->destroy(&def->plugin->pub, (char *)blocks + def->offset);
            work_leave(h, before);
        }
    }
}

/* Zeroed: whoever asks once more until the connection is gone finds what it would find at the beginning. */
void slot_end_conn(struct host *h, struct conn *c)
{
    const struct slot_kind *k = &h->slot[CHATD_SLOT_CONN];

    if (k->n == 0)
        return;
    end_all(h, k, conn_extra(c));
    memset(conn_extra(c), 0, all_bytes(k));
}

void slot_end(struct host *h, enum chatd_slot_kind kind, void **blocks)
{
    if (*blocks == NULL)
        return;
    end_all(h, &h->slot[kind], *blocks);
    mem_free(*blocks);
    *blocks = NULL;
}
