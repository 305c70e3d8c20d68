/* SPDX-License-Identifier: MIT */
/* Puts the contract of chatd.rooms over the inner functions: whose callback it is, and when. */
#include "service.h"

#include "member.h"
#include "publish.h"
#include "signals.h"

#include <chatd/svc/rooms.h>

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A publish of another plugin. Its callback never comes before the call returned, so an outcome that
 * is known at once is kept until a later turn. */
struct request {
    chatd_plugin *caller;
    chatd_rooms_publish_cb cb;
    void *arg;
    bool is_calling; /* publish() has not returned yet */
    bool is_known;
    int err;
    struct publish_result result;
    struct refusal refused;
    char code[64], text[256];
};

static void answer(struct request *request)
{
    struct chatd_rooms_published published = {.size = sizeof(published)};

    published.duplicate = request->result.duplicate;
    published.seq = request->result.seq;
    published.ts = request->result.ts;
    published.code = (chatd_str){request->code, strlen(request->code)};
    published.text = (chatd_str){request->text, strlen(request->text)};
    if (request->cb != NULL)
        request->cb(request->caller, request->err, &published, request->arg);
    free(request);
}

static void on_posted(chatd_plugin *self, void *arg)
{
    (void)self;
    answer(arg);
}

static void on_published(struct rooms *rooms, chatd_conn conn, const struct publish_result *result,
                         void *arg)
{
    struct request *request = arg;

    (void)rooms, (void)conn;
    request->is_known = true;
    request->err = result->err;
    request->result = *result;
    if (result->refused != NULL) {
        snprintf(request->code, sizeof(request->code), "%s", result->refused->code);
        snprintf(request->text, sizeof(request->text), "%s", result->refused->text);
    }
    request->result.refused = NULL;
    if (!request->is_calling)
        answer(request);
}

static int svc_publish(chatd_plugin *p, chatd_plugin *self,
                       const struct chatd_rooms_message *message, chatd_rooms_publish_cb cb,
                       void *arg)
{
    struct publish_call call;
    struct request *request;
    int rc;

    if (!CHATD_HAS(message, cid) || rules_room_name(message->room) != NULL ||
        !rules_user(message->user) || message->cid.n > MESSAGE_CID_MAX)
        return CHATD_E_INVAL;
    request = calloc(1, sizeof(*request));
    if (request == NULL)
        return CHATD_E_BUSY;
    call = (struct publish_call){.conn = message->conn,
                                 .room = message->room,
                                 .user = message->user,
                                 .text = message->text,
                                 .cid = message->cid};
    request->caller = self;
    request->cb = cb;
    request->arg = arg;
    request->is_calling = true;
    publish(p->data, &call, on_published, request);
    request->is_calling = false;
    if (!request->is_known)
        return CHATD_OK;
    rc = chatd_post(p, on_posted, request);
    if (rc < 0)
        free(request);
    return rc;
}

static int svc_is_member(chatd_plugin *p, chatd_plugin *self, chatd_conn conn, chatd_str room)
{
    (void)self;
    return member_find(p->data, conn, room) != NULL;
}

static int svc_signal(chatd_plugin *p, chatd_plugin *self, chatd_conn conn, chatd_str room,
                      chatd_str user, chatd_str kind, uint32_t on)
{
    (void)self;
    return signals_send(p->data, conn, room, user, kind, on);
}

static int svc_signal_here(chatd_plugin *p, chatd_plugin *self, chatd_str room, chatd_str user,
                           chatd_str kind, uint32_t on)
{
    (void)self;
    if (rules_room_name(room) != NULL || !rules_user(user) || kind.n == 0 ||
        kind.n > SIGNAL_KIND_MAX)
        return CHATD_E_INVAL;
    signals_show(p->data, room, user, kind, on != 0);
    return CHATD_OK;
}

static int svc_each_member(chatd_plugin *p, chatd_plugin *self, chatd_str name,
                           int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    struct room *room = room_find(p->data, name);
    struct member *member, *next;
    int rc = 0;

    if (room == NULL)
        return 0;
    room_hold(room);
    DL_FOREACH_SAFE(room->members, member, next)
    {
        rc = cb(self, member->conn, arg);
        if (rc != 0)
            break;
    }
    room_release(&room);
    return rc;
}

int service_register(struct rooms *rooms)
{
    static const struct chatd_rooms_api api = {.size = sizeof(api),
                                               .is_member = svc_is_member,
                                               .publish = svc_publish,
                                               .signal = svc_signal,
                                               .each_member = svc_each_member,
                                               .signal_here = svc_signal_here};
    static const struct chatd_service_def def = {.size = sizeof(def),
                                                 .major = CHATD_ROOMS_MAJOR,
                                                 .minor = CHATD_ROOMS_MINOR,
                                                 .name = CHATD_ROOMS_SERVICE,
                                                 .api = &api};

    return chatd_service_offer(rooms->self, &def);
}
