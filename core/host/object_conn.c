/* SPDX-License-Identifier: MIT */
/* Connections and frames by id. */
#include "host/object.h"

#include "base/clock.h"
#include "base/mem.h"
#include "host/work.h"
#include "net/frame.h"

#include <string.h>

/* A plugin's handle on a frame: it holds one reference for all of the plugin's. */
struct frame_handle {
    struct frame *frame;
    uint32_t refs;
};

struct drain_watch {
    struct plugin *plugin;
    void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg);
    void *arg;
    struct drain_watch *next;
};

static struct conn *open_conn(chatd_plugin *self, chatd_conn conn)
{
    struct conn *c = conn_get(&host_of(self)->net, conn.v);

    return c != NULL && c->state == CONN_OPEN ? c : NULL;
}

static enum send_kind kind_of(int flags)
{
    if (flags & CHATD_SEND_EPHEMERAL)
        return SEND_EPHEMERAL;
    return flags & CHATD_SEND_OR_SKIP ? SEND_OR_SKIP : SEND_OR_CLOSE;
}

static chatd_str str_of(const char *s)
{
    return (chatd_str){s != NULL ? s : "", s != NULL ? strlen(s) : 0};
}

int object_conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info)
{
    struct conn *c = conn_get(&host_of(self)->net, conn.v);
    const struct ws_claim *claim;
    struct chatd_conn_info full;
    size_t size = info->size;

    if (c == NULL)
        return CHATD_E_GONE;
    if (size < sizeof(uint32_t) || size > CHATD_RECORD_MAX)
        return CHATD_E_INVAL;
    claim = claim_of(host_of(self), c);
    memset(&full, 0, sizeof(full));
    full.size = (uint32_t)size;
    full.is_open = c->state == CONN_OPEN;
    full.user = str_of(conn_user(c));
    full.address = str_of(conn_address(c));
    full.path = str_of(claim != NULL ? claim->def.path : NULL);
    full.subprotocol = str_of(claim != NULL ? claim->def.subprotocol : NULL);
    full.expires_ms = c->expires_ms;
    full.connected_ms = c->connected_ms;
    memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
    return CHATD_OK;
}

int object_conn_identify(chatd_plugin *self, chatd_conn conn, chatd_str user, int64_t expires_ms)
{
    struct host *h = host_of(self);
    struct conn *c = conn_get(&h->net, conn.v);
    const char *named;

    if (c == NULL || c->state == CONN_DEAD)
        return CHATD_E_GONE;
    named = conn_user(c);
    if (named == NULL) {
        if (user.n == 0 || memchr(user.p, '\0', user.n) != NULL)
            return CHATD_E_INVAL;
        conn_name(c, user.p, user.n);
    } else if (strlen(named) != user.n || memcmp(named, user.p, user.n) != 0) {
        return CHATD_E_EXISTS; /* a connection keeps its name */
    }
    if (c->state == CONN_UPGRADING)
        c->expires_ms = expires_ms;
    else
        conn_expire_at(c, expires_ms, clock_wall_ms());
    return CHATD_OK;
}

int object_conn_send(chatd_plugin *self, chatd_conn conn, int opcode, chatd_str data, int flags)
{
    struct conn *c = open_conn(self, conn);
    struct frame *f;
    int rc;

    if (c == NULL)
        return CHATD_E_GONE;
    if (opcode != CHATD_TEXT && opcode != CHATD_BINARY)
        return CHATD_E_INVAL;
    f = frame_new((uint8_t)opcode, data.p, data.n);
    rc = conn_send(c, f, kind_of(flags));
    frame_unref(&f);
    return rc < 0 ? CHATD_E_BUSY : CHATD_OK;
}

int object_conn_close(chatd_plugin *self, chatd_conn conn, int code, const char *reason)
{
    struct conn *c = open_conn(self, conn);

    if (c == NULL)
        return CHATD_E_GONE;
    /* 1004 to 1006 and 1015 never stand in a frame (RFC 6455, 7.4.1). */
    if (code < 1000 || code > 4999 || (code >= 1004 && code <= 1006) || code == 1015)
        return CHATD_E_INVAL;
    if (code == CHATD_CLOSE_TOO_MANY)
        c->net->count->too_many++;
    conn_close(c, (unsigned)code, reason != NULL ? reason : "");
    return CHATD_OK;
}

int object_conn_backlog(chatd_plugin *self, chatd_conn conn, size_t *bytes_out)
{
    struct conn *c = open_conn(self, conn);

    if (c == NULL)
        return CHATD_E_GONE;
    *bytes_out = conn_backlog(c);
    return CHATD_OK;
}

/* --- when drained ------------------------------------------------------------------------------- */

static struct drain_watch *drains_of(const struct conn *c)
{
    return c->aside != NULL ? c->aside->drains : NULL;
}

/* Takes them off; the list is the caller's. */
static struct drain_watch *take_drains(struct conn *c)
{
    struct drain_watch *list = drains_of(c);

    if (list != NULL)
        c->aside->drains = NULL;
    return list;
}

