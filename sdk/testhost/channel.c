/* SPDX-License-Identifier: MIT */
/* Channels, and the frames that are sent to them. */
#include "host.h"

/* --- frames --------------------------------------------------------------------------------------- */

int testhost_frames(struct testhost *t)
{
    return (int)t->frames.n;
}

static struct frame *frame_of(struct testhost *t, uint64_t id)
{
    struct frame *frame = table_get(&t->frames, KIND_FRAME, id);

    return frame != NULL && frame->refs > 0 ? frame : NULL;
}

int frame_new(chatd_plugin *self, int opcode, chatd_str data, chatd_frame *frame_out)
{
    struct testhost *t = loop_of(self, "chatd_frame_new");
    struct frame *frame;

    if ((opcode != CHATD_TEXT && opcode != CHATD_BINARY) || frame_out == NULL) {
        fault(t, "makes a frame with opcode %d", opcode);
        return CHATD_E_INVAL;
    }
    frame = mem_alloc(sizeof(*frame));
    *frame =
        (struct frame){.opcode = opcode, .refs = 1, .n = data.n, .bytes = mem_alloc(data.n + 1)};
    if (data.n > 0)
        memcpy(frame->bytes, data.p, data.n);
    frame_out->v = table_add(&t->frames, KIND_FRAME, frame);
    return CHATD_OK;
}

int frame_ref(chatd_plugin *self, chatd_frame id)
{
    struct frame *frame = frame_of(loop_of(self, "chatd_frame_ref"), id.v);

    if (frame == NULL)
        return CHATD_E_GONE;
    frame->refs++;
    return CHATD_OK;
}

void frame_unref(chatd_plugin *self, chatd_frame *id)
{
    struct testhost *t = loop_of(self, "chatd_frame_unref");
    struct frame *frame = frame_of(t, id->v);

    if (frame != NULL)
        frame->refs--;
    else if (id->v != 0)
        fault(t, "gives a frame back that it does not have");
    id->v = 0;
}

int frame_bytes(chatd_plugin *self, chatd_frame id, size_t *bytes_out)
{
    const struct frame *frame = frame_of(loop_of(self, "chatd_frame_bytes"), id.v);

    if (frame == NULL)
        return CHATD_E_GONE;
    *bytes_out = frame->n;
    return CHATD_OK;
}

static int deliver(struct testhost *t, uint64_t conn, const struct frame *frame, int flags)
{
    struct conn *c = conn_of(t, conn);

    return c != NULL && c->state == TESTHOST_CONN_OPEN
               ? conn_deliver(t, c, frame->bytes, frame->n, flags)
               : CHATD_E_GONE;
}

int conn_send_frame(chatd_plugin *self, chatd_conn conn, chatd_frame id, int flags)
{
    struct testhost *t = loop_of(self, "chatd_conn_send_frame");
    const struct frame *frame = frame_of(t, id.v);

    return frame != NULL ? deliver(t, conn.v, frame, flags) : CHATD_E_GONE;
}

/* --- channels ------------------------------------------------------------------------------------- */

static struct channel *channel_of(struct testhost *t, uint64_t id)
{
    struct channel *channel = table_get(&t->channels, KIND_CHANNEL, id);

    return channel != NULL && channel->is_open ? channel : NULL;
}

static struct channel *channel_named(struct testhost *t, const char *name, size_t n)
{
    for (size_t i = 0; i < t->channels.n; i++) {
        struct channel *channel = t->channels.row[i];

        if (channel->is_open && strlen(channel->name) == n && memcmp(channel->name, name, n) == 0)
            return channel;
    }
    return NULL;
}

int channel_open(chatd_plugin *self, chatd_str name, chatd_channel *channel_out)
{
    struct testhost *t = loop_of(self, "chatd_channel_open");
    struct channel *channel = channel_named(t, name.p, name.n);

    if (channel != NULL) {
        channel_out->v = channel->id;
        return CHATD_E_EXISTS;
    }
    channel = mem_alloc(sizeof(*channel));
    channel->name = mem_strndup(name.p, name.n);
    channel->is_open = true;
    channel->id = table_add(&t->channels, KIND_CHANNEL, channel);
    channel_out->v = channel->id;
    return CHATD_OK;
}

int channel_close(chatd_plugin *self, chatd_channel id)
{
    struct testhost *t = loop_of(self, "chatd_channel_close");
    struct channel *channel = channel_of(t, id.v);

    if (channel == NULL)
        return CHATD_E_GONE;
    channel->is_open = false;
    channel->n = 0;
    slots_end(t, &channel->slots);
    return CHATD_OK;
}

bool channel_has(const struct channel *channel, uint64_t conn)
{
    for (size_t i = 0; i < channel->n; i++) {
        if (channel->member[i] == conn)
            return true;
    }
    return false;
}

static bool take_out(struct channel *channel, uint64_t conn)
{
    for (size_t i = 0; i < channel->n; i++) {
        if (channel->member[i] == conn) {
            channel->n--;
            memmove(&channel->member[i], &channel->member[i + 1],
                    (channel->n - i) * sizeof(*channel->member));
            return true;
        }
    }
    return false;
}

void channel_forget(struct testhost *t, uint64_t conn)
{
    for (size_t i = 0; i < t->channels.n; i++)
        take_out(t->channels.row[i], conn);
}

