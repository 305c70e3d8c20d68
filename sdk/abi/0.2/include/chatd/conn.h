/* SPDX-License-Identifier: MIT */
/* WebSocket connections: who they are, sending, closing; frames shared by reference; slots. */
#ifndef CHATD_CONN_H
#define CHATD_CONN_H

#include <chatd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chatd_opcode { CHATD_TEXT = 1, CHATD_BINARY = 2 };

enum chatd_send_flag {
    CHATD_SEND_EPHEMERAL = 1, /* dropped first: not queued for one that has `queue_soft` waiting */
    CHATD_SEND_OR_SKIP = 2 /* not queued for one that has `queue_hard` waiting, which is not closed
                               * for it: the caller keeps what it missed. 0.2 */
};

/* Close codes of chatd's own. After 4000-4499 a client reconnects, after 4500-4999 it must not. */
enum chatd_close {
    CHATD_CLOSE_NORMAL = 1000,
    CHATD_CLOSE_GOING_AWAY = 1001,
    CHATD_CLOSE_PROTOCOL = 1002,
    CHATD_CLOSE_UNSUPPORTED = 1003,
    CHATD_CLOSE_BAD_DATA = 1007,
    CHATD_CLOSE_TOO_BIG = 1009,
    CHATD_CLOSE_INTERNAL = 1011,
    CHATD_CLOSE_ROLL = 1012,
    CHATD_CLOSE_TRY_LATER = 1013,
    CHATD_CLOSE_TOO_SLOW = 4001,
    CHATD_CLOSE_NO_PONG = 4002,
    CHATD_CLOSE_TOO_MANY = 4003,
    CHATD_CLOSE_TOKEN = 4501,
    CHATD_CLOSE_BANNED = 4502,
    CHATD_CLOSE_FORBIDDEN = 4503
};

/* Set `size` before the call. The strings are good until the handler returns. */
struct chatd_conn_info {
    uint32_t size;
    uint32_t is_open;  /* 0 while the upgrade is decided and after the close began */
    chatd_str user;    /* empty before somebody identified it */
    chatd_str address; /* of the client, as text */
    chatd_str path, subprotocol;
    int64_t expires_ms;   /* wall clock; 0: never */
    int64_t connected_ms; /* wall clock */
};

/* [loop] Fills *info. CHATD_E_GONE. */
static inline int chatd_conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info)
{
    return self->core->conn_info(self, conn, info);
}

/* [loop] In `upgrade`: gives the connection its name and the time (wall clock, ms; 0: never) at
 * which the core closes it with 4501. Later calls may only move that time. */
static inline int chatd_conn_identify(chatd_plugin *self, chatd_conn conn, chatd_str user,
                                      int64_t expires_ms)
{
    return self->core->conn_identify(self, conn, user, expires_ms);
}

/* [loop] Sends one message; it leaves at the end of this loop turn. Copies; `closed` is never raised
 * before it returns. CHATD_E_GONE; CHATD_E_BUSY: the connection is too slow and is being closed,
 * or, with one of the flags, just does not get this frame. */
static inline int chatd_conn_send(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode,
                                  chatd_str data, int flags)
{
    return self->core->conn_send(self, conn, (int)opcode, data, flags);
}

/* [loop] The same for a frame of chatd_frame_new(): takes a reference, copies nothing. */
static inline int chatd_conn_send_frame(chatd_plugin *self, chatd_conn conn, chatd_frame frame,
                                        int flags)
{
    return self->core->conn_send_frame(self, conn, frame, flags);
}

/* [loop] Sends what is queued, then a close frame with `code` and `reason` (at most 123 bytes,
 * cut), waits for the answer and closes. `closed` is raised when it is over, never before this
 * returns. */
static inline int chatd_conn_close(chatd_plugin *self, chatd_conn conn, int code,
                                   const char *reason)
{
    return self->core->conn_close(self, conn, code, reason);
}

/* [loop] Bytes queued for a connection that could not take them yet. */
static inline int chatd_conn_backlog(chatd_plugin *self, chatd_conn conn, size_t *bytes_out)
{
    return self->core->conn_backlog(self, conn, bytes_out);
}

/* [loop] Calls `cb` once the backlog is below `queue_soft`: at the end of the turn if it is now.
 * One at a time per plugin and connection (CHATD_E_EXISTS). Not called if the connection ends. */
static inline int
chatd_conn_when_drained(chatd_plugin *self, chatd_conn conn,
                        void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    return self->core->conn_when_drained(self, conn, cb, arg);
}

/* [loop] Encodes a message once, to be sent to many. The caller holds one reference. */
static inline int chatd_frame_new(chatd_plugin *self, enum chatd_opcode opcode, chatd_str data,
                                  chatd_frame *frame_out)
{
    return self->core->frame_new(self, (int)opcode, data, frame_out);
}

/* [loop] One more reference. CHATD_E_GONE. */
static inline int chatd_frame_ref(chatd_plugin *self, chatd_frame frame)
{
    return self->core->frame_ref(self, frame);
}

/* [loop] Gives a reference back and clears *frame. */
static inline void chatd_frame_unref(chatd_plugin *self, chatd_frame *frame)
{
    self->core->frame_unref(self, frame);
}

/* [loop] Memory the frame takes. CHATD_E_GONE. */
static inline int chatd_frame_bytes(chatd_plugin *self, chatd_frame frame, size_t *bytes_out)
{
    return self->core->frame_bytes(self, frame, bytes_out);
}

enum chatd_slot_kind { CHATD_SLOT_CONN = 0, CHATD_SLOT_CHANNEL = 1, CHATD_SLOT_REQ = 2 };

/* [init] Asks for `bytes` (zeroed, aligned for anything, at most CHATD_RECORD_MAX) on each object of
 * a kind. `destroy` (may be NULL) is called when the object ends, if chatd_slot_of() was ever
 * called for it; also for a connection whose upgrade was refused. */
static inline int chatd_slot(chatd_plugin *self, enum chatd_slot_kind kind, size_t bytes,
                             void (*destroy)(chatd_plugin *self, void *block), int *slot_out)
{
    return self->core->slot(self, (int)kind, bytes, destroy, slot_out);
}

/* [loop] The block of `slot` on a connection, channel or request (its id's v); good until the
 * object ends. NULL: it has ended. */
static inline void *chatd_slot_of(chatd_plugin *self, int slot, uint64_t id)
{
    return self->core->slot_of(self, slot, id);
}

#ifdef __cplusplus
}
#endif
#endif