int object_conn_when_drained(chatd_plugin *self, chatd_conn conn,
                             void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    struct conn *c = open_conn(self, conn);
    struct drain_watch *d;

    if (c == NULL)
        return CHATD_E_GONE;
    for (d = drains_of(c); d != NULL; d = d->next) {
        if (d->plugin == plugin_of(self))
            return CHATD_E_EXISTS;
    }
    d = mem_alloc(sizeof(*d));
    *d = (struct drain_watch){plugin_of(self), cb, arg, drains_of(c)};
    conn_aside(c)->drains = d;
    conn_tell_drained(c);
    return CHATD_OK;
}

void drain_remove(struct conn *c, const struct plugin *p)
{
    struct drain_watch *d, *next;

    for (d = take_drains(c); d != NULL; d = next) {
        next = d->next;
        if (p != NULL && d->plugin != p) {
            d->next = drains_of(c);
            conn_aside(c)->drains = d;
        } else {
            mem_free(d);
        }
    }
    conn_tidy(c);
}

void drain_remove_all(struct host *h, const struct plugin *p)
{
    uint32_t i;

    for (i = 0; i < h->net.conns.n_slots; i++) {
        struct conn *c = slab_at(&h->net.conns, i);

        if (c != NULL)
            drain_remove(c, p);
    }
}

/* A callback may ask again: those asked before are taken off first. */
void drain_run(struct host *h, struct conn *c)
{
    struct drain_watch *list = take_drains(c), *d;
    chatd_conn conn = {c->id};

    while ((d = list) != NULL) {
        list = d->next;
        if (c->state == CONN_OPEN) { /* the one before may have closed it */
            struct work_before before = work_enter(d->plugin, WORK_DRAINED, conn.v);

            d->cb(&d->plugin->pub, conn, d->arg);
            work_leave(h, before);
        }
        mem_free(d);
    }
    conn_tidy(c);
}

/* --- frames ------------------------------------------------------------------------------------- */

static struct frame *frame_of(chatd_plugin *self, chatd_frame frame)
{
    struct frame_handle *fh = slab_get(&host_of(self)->frames, frame.v);

    return fh != NULL ? fh->frame : NULL;
}

int object_frame_new(chatd_plugin *self, int opcode, chatd_str data, chatd_frame *frame_out)
{
    struct frame_handle *fh;

    if ((opcode != CHATD_TEXT && opcode != CHATD_BINARY) || frame_out == NULL)
        return CHATD_E_INVAL;
    fh = slab_new(&host_of(self)->frames, &frame_out->v);
    if (fh == NULL)
        return CHATD_E_BUSY;
    fh->frame = frame_new((uint8_t)opcode, data.p, data.n);
    fh->refs = 1;
    return CHATD_OK;
}

int object_frame_ref(chatd_plugin *self, chatd_frame frame)
{
    struct frame_handle *fh = slab_get(&host_of(self)->frames, frame.v);

    if (fh == NULL)
        return CHATD_E_GONE;
    fh->refs++;
    return CHATD_OK;
}

void object_frame_unref(chatd_plugin *self, chatd_frame *frame)
{
    struct host *h = host_of(self);
    struct frame_handle *fh = slab_get(&h->frames, frame->v);

    if (fh != NULL && --fh->refs == 0) {
        frame_unref(&fh->frame);
        slab_free(&h->frames, frame->v);
    }
    frame->v = 0;
}

int object_frame_bytes(chatd_plugin *self, chatd_frame frame, size_t *bytes_out)
{
    const struct frame *f = frame_of(self, frame);

    if (f == NULL)
        return CHATD_E_GONE;
    *bytes_out = sizeof(*f) + f->len + sizeof(struct frame_handle);
    return CHATD_OK;
}

int object_conn_send_frame(chatd_plugin *self, chatd_conn conn, chatd_frame frame, int flags)
{
    struct conn *c = open_conn(self, conn);
    struct frame *f = frame_of(self, frame);

    if (c == NULL || f == NULL)
        return CHATD_E_GONE;
    return conn_send(c, f, kind_of(flags)) < 0 ? CHATD_E_BUSY : CHATD_OK;
}

int object_channel_send(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                        chatd_conn except, int flags)
{
    struct channel *ch = channel_get(&host_of(self)->net, channel.v);
    struct frame *f = frame_of(self, frame);

    if (ch == NULL || f == NULL)
        return CHATD_E_GONE;
    channel_send(ch, f, except.v, 0, flags & CHATD_SEND_EPHEMERAL ? SEND_EPHEMERAL : SEND_OR_CLOSE);
    return CHATD_OK;
}

int object_channel_send_at(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                           uint64_t mark)
{
    struct channel *ch = channel_get(&host_of(self)->net, channel.v);
    struct frame *f = frame_of(self, frame);

    if (ch == NULL || f == NULL)
        return CHATD_E_GONE;
    channel_send(ch, f, 0, mark, ch->is_watched ? SEND_OR_SKIP : SEND_OR_CLOSE);
    return CHATD_OK;
}

void object_frames_deinit(struct host *h)
{
    uint32_t i;

    for (i = 0; i < h->frames.n_slots; i++) {
        struct frame_handle *fh = slab_at(&h->frames, i);

        if (fh != NULL)
            frame_unref(&fh->frame);
    }
    slab_deinit(&h->frames);
}

void object_frames_init(struct host *h)
{
    slab_init(&h->frames, sizeof(struct frame_handle), 0xffffff, h->opt.worker);
}
