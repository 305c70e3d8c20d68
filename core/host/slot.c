/* SPDX-License-Identifier: MIT */
/* Slots: one zeroed block per object for all plugins, made when the first of them asks. */
#include "host/host.h"

#include "base/mem.h"
#include "host/work.h"

struct slots {
    uint64_t touched; /* bit i: slot i was asked for */
    max_align_t bytes[];
};

int slot_add(chatd_plugin *self, int kind, size_t bytes,
             void (*destroy)(chatd_plugin *self, void *block), int *slot_out)
{
    struct host *h = host_of(self);
    struct slot_kind *k;

    if (!host_may_register(self, "a slot"))
        return CHATD_E_STATE;
    if (kind < 0 || kind >= SLOT_KINDS || bytes == 0 || bytes > CHATD_RECORD_MAX)
        return CHATD_E_INVAL;
    k = &h->slot[kind];
    if (k->n == SLOTS_PER_KIND)
        return CHATD_E_BUSY;
    k->def[k->n] = (struct slot_def){plugin_of(self), k->bytes, bytes, destroy};
    k->bytes += (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    *slot_out = kind * SLOTS_PER_KIND + (int)k->n++;
    return CHATD_OK;
}

static void **slots_of(struct host *h, int kind, uint64_t id)
{
    if (kind == CHATD_SLOT_CONN) {
        struct conn *c = conn_get(&h->net, id);

        return c != NULL ? &c->slots : NULL;
    }
    if (kind == CHATD_SLOT_CHANNEL) {
        struct channel *ch = channel_get(&h->net, id);

        return ch != NULL ? &ch->slots : NULL;
    }
    if (kind == CHATD_SLOT_REQ) {
        struct http_req *r = http_req_get(&h->http, id);

        return r != NULL ? &r->slots : NULL;
    }
    return NULL;
}

void *slot_block(chatd_plugin *self, int slot, uint64_t id)
{
    struct host *h = host_of(self);
    int kind = slot / SLOTS_PER_KIND, i = slot % SLOTS_PER_KIND;
    void **where;
    struct slots *s;

    if (slot < 0 || kind >= SLOT_KINDS || (size_t)i >= h->slot[kind].n)
        return NULL;
    where = slots_of(h, kind, id);
    if (where == NULL)
        return NULL;
    if (*where == NULL)
        *where = mem_alloc(sizeof(struct slots) + h->slot[kind].bytes);
    s = *where;
    s->touched |= (uint64_t)1 << i;
    return (char *)s->bytes + h->slot[kind].def[i].offset;
}

void slot_end(struct host *h, enum chatd_slot_kind kind, void **slots)
{
    struct slots *s = *slots;
    size_t i;

    if (s == NULL)
        return;
    for (i = 0; i < h->slot[kind].n; i++) {
        const struct slot_def *def = &h->slot[kind].def[i];

        if ((s->touched >> i & 1) && def->destroy != NULL && def->plugin->state < PLUGIN_STOPPED) {
            struct work_before before = work_enter(def->plugin, WORK_SLOT, 0);

            def->destroy(&def->plugin->pub, (char *)s->bytes + def->offset);
            work_leave(h, before);
        }
    }
    mem_free(s);
    *slots = NULL;
}
