/* SPDX-License-Identifier: MIT */
/* Events of rooms and accounts in every band, waits and all their ends, and events of its own. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

#define EVENT "/1" /* behind NAME ".event" */

static uint32_t own_event;

/* --- waits ------------------------------------------------------------------------------------------------------- */

struct pause {
    chatd_wait wait;
    enum chatd_verdict verdict;
};

static void end_pause(chatd_plugin *self, void *arg)
{
    struct pause *pause = arg;
    int rc, again;

    if (pause->verdict == CHATD_DENY)
        rc = chatd_resume_deny_for(self, pause->wait, "unavailable", "Denied after a while.", 1500);
    else
        rc = chatd_resume(self, pause->wait, pause->verdict, NULL, NULL);
    again = chatd_resume(self, pause->wait, CHATD_DENY, NULL, NULL);
    seen(rc == CHATD_OK ? "resumed" : rc == CHATD_E_GONE ? "resume is gone" : "resume failed");
    if (again != CHATD_E_GONE)
        seen("resumed twice");
    free(pause);
}

static void gone(chatd_plugin *self, void *arg)
{
    (void)self, (void)arg; /* end_pause() comes all the same */
    seen("gone");
}

static enum chatd_verdict pause_for(chatd_plugin *self, struct chatd_ev *ev,
                                    enum chatd_verdict verdict, uint32_t ms, uint32_t deadline_ms)
{
    struct pause *pause = malloc(sizeof(*pause));
    chatd_timer timer;
    int rc;

    if (pause == NULL)
        abort();
    pause->verdict = verdict;
    rc = chatd_ev_wait(self, ev, deadline_ms, gone, pause, &pause->wait);
    if (rc == CHATD_OK)
        rc = chatd_timer_start(self, ms, 0, end_pause, pause, &timer);
    if (rc == CHATD_OK)
        return CHATD_WAIT;
    seen("wait failed");
    free(pause);
    return CHATD_NEXT;
}

enum chatd_verdict probe_wait(chatd_plugin *self, struct chatd_ev *ev, enum chatd_verdict verdict)
{
    return pause_for(self, ev, verdict, 20, 10000);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static enum chatd_verdict check_message(chatd_plugin *self, struct chatd_ev_message *msg)
{
    seen("message.check");
    if (is_text(msg->text, NAME " deny"))
        return chatd_deny_for(self, &msg->ev, NAME ".refused", "The probe refuses.", 700);
    if (is_text(msg->text, NAME " wait"))
        return probe_wait(self, &msg->ev, CHATD_NEXT);
    if (is_text(msg->text, NAME " wait deny"))
        return probe_wait(self, &msg->ev, CHATD_DENY);
    if (is_text(msg->text, NAME " wait late")) /* past its own deadline */
        return pause_for(self, &msg->ev, CHATD_NEXT, 200, 50);
    if (is_text(msg->text, NAME " wait long"))
        return pause_for(self, &msg->ev, CHATD_NEXT, 1000, 10000);
    return CHATD_NEXT;
}

static enum chatd_verdict change_message(chatd_plugin *self, struct chatd_ev_message *msg)
{
    static const char changed[] = "changed by " NAME;
    char *kept;

