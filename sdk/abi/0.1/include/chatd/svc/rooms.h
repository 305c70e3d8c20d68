/* SPDX-License-Identifier: MIT */
/* Service chatd.rooms 1.0: membership, messages and signals of rooms. The provider owns the events
 * `join`, `leave`, `message`, `signal` and `deliver`. */
#ifndef CHATD_SVC_ROOMS_H
#define CHATD_SVC_ROOMS_H

#include <chatd/service.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_ROOMS_SERVICE "chatd.rooms"
#define CHATD_ROOMS_MAJOR   1
#define CHATD_ROOMS_MINOR   0

/* What is published on somebody's behalf; `conn` is zero when no connection is behind it. */
struct chatd_rooms_message {
    uint32_t size;
    uint32_t reserved;
    chatd_conn conn;
    chatd_str room, user, text, cid;
};

struct chatd_rooms_published {
    uint32_t size;
    uint32_t duplicate;
    uint64_t seq; /* 0: there is no chatd.log */
    int64_t ts;
    chatd_str code, text; /* err is CHATD_E_INVAL: refused, and why */
};

typedef void (*chatd_rooms_publish_cb)(chatd_plugin *self, int err,
                                       const struct chatd_rooms_published *result, void *arg);

struct chatd_rooms_api {
    uint32_t size;
    uint32_t reserved;
    int (*is_member)(chatd_plugin *p, chatd_plugin *self, chatd_conn conn, chatd_str room);
    int (*publish)(chatd_plugin *p, chatd_plugin *self, const struct chatd_rooms_message *message,
                   chatd_rooms_publish_cb cb, void *arg);
    int (*signal)(chatd_plugin *p, chatd_plugin *self, chatd_conn conn, chatd_str room,
                  chatd_str user, chatd_str kind, uint32_t on);
    int (*each_member)(chatd_plugin *p, chatd_plugin *self, chatd_str room,
                       int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);
};

#define CHATD_ROOMS_API(rooms) ((const struct chatd_rooms_api *)(rooms)->api)

/* [loop] 1 or 0, at once. */
static inline int chatd_rooms_is_member(chatd_plugin *self, const struct chatd_service *rooms,
                                        chatd_conn conn, chatd_str room)
{
    return CHATD_ROOMS_API(rooms)->is_member(rooms->provider, self, conn, room);
}

/* [loop] Sends a message the way a member's goes: the `message` chain, the log, the members. A `conn`
 * need not be a member. */
static inline int chatd_rooms_publish(chatd_plugin *self, const struct chatd_service *rooms,
                                      const struct chatd_rooms_message *message,
                                      chatd_rooms_publish_cb cb, void *arg)
{
    return CHATD_ROOMS_API(rooms)->publish(rooms->provider, self, message, cb, arg);
}

/* [loop] Sends a signal: the `signal` event, then all members but `conn` (zero: nobody is left
 * out), ephemeral. With a connection it must be a member, else CHATD_E_NOTFOUND. */
static inline int chatd_rooms_signal(chatd_plugin *self, const struct chatd_service *rooms,
                                     chatd_conn conn, chatd_str room, chatd_str user,
                                     chatd_str kind, uint32_t on)
{
    return CHATD_ROOMS_API(rooms)->signal(rooms->provider, self, conn, room, user, kind, on);
}

/* [loop] Calls `cb` for each local member until it returns non-zero, which is returned. */
static inline int chatd_rooms_each_member(chatd_plugin *self, const struct chatd_service *rooms,
                                          chatd_str room,
                                          int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg),
                                          void *arg)
{
    return CHATD_ROOMS_API(rooms)->each_member(rooms->provider, self, room, cb, arg);
}

#ifdef __cplusplus
}
#endif
#endif