int channel_join(chatd_plugin *self, chatd_channel id, chatd_conn conn)
{
    struct testhost *t = loop_of(self, "chatd_channel_join");
    struct channel *channel = channel_of(t, id.v);

    const struct conn *c = conn_of(t, conn.v);

    if (channel == NULL || c == NULL || c->state != TESTHOST_CONN_OPEN)
        return CHATD_E_GONE;
    if (channel_has(channel, conn.v))
        return CHATD_E_EXISTS;
    channel->member = mem_realloc(channel->member, (channel->n + 1) * sizeof(*channel->member));
    channel->member[channel->n++] = conn.v;
    /* Who comes in again has nothing to do with what it missed before. */
    for (struct behind *behind = channel->left_behind; behind != NULL; behind = behind->next) {
        if (behind->conn == conn.v)
            behind->conn = 0;
    }
    return CHATD_OK;
}

int channel_leave(chatd_plugin *self, chatd_channel id, chatd_conn conn)
{
    struct channel *channel = channel_of(loop_of(self, "chatd_channel_leave"), id.v);

    if (channel == NULL)
        return CHATD_E_GONE;
    return take_out(channel, conn.v) ? CHATD_OK : CHATD_E_NOTFOUND;
}

int channel_send(chatd_plugin *self, chatd_channel id, chatd_frame frame_id, chatd_conn except,
                 int flags)
{
    struct testhost *t = loop_of(self, "chatd_channel_send");
    const struct channel *channel = channel_of(t, id.v);
    const struct frame *frame = frame_of(t, frame_id.v);

    if (channel == NULL || frame == NULL)
        return CHATD_E_GONE;
    for (size_t i = 0; i < channel->n; i++) {
        if (channel->member[i] != except.v)
            deliver(t, channel->member[i], frame, flags);
    }
    return CHATD_OK;
}

static void tell_behind(void *arg)
{
    struct behind *behind = arg, **at = &behind->channel->left_behind;
    struct testhost *t = behind->t;

    while (*at != behind)
        at = &(*at)->next;
    *at = behind->next;
    if (behind->channel->is_open && conn_of(t, behind->conn) != NULL) {
        enter(t);
        behind->channel->behind(&t->plugin.pub, (chatd_channel){behind->channel->id},
                                (chatd_conn){behind->conn}, behind->mark, behind->channel->arg);
        leave(t);
    }
    mem_free(behind);
}

int channel_send_at(chatd_plugin *self, chatd_channel id, chatd_frame frame_id, uint64_t mark)
{
    struct testhost *t = loop_of(self, "chatd_channel_send_at");
    struct channel *channel = channel_of(t, id.v);
    const struct frame *frame = frame_of(t, frame_id.v);

    if (channel == NULL || frame == NULL)
        return CHATD_E_GONE;
    for (size_t i = 0; i < channel->n;) {
        uint64_t conn = channel->member[i];
        int flags = channel->behind != NULL ? CHATD_SEND_OR_SKIP : 0;

        if (deliver(t, conn, frame, flags) != CHATD_E_BUSY || channel->behind == NULL) {
            i++;
            continue;
        }
        struct behind *behind = mem_alloc(sizeof(*behind));

        *behind = (struct behind){channel->left_behind, t, channel, conn, mark};
        channel->left_behind = behind;
        take_out(channel, conn);
        later(t, "conn", tell_behind, behind);
    }
    return CHATD_OK;
}

int channel_on_behind(chatd_plugin *self, chatd_channel id,
                      void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                 uint64_t mark, void *arg),
                      void *arg)
{
    struct channel *channel = channel_of(loop_of(self, "chatd_channel_on_behind"), id.v);

    if (channel == NULL)
        return CHATD_E_GONE;
    channel->behind = cb;
    channel->arg = arg;
    return CHATD_OK;
}

int channel_count(chatd_plugin *self, chatd_channel id)
{
    const struct channel *channel = channel_of(loop_of(self, "chatd_channel_count"), id.v);

    return channel != NULL ? (int)channel->n : CHATD_E_GONE;
}

int channel_each(chatd_plugin *self, chatd_channel id,
                 int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    struct testhost *t = loop_of(self, "chatd_channel_each");
    const struct channel *channel = channel_of(t, id.v);
    int rc = 0;

    if (channel == NULL)
        return CHATD_E_GONE;
    size_t n = channel->n;

    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = cb(self, (chatd_conn){channel->member[i]}, arg);
        if (channel->n != n) {
            fault(t, "joins or leaves a channel in chatd_channel_each() over it");
            break;
        }
    }
    return rc;
}

int testhost_channel(struct testhost *t, const char *name)
{
    const struct channel *channel = channel_named(t, name, strlen(name));

    return channel != NULL ? (int)channel->n : -1;
}

void channel_free(struct testhost *t)
{
    for (size_t i = 0; i < t->channels.n; i++) {
        struct channel *channel = t->channels.row[i];

        mem_free(channel->name);
        mem_free(channel->member);
    }
    table_free(&t->channels);
    for (size_t i = 0; i < t->frames.n; i++)
        mem_free(((struct frame *)t->frames.row[i])->bytes);
    table_free(&t->frames);
}