    if (is_text(msg->text, NAME " done"))
        return CHATD_DONE;
    if (!is_text(msg->text, NAME " change"))
        return CHATD_NEXT;
    kept = chatd_ev_alloc(self, &msg->ev, 2000);
    if (kept == NULL || chatd_ev_alloc(self, &msg->ev, 2 << 20) != NULL)
        seen("ev_alloc failed");
    if (kept != NULL)
        memset(kept, 1, 2000);
    if (chatd_set_text(self, msg, changed, sizeof(changed) - 1) != CHATD_OK)
        seen("set_text failed");
    return CHATD_NEXT;
}

/* The second of the band, which DONE skips. */
static enum chatd_verdict change_again(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self;
    if (is_text(msg->text, NAME " done"))
        seen("not skipped");
    else
        seen("message.change");
    return CHATD_NEXT;
}

static enum chatd_verdict watch_message(chatd_plugin *self, struct chatd_ev_message *msg)
{
    seen("message.watch");
    if (msg->seq > 0 && msg->ts > 0 && msg->room.n > 0 && msg->user.n > 0)
        chatd_metric_add(self, probe_counter, 0, 1);
    if (is_text(msg->cid, NAME))
        seen("message.cid");
    return chatd_deny(self, &msg->ev, "ignored", "A verdict in WATCH means nothing.");
}

static enum chatd_verdict check_deliver(chatd_plugin *self, struct chatd_ev_deliver *ev)
{
    if (!is_text(ev->text, NAME " hidden") || ev->seq == 0)
        return CHATD_NEXT;
    seen("deliver");
    return chatd_deny(self, &ev->ev, NAME ".hidden", "Not for anybody.");
}

/* --- the others -------------------------------------------------------------------------------------------------- */

static enum chatd_verdict check_register(chatd_plugin *self, struct chatd_ev_register *ev)
{
    if (is_text(ev->user, "refused"))
        return chatd_deny(self, &ev->ev, NAME ".register", "Nobody of that name.");
    if (ev->address.n > 0)
        seen("register");
    return CHATD_NEXT;
}

static enum chatd_verdict watch_login(chatd_plugin *self, struct chatd_ev_login *ev)
{
    (void)self;
    if (ev->user.n > 0 && ev->address.n > 0)
        seen("login");
    return CHATD_NEXT;
}

static enum chatd_verdict check_join(chatd_plugin *self, struct chatd_ev_join *ev)
{
    if (is_text(ev->room, NAME "-closed"))
        return chatd_deny(self, &ev->ev, NAME ".join", "This room is closed.");
    return CHATD_NEXT;
}

static enum chatd_verdict watch_join(chatd_plugin *self, struct chatd_ev_join *ev)
{
    (void)self;
    if (ev->user.n > 0 && ev->ev.conn.v != 0)
        seen("join");
    return CHATD_NEXT;
}

static void on_leave(chatd_plugin *self, const struct chatd_ev_leave *ev)
{
    (void)self;
    if (ev->room.n > 0 && ev->user.n > 0)
        seen("leave");
}

static enum chatd_verdict check_signal(chatd_plugin *self, struct chatd_ev_signal *ev)
{
    if (is_text(ev->kind, NAME)) {
        if (ev->on == 0)
            return chatd_deny(self, &ev->ev, NAME ".signal", "It does not end.");
        ev->claimed = 1;
    }
    return CHATD_NEXT;
}

static enum chatd_verdict watch_signal(chatd_plugin *self, struct chatd_ev_signal *ev)
{
    (void)self;
    if (is_text(ev->kind, NAME) && ev->claimed)
        seen("signal");
    return CHATD_NEXT;
}

static void on_tick(chatd_plugin *self, const struct chatd_ev_tick *ev)
{
    if (ev->mono_ms > 0 && ev->mono_ms <= chatd_mono_ms(self) + 1000)
        seen("tick");
}

#if CHATD_ABI_MINOR >= 2
static void on_signaled(chatd_plugin *self, const struct chatd_ev_signaled *ev)
{
    (void)self;
    if (is_text(ev->kind, NAME) && ev->on)
        seen("signaled");
}
#endif

/* --- an event of its own ----------------------------------------------------------------------------------------- */

struct raised {
    struct chatd_ev ev;
    chatd_req req;
    char word[16];
    int n;
};

static void raise_done(chatd_plugin *self, int verdict, void *arg)
{
    struct raised *raised = arg;
    struct text text = {0};

    text_add(&text, "{\"verdict\":%d,\"code\":\"%s\"", verdict,
             verdict == CHATD_DENY ? text_plain(raised->ev.code) : "");
    if (verdict == CHATD_NEXT && strcmp(raised->word, "drop") == 0)
        chatd_ev_drop(self, &raised->ev);
    else if (verdict == CHATD_NEXT)
        text_add(&text, ",\"rc\":%d", chatd_raised_named(self, own_event, &raised->ev));
    text_add(&text, ",\"handlers\":%d}", raised->n);
    text_reply(self, raised->req, &text);
    free(raised);
}

/* GET /NAME/event?word=next|deny|wait|drop */
static void raise_event(chatd_plugin *self, chatd_req req)
{
    struct raised *raised = calloc(1, sizeof(*raised));
    chatd_str word = CHATD_STR("next");
    int rc;

    if (raised == NULL)
        abort();
    (void)chatd_req_query(self, req, "word", &word);
    raised->ev.size = sizeof(*raised);
    raised->req = req;
    if (word.n < sizeof(raised->word))
        memcpy(raised->word, word.p, word.n);
    rc = chatd_raise_named(self, own_event, &raised->ev, raise_done, raised);
    if (rc < 0)
        seen("raise failed");
}

static enum chatd_verdict check_own(chatd_plugin *self, struct chatd_ev *ev)
{
    struct raised *raised = (struct raised *)ev;

