/* SPDX-License-Identifier: MIT */
/* Hooks in WATCH: what they see has been committed. */
#include "events.h"

#include "webhook.h"

#include <string.h>

static struct deliver *deliver_of(chatd_plugin *self)
{
    return &((struct webhook *)self->data)->deliver;
}

static void finish(chatd_plugin *self, struct text *event)
{
    deliver_add(deliver_of(self), event);
    text_free(event);
}

static enum chatd_verdict on_message(chatd_plugin *self, struct chatd_ev_message *ev)
{
    struct text event = {0};

    deliver_begin(deliver_of(self), &event, "message", ev->ts);
    text_member(&event, "room", ev->room);
    text_member(&event, "user", ev->user);
    text_member(&event, "text", ev->text);
    if (ev->cid.n > 0)
        text_member(&event, "cid", ev->cid);
    if (ev->seq > 0) {
        text_puts(&event, ",\"seq\":");
        text_number(&event, (int64_t)ev->seq);
    }
    finish(self, &event);
    return CHATD_NEXT;
}

static void on_member(chatd_plugin *self, const char *kind, chatd_str room, chatd_str user)
{
    struct text event = {0};

    deliver_begin(deliver_of(self), &event, kind, 0);
    text_member(&event, "room", room);
    text_member(&event, "user", user);
    finish(self, &event);
}

static enum chatd_verdict on_join(chatd_plugin *self, struct chatd_ev_join *ev)
{
    on_member(self, "join", ev->room, ev->user);
    return CHATD_NEXT;
}

static void on_leave(chatd_plugin *self, const struct chatd_ev_leave *ev)
{
    on_member(self, "leave", ev->room, ev->user);
}

static void on_account(chatd_plugin *self, const char *kind, chatd_str user, chatd_str address)
{
    struct text event = {0};

    deliver_begin(deliver_of(self), &event, kind, 0);
    text_member(&event, "user", user);
    text_member(&event, "address", address);
    finish(self, &event);
}

static enum chatd_verdict on_login(chatd_plugin *self, struct chatd_ev_login *ev)
{
    on_account(self, "login", ev->user, ev->address);
    return CHATD_NEXT;
}

static enum chatd_verdict on_register(chatd_plugin *self, struct chatd_ev_register *ev)
{
    on_account(self, "register", ev->user, ev->address);
    return CHATD_NEXT;
}

/* --- registration ----------------------------------------------------------------------------- */

static int hook(chatd_plugin *self, const char *name)
{
    if (strcmp(name, "message") == 0)
        return chatd_on_message(self, CHATD_WATCH, on_message);
    if (strcmp(name, "join") == 0)
        return chatd_on_join(self, CHATD_WATCH, on_join);
    if (strcmp(name, "leave") == 0)
        return chatd_on_leave(self, on_leave);
    if (strcmp(name, "login") == 0)
        return chatd_on_login(self, CHATD_WATCH, on_login);
    if (strcmp(name, "register") == 0)
        return chatd_on_register(self, CHATD_WATCH, on_register);
    chatd_log(self, CHATD_LOG_ERROR,
              "[webhook] events: there is no \"%s\"; write message, join, leave, login, register",
              name);
    return CHATD_E_INVAL;
}

static bool is_named_before(const char *const *names, size_t i)
{
    size_t k;

    for (k = 0; k < i; k++) {
        if (strcmp(names[k], names[i]) == 0)
            return true;
    }
    return false;
}

int events_register(chatd_plugin *self, const char *const *names)
{
    int rc = CHATD_OK;
    size_t i;

    for (i = 0; names != NULL && names[i] != NULL && rc == CHATD_OK; i++) {
        if (!is_named_before(names, i))
            rc = hook(self, names[i]);
    }
    return rc;
}
