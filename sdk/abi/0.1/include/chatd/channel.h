/* SPDX-License-Identifier: MIT */
/* Channels: a named set of connections of this worker that one frame is sent to. */
#ifndef CHATD_CHANNEL_H
#define CHATD_CHANNEL_H

#include <chatd/conn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* [loop] Makes an empty channel. Names belong to the plugin; CHATD_E_EXISTS: it has one so named
 * (*channel_out is then that one). */
static inline int chatd_channel_open(chatd_plugin *self, chatd_str name, chatd_channel *channel_out)
{
    return self->core->channel_open(self, name, channel_out);
}

/* [loop] Ends a channel; its members stay connected. What was sent before still leaves. */
static inline int chatd_channel_close(chatd_plugin *self, chatd_channel channel)
{
    return self->core->channel_close(self, channel);
}

/* [loop] Adds a connection: it gets what is sent from now on. CHATD_E_EXISTS: it is in. */
static inline int chatd_channel_join(chatd_plugin *self, chatd_channel channel, chatd_conn conn)
{
    return self->core->channel_join(self, channel, conn);
}

/* [loop] Takes it out; the core does so itself when a connection ends. CHATD_E_NOTFOUND. */
static inline int chatd_channel_leave(chatd_plugin *self, chatd_channel channel, chatd_conn conn)
{
    return self->core->channel_leave(self, channel, conn);
}

/* [loop] Sends a frame to all members but `except` (zero: nobody is left out) at the end of this
 * loop turn. Takes a reference. A member whose queue is above `queue_hard` is closed with 4001;
 * above `queue_soft` it is left out of ephemeral frames. */
static inline int chatd_channel_send(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                                     chatd_conn except, int flags)
{
    return self->core->channel_send(self, channel, frame, except, flags);
}

/* [loop] The number of members, or an error. */
static inline int chatd_channel_count(chatd_plugin *self, chatd_channel channel)
{
    return self->core->channel_count(self, channel);
}

/* [loop] Calls `cb` for each member until it returns non-zero, which is returned. `cb` must not
 * join or leave this channel. */
static inline int chatd_channel_each(chatd_plugin *self, chatd_channel channel,
                                     int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg),
                                     void *arg)
{
    return self->core->channel_each(self, channel, cb, arg);
}

#ifdef __cplusplus
}
#endif
#endif
