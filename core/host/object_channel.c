/* SPDX-License-Identifier: MIT */
/* Channels by id and by name. */
#include "host/object.h"

#include "base/mem.h"
#include "host/work.h"

#include <string.h>

enum { NAME_MAX_BYTES = 256 };

struct named_channel {
    struct plugin *plugin;
    uint64_t id;
    void (*behind)(chatd_plugin *self, chatd_channel channel, chatd_conn conn, uint64_t mark,
                   void *arg);
    void *behind_arg;
    size_t key_n;
    char *key; /* the plugin's address and the name */
    UT_hash_handle hh;
};

static struct channel *find(chatd_plugin *self, chatd_channel channel)
{
    return channel_get(&host_of(self)->net, channel.v);
}

static size_t make_key(const struct plugin *p, chatd_str name, char key[])
{
    memcpy(key, &p, sizeof(p));
    memcpy(key + sizeof(p), name.p, name.n);
    return sizeof(p) + name.n;
}

int object_channel_open(chatd_plugin *self, chatd_str name, chatd_channel *channel_out)
{
    struct host *h = host_of(self);
    char key[sizeof(void *) + NAME_MAX_BYTES];
    struct named_channel *named;
    size_t key_n;

    if (name.n == 0 || name.n > NAME_MAX_BYTES || channel_out == NULL)
        return CHATD_E_INVAL;
    if (plugin_of(self)->state >= PLUGIN_STOPPED)
        return CHATD_E_STATE;
    key_n = make_key(plugin_of(self), name, key);
    HASH_FIND(hh, h->channel_names, key, key_n, named);
    if (named != NULL) {
        channel_out->v = named->id;
        return CHATD_E_EXISTS;
    }
    if (channel_new(&h->net, &channel_out->v) == NULL)
        return CHATD_E_BUSY;
    named = mem_alloc(sizeof(*named));
    named->plugin = plugin_of(self);
    named->id = channel_out->v;
    named->key = mem_alloc(key_n);
    named->key_n = key_n;
    memcpy(named->key, key, key_n);
    HASH_ADD_KEYPTR(hh, h->channel_names, named->key, key_n, named);
    channel_get(&h->net, named->id)->name = named;
    return CHATD_OK;
}

static void close_named(struct host *h, struct named_channel *named)
{
    struct channel *ch = channel_get(&h->net, named->id);

    HASH_DEL(h->channel_names, named);
    if (ch != NULL) {
        slot_end(h, CHATD_SLOT_CHANNEL, &ch->slots);
        channel_free(ch);
    }
    mem_free(named->key);
    mem_free(named);
}

int object_channel_close(chatd_plugin *self, chatd_channel channel)
{
    struct channel *ch = find(self, channel);

    if (ch == NULL)
        return CHATD_E_GONE;
    close_named(host_of(self), ch->name);
    return CHATD_OK;
}

void channel_names_remove(struct host *h, const struct plugin *p)
{
    struct named_channel *named, *next;

    HASH_ITER(hh, h->channel_names, named, next)
    {
        if (named->plugin == p)
            close_named(h, named);
    }
}

int object_channel_join(chatd_plugin *self, chatd_channel channel, chatd_conn conn)
{
    struct channel *ch = find(self, channel);
    struct conn *c = conn_get(&host_of(self)->net, conn.v);

    if (ch == NULL || c == NULL || c->state != CONN_OPEN)
        return CHATD_E_GONE;
    return channel_join(ch, c) < 0 ? CHATD_E_EXISTS : CHATD_OK;
}

int object_channel_leave(chatd_plugin *self, chatd_channel channel, chatd_conn conn)
{
    struct channel *ch = find(self, channel);
    struct conn *c = conn_get(&host_of(self)->net, conn.v);

    if (ch == NULL || c == NULL)
        return CHATD_E_GONE;
    return channel_leave(ch, c) < 0 ? CHATD_E_NOTFOUND : CHATD_OK;
}

int object_channel_on_behind(chatd_plugin *self, chatd_channel channel,
                             void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                        uint64_t mark, void *arg),
                             void *arg)
{
    struct channel *ch = find(self, channel);
    struct named_channel *named;

    if (ch == NULL)
        return CHATD_E_GONE;
    named = ch->name;
    named->behind = cb;
    named->behind_arg = arg;
    ch->is_watched = cb != NULL;
    return CHATD_OK;
}

void channel_behind(struct host *h, const struct net_behind *behind)
{
    struct channel *ch = channel_get(&h->net, behind->channel);
    struct named_channel *named = ch != NULL ? ch->name : NULL;

    /* Both may have ended since. */
    if (named != NULL && named->behind != NULL && conn_get(&h->net, behind->conn) != NULL) {
        struct work_before before = work_enter(named->plugin, WORK_BEHIND, behind->conn);

        named->behind(&named->plugin->pub, (chatd_channel){behind->channel},
                      (chatd_conn){behind->conn}, behind->mark, named->behind_arg);
        work_leave(h, before);
    }
}

int object_channel_count(chatd_plugin *self, chatd_channel channel)
{
    struct channel *ch = find(self, channel);

    return ch != NULL ? (int)ch->n_member : CHATD_E_GONE;
}

int object_channel_each(chatd_plugin *self, chatd_channel channel,
                        int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    struct channel *ch = find(self, channel);
    uint32_t i;
    int rc = 0;

    if (ch == NULL)
        return CHATD_E_GONE;
    /* Looked up again each time: a callback may close the channel. */
    for (i = 0; rc == 0 && (ch = find(self, channel)) != NULL && i < ch->n_member; i++)
        rc = cb(self, (chatd_conn){ch->member[i]->id}, arg);
    return rc;
}