    raised->n++;
    if (chatd_ev_alloc(self, ev, 100) == NULL)
        seen("ev_alloc failed");
    if (strcmp(raised->word, "deny") == 0)
        return chatd_deny(self, ev, NAME ".own", "Denied.");
    if (strcmp(raised->word, "wait") == 0)
        return probe_wait(self, ev, CHATD_DENY);
    return CHATD_NEXT;
}

static enum chatd_verdict watch_own(chatd_plugin *self, struct chatd_ev *ev)
{
    (void)self;
    ((struct raised *)ev)->n++;
    return CHATD_NEXT;
}

static enum chatd_verdict watch_previous(chatd_plugin *self, struct chatd_ev *ev)
{
    (void)self, (void)ev;
    seen("event of " PREVIOUS);
    return CHATD_NEXT;
}

int events_init(chatd_plugin *self)
{
    const int rcs[] = {
        chatd_on_message(self, CHATD_CHECK, check_message),
        chatd_on_message(self, CHATD_CHANGE, change_message),
        chatd_on_message(self, CHATD_WATCH, watch_message),
        chatd_on_deliver(self, CHATD_CHECK, check_deliver),
        chatd_on_register(self, CHATD_CHECK, check_register),
        chatd_on_login(self, CHATD_WATCH, watch_login),
        chatd_on_join(self, CHATD_CHECK, check_join),
        chatd_on_join(self, CHATD_WATCH, watch_join),
        chatd_on_leave(self, on_leave),
        chatd_on_signal(self, CHATD_CHECK, check_signal),
        chatd_on_signal(self, CHATD_WATCH, watch_signal),
        chatd_on_tick(self, on_tick),
        chatd_event_define(self, NAME ".event" EVENT, CHATD_DECIDE_ASYNC, &own_event),
        chatd_on_named(self, NAME ".event" EVENT, CHATD_CHECK, check_own),
        chatd_on_named(self, NAME ".event" EVENT, CHATD_WATCH, watch_own),
        chatd_on_named(self, PREVIOUS ".event" EVENT, CHATD_WATCH, watch_previous),
        probe_get(self, "/" NAME "/event", 0, raise_event),
    };
    size_t i;

    for (i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        if (rcs[i] < 0)
            return rcs[i];
    }
#if CHATD_ABI_MINOR >= 2
    /* An older core knows no event of that id. */
    if (self->core->abi_minor >= 2 && chatd_on_signaled(self, on_signaled) < 0)
        return CHATD_E_INVAL;
#endif
    /* Last, so that it comes after change_message(). */
    return chatd_on_message(self, CHATD_CHANGE, change_again);
}
