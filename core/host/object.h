/* SPDX-License-Identifier: MIT */
/* What plugins do with the ids of connections, frames, channels and requests (object_*.c). */
#ifndef HOST_OBJECT_H
#define HOST_OBJECT_H

#include "host/host.h"

int object_conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info);
int object_conn_identify(chatd_plugin *self, chatd_conn conn, chatd_str user, int64_t expires_ms);
int object_conn_send(chatd_plugin *self, chatd_conn conn, int opcode, chatd_str data, int flags);
int object_conn_send_frame(chatd_plugin *self, chatd_conn conn, chatd_frame frame, int flags);
int object_conn_close(chatd_plugin *self, chatd_conn conn, int code, const char *reason);
int object_conn_backlog(chatd_plugin *self, chatd_conn conn, size_t *bytes_out);
int object_conn_when_drained(chatd_plugin *self, chatd_conn conn,
                             void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);
int object_frame_new(chatd_plugin *self, int opcode, chatd_str data, chatd_frame *frame_out);
int object_frame_ref(chatd_plugin *self, chatd_frame frame);
void object_frame_unref(chatd_plugin *self, chatd_frame *frame);
int object_frame_bytes(chatd_plugin *self, chatd_frame frame, size_t *bytes_out);
int object_channel_open(chatd_plugin *self, chatd_str name, chatd_channel *channel_out);
int object_channel_close(chatd_plugin *self, chatd_channel channel);
int object_channel_join(chatd_plugin *self, chatd_channel channel, chatd_conn conn);
int object_channel_leave(chatd_plugin *self, chatd_channel channel, chatd_conn conn);
int object_channel_send(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                        chatd_conn except, int flags);
int object_channel_send_at(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                           uint64_t mark);
int object_channel_on_behind(chatd_plugin *self, chatd_channel channel,
                             void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                        uint64_t mark, void *arg),
                             void *arg);
int object_channel_count(chatd_plugin *self, chatd_channel channel);
int object_channel_each(chatd_plugin *self, chatd_channel channel,
                        int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);
int object_req_info(chatd_plugin *self, chatd_req req, struct chatd_request *info);
int object_req_header(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int object_req_param(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int object_req_query(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int object_req_cookie(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int object_req_identify(chatd_plugin *self, chatd_req req, chatd_str user, int64_t expires_ms);
void object_frames_init(struct host *h);
void object_frames_deinit(struct host *h); /* with those that plugins forgot */
int object_reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *reply);
int object_reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                       const char *message, uint32_t retry_ms);

#endif
