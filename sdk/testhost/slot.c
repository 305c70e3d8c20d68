/* SPDX-License-Identifier: MIT */
/* Blocks of the plugin on connections, channels and requests. */
#include "host.h"

int slot_new(chatd_plugin *self, int kind, size_t bytes,
             void (*destroy)(chatd_plugin *self, void *block), int *slot_out)
{
    struct testhost *t = host_of(self);

    if (!may_register(self, "a slot"))
        return CHATD_E_STATE;
    if (kind < CHATD_SLOT_CONN || kind > CHATD_SLOT_REQ || bytes == 0 || bytes > CHATD_RECORD_MAX ||
        slot_out == NULL) {
        fault(t, "asks for a slot of %zu bytes: 1 to %u", bytes, CHATD_RECORD_MAX);
        return CHATD_E_INVAL;
    }
    t->slot = mem_grow(t->slot, t->n_slots, sizeof(*t->slot));
    t->slot[t->n_slots] = (struct slot_def){.kind = kind, .bytes = bytes, .destroy = destroy};
    *slot_out = (int)t->n_slots++;
    return CHATD_OK;
}

void *slots_of(struct testhost *t, struct slots *slots, int slot, int kind)
{
    if (slot < 0 || (size_t)slot >= t->n_slots || t->slot[slot].kind != kind) {
        fault(t, "uses a slot on an object that it is not for");
        return NULL;
    }
    while (slots->n < t->n_slots) {
        slots->block = mem_grow(slots->block, slots->n, sizeof(*slots->block));
        slots->block[slots->n++] = NULL;
    }
    if (slots->block[slot] == NULL)
        slots->block[slot] = mem_alloc(t->slot[slot].bytes);
    return slots->block[slot];
}

void slots_end(struct testhost *t, struct slots *slots)
{
    for (size_t i = 0; i < slots->n; i++) {
        if (slots->block[i] == NULL)
            continue;
        enter(t);
        if (t->slot[i].destroy != NULL)
            t->slot[i].destroy(&t->plugin.pub, slots->block[i]);
        leave(t);
        mem_free(slots->block[i]);
    }
    mem_free(slots->block);
    *slots = (struct slots){0};
}

void *slot_of(chatd_plugin *self, int slot, uint64_t id)
{
    struct testhost *t = loop_of(self, "chatd_slot_of");
    struct conn *c = conn_of(t, id);
    struct request *r = request_of(t, id);
    struct channel *channel = table_get(&t->channels, KIND_CHANNEL, id);

    if (t->life == LIFE_INIT)
        return NULL;
    if (c != NULL)
        return slots_of(t, &c->slots, slot, CHATD_SLOT_CONN);
    if (r != NULL)
        return slots_of(t, &r->slots, slot, CHATD_SLOT_REQ);
    if (channel != NULL && channel->is_open)
        return slots_of(t, &channel->slots, slot, CHATD_SLOT_CHANNEL);
    return NULL;
}
