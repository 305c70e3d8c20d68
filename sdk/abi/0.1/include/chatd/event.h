/* SPDX-License-Identifier: MIT */
/*
 * Events and verdicts: how a plugin takes part in what happens.
 *
 * An event belongs to one owner, who raises it. Its handlers run in bands:
 *     CHECK   may refuse, must not change the payload
 *     CHANGE  may rewrite the members marked [change], may refuse
 *     (the owner commits: stores, sends, lets in)
 *     WATCH   looks on; verdicts are ignored. Never called for what was refused.
 * Within a band: by the order of needs, then by registration; [hooks] in the INI overrides.
 *
 * No opinion from anyone allows. A wait that times out denies with the code "timeout".
 *
 * For events of kind NOTIFY there is one band, WATCH, and handlers return nothing.
 * Handlers of DECIDE return a verdict at once; those of DECIDE_ASYNC may also wait.
 */
#ifndef CHATD_EVENT_H
#define CHATD_EVENT_H

#include <chatd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chatd_verdict {
    CHATD_NEXT = 0, /* no opinion: the next handler decides */
    CHATD_DONE = 1, /* settled: the rest of this band is skipped. In CHECK it counts as a fault of
                       the plugin and denies, so nobody waves a message past another's check */
    CHATD_DENY = 2, /* refused; return what chatd_deny() returns */
    CHATD_WAIT = 3  /* chatd_ev_wait() was called; the chain goes on at chatd_resume() */
};

enum chatd_band { CHATD_CHECK = 0, CHATD_CHANGE = 1, CHATD_WATCH = 2 };

enum chatd_event_kind { CHATD_NOTIFY = 0, CHATD_DECIDE = 1, CHATD_DECIDE_ASYNC = 2 };

/* The head of every payload. Zero it (and set `size`) before raising; `core` is the core's. Frozen:
 * payloads embed it, so nothing is ever appended here. */
struct chatd_ev {
    uint32_t size;     /* of the whole payload */
    uint32_t retry_ms; /* of a denial: when to try again; 0: not said */
    chatd_conn conn;   /* the connection it is about; zero: none */
    chatd_req req;     /* the HTTP request it is about; zero: none */
    chatd_str code;    /* of a denial: stable, lower case, e.g. "wordfilter.refused" */
    chatd_str text;    /* of a denial: one sentence for the person at the other end */
    void *core;
};

/* `http`: a request matched a route; before its handler. CHATD_DENY answers for it; the status follows
 * from the code, as in `upgrade`: bad_request 400, unauthorized 401, forbidden 403, not_found 404,
 * conflict 409, too_large 413, rate_limited 429, internal 500, unavailable and full 503, timeout 504,
 * any other 403. */
struct chatd_ev_http {
    struct chatd_ev ev;
    chatd_str method, path;
    chatd_str pattern;    /* of the route */
    uint32_t route_flags; /* enum chatd_route_flag */
};

/* `upgrade`: somebody asks for a WebSocket. ev.req carries headers, query and cookies, ev.conn is
 * already good for slots and chatd_conn_identify(). After CHECK a connection without a name gets
 * 401 while a chatd.auth is loaded (unless the claim is CHATD_WS_ANONYMOUS), else a guest's name.
 * CHANGE may wait until everything is at hand that must be there before the client is let in. */
struct chatd_ev_upgrade {
    struct chatd_ev ev;
    chatd_str path;
    chatd_str subprotocol; /* of the claim; empty: none */
    uint32_t ws_flags;     /* enum chatd_ws_flag */
};

/* `connected`: the WebSocket is open; frames may be sent. */
struct chatd_ev_connected {
    struct chatd_ev ev;
    chatd_str path, subprotocol, user;
};

/* `frame`: a whole message from a client, before its envelope is read. */
struct chatd_ev_frame {
    struct chatd_ev ev;
    chatd_str data;  /* text: UTF-8, checked; binary: bytes */
    uint32_t opcode; /* CHATD_TEXT or CHATD_BINARY */
};

/* `closed`: the connection is gone; its slots and memberships still are there. */
struct chatd_ev_closed {
    struct chatd_ev ev;
    chatd_str user;
    chatd_str reason; /* for the log: "client closed", "no pong", "too slow", ... */
    uint32_t code;    /* close code sent or received; 1006: none */
};

/* `register`: a new account is about to be made. */
struct chatd_ev_register {
    struct chatd_ev ev;
    chatd_str user, address;
};

/* `login`: the password was right; before the token is given out. */
struct chatd_ev_login {
    struct chatd_ev ev;
    chatd_str user, address;
};

/* `join`: before a connection becomes a member of a room. */
struct chatd_ev_join {
    struct chatd_ev ev;
    chatd_str room, user;
};

/* `leave`: a connection is no longer a member. */
struct chatd_ev_leave {
    struct chatd_ev ev;
    chatd_str room, user;
};

/* `message`: before it is stored (CHECK, CHANGE) and after (WATCH, with seq and ts; without a
 * chatd.log both are 0). WATCH is not called for refused messages nor for doubles. */
struct chatd_ev_message {
    struct chatd_ev ev;
    chatd_str room, user, cid;
    chatd_str text; /* [change] by chatd_set_text() */
    uint64_t seq;
    int64_t ts; /* milliseconds since 1970 */
};

/* `signal`: something ephemeral in a room, such as typing. A handler that knows the kind sets
 * `claimed` to 1; what nobody claims is dropped. A denial is silent. */
struct chatd_ev_signal {
    struct chatd_ev ev;
    chatd_str room, user;
    chatd_str kind;   /* "typing" */
    uint32_t on;      /* 1 begins or goes on, 0 ends */
    uint32_t claimed; /* [CHECK] */
};

/* `deliver`: a stored message is about to go to one connection, live or from history. CHATD_DENY
 * drops it for this reader. Walked only when hooked: it costs a call per recipient. */
struct chatd_ev_deliver {
    struct chatd_ev ev;
    chatd_str room, user; /* user: who wrote it; the reader is ev.conn */
    chatd_str text;
    uint64_t seq;
};

/* `tick`: once a second. */
struct chatd_ev_tick {
    struct chatd_ev ev;
    int64_t mono_ms;
};

/* X(id, name, payload, kind, owner). The owner is "core" or the provider of the named service.
 * Ids are never reused. */
#define CHATD_EVENTS(X)                                                  \
    X(1, upgrade, struct chatd_ev_upgrade, DECIDE_ASYNC, "core")         \
    X(2, message, struct chatd_ev_message, DECIDE_ASYNC, "chatd.rooms")  \
    X(3, closed, struct chatd_ev_closed, NOTIFY, "core")                 \
    X(4, http, struct chatd_ev_http, DECIDE_ASYNC, "core")               \
    X(5, connected, struct chatd_ev_connected, NOTIFY, "core")           \
    X(6, frame, struct chatd_ev_frame, DECIDE_ASYNC, "core")             \
    X(7, register, struct chatd_ev_register, DECIDE_ASYNC, "chatd.auth") \
    X(8, login, struct chatd_ev_login, DECIDE_ASYNC, "chatd.auth")       \
    X(9, join, struct chatd_ev_join, DECIDE_ASYNC, "chatd.rooms")        \
    X(10, leave, struct chatd_ev_leave, NOTIFY, "chatd.rooms")           \
    X(11, signal, struct chatd_ev_signal, DECIDE, "chatd.rooms")         \
    X(12, deliver, struct chatd_ev_deliver, DECIDE, "chatd.rooms")       \
    X(13, tick, struct chatd_ev_tick, NOTIFY, "core")

#define CHATD_EV_ID(id, name, payload, kind, owner) CHATD_EV_##name = (id),
enum chatd_event_id { CHATD_EVENTS(CHATD_EV_ID) CHATD_EV_END };
#undef CHATD_EV_ID

/*
 * For each event NAME the list generates
 *   int chatd_on_NAME(self, band, handler)     [init] handler: enum chatd_verdict (*)(self, ev)
 *   int chatd_on_NAME(self, handler)           [init] for NOTIFY; handler: void (*)(self, const ev)
 *   int chatd_raise_NAME(self, ev, done, arg)  [loop] owners only, DECIDE and DECIDE_ASYNC
 *   int chatd_raised_NAME(self, ev)            [loop] owners only
 *
 * chatd_on_*: CHATD_E_STATE outside init, CHATD_E_INVAL for a band the kind does not have.
 *
 * chatd_raise_*: walks CHECK and CHANGE and calls done(self, verdict, arg) exactly once, with
 * CHATD_NEXT (allowed) or CHATD_DENY (then ev->code and ev->text say why): before it returns when
 * nobody waits, later otherwise. The payload and all it points to belong to the owner and stay in
 * place until done is called. CHATD_E_STATE, and no call, if the plugin is not the owner.
 * When the client leaves or the server stops while somebody waits, done is called with CHATD_DENY.
 * After an allowed raise comes exactly one of
 *   chatd_raised_*: committed; walks WATCH and frees what handlers attached to the event;
 *   chatd_ev_drop(): not committed; frees only.
 * For NOTIFY there is chatd_raised_* alone.
 */
#define CHATD_EV_FN_NOTIFY(name, payload)                                           \
    static inline int chatd_thunk_##name(chatd_fn fn, chatd_plugin *self, void *ev) \
    {                                                                               \
        ((void (*)(chatd_plugin *, const payload *))fn)(self, (const payload *)ev); \
        return (int)CHATD_NEXT;                                                     \
    }                                                                               \
    static inline int chatd_on_##name(chatd_plugin *self,                           \
                                      void (*fn)(chatd_plugin *, const payload *))  \
    {                                                                               \
        return self->core->on(self, (uint32_t)CHATD_EV_##name, (int)CHATD_WATCH,    \
                              chatd_thunk_##name, (chatd_fn)fn);                    \
    }                                                                               \
    static inline int chatd_raised_##name(chatd_plugin *self, payload *ev)          \
    {                                                                               \
        return self->core->raised(self, (uint32_t)CHATD_EV_##name, &ev->ev);        \
    }
#define CHATD_EV_FN_DECIDE(name, payload)                                                        \
    static inline int chatd_thunk_##name(chatd_fn fn, chatd_plugin *self, void *ev)              \
    {                                                                                            \
        return (int)((enum chatd_verdict(*)(chatd_plugin *, payload *))fn)(self, (payload *)ev); \
    }                                                                                            \
    static inline int chatd_on_##name(chatd_plugin *self, enum chatd_band band,                  \
                                      enum chatd_verdict (*fn)(chatd_plugin *, payload *))       \
    {                                                                                            \
        return self->core->on(self, (uint32_t)CHATD_EV_##name, (int)band, chatd_thunk_##name,    \
                              (chatd_fn)fn);                                                     \
    }                                                                                            \
    static inline int chatd_raise_##name(                                                        \
        chatd_plugin *self, payload *ev,                                                         \
        void (*done)(chatd_plugin * self, int verdict, void *arg), void *arg)                    \
    {                                                                                            \
        return self->core->raise(self, (uint32_t)CHATD_EV_##name, &ev->ev, done, arg);           \
    }                                                                                            \
    static inline int chatd_raised_##name(chatd_plugin *self, payload *ev)                       \
    {                                                                                            \
        return self->core->raised(self, (uint32_t)CHATD_EV_##name, &ev->ev);                     \
    }
#define CHATD_EV_FN_DECIDE_ASYNC(name, payload)     CHATD_EV_FN_DECIDE(name, payload)
#define CHATD_EV_FN(id, name, payload, kind, owner) CHATD_EV_FN_##kind(name, payload)
CHATD_EVENTS(CHATD_EV_FN)
#undef CHATD_EV_FN

/* Events of a plugin's own, named "vendor.event/1"; the payload starts with struct chatd_ev. */
typedef enum chatd_verdict (*chatd_named_handler)(chatd_plugin *self, struct chatd_ev *ev);

static inline int chatd_thunk_named(chatd_fn fn, chatd_plugin *self, void *ev)
{
    return (int)((chatd_named_handler)fn)(self, (struct chatd_ev *)ev);
}

/* [init] Defines an event of kind `kind` that this plugin alone raises. CHATD_E_EXISTS: somebody
 * defined it already. */
static inline int chatd_event_define(chatd_plugin *self, const char *name,
                                     enum chatd_event_kind kind, uint32_t *event_out)
{
    return self->core->event_named(self, name, (uint32_t)kind, 1, event_out);
}

/* [init] Hooks a plugin-defined event, whether or not its owner is loaded. */
static inline int chatd_on_named(chatd_plugin *self, const char *name, enum chatd_band band,
                                 chatd_named_handler fn)
{
    uint32_t event;
    int rc = self->core->event_named(self, name, 0, 0, &event);

    return rc < 0 ? rc : self->core->on(self, event, (int)band, chatd_thunk_named, (chatd_fn)fn);
}

/* [loop] As chatd_raise_* and chatd_raised_*, for an event of chatd_event_define(). */
static inline int chatd_raise_named(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
                                    void (*done)(chatd_plugin *self, int verdict, void *arg),
                                    void *arg)
{
    return self->core->raise(self, event, ev, done, arg);
}

static inline int chatd_raised_named(chatd_plugin *self, uint32_t event, struct chatd_ev *ev)
{
    return self->core->raised(self, event, ev);
}

/* [loop] True if anybody hooked `event` (enum chatd_event_id): spares building a payload. */
static inline int chatd_hooked(chatd_plugin *self, uint32_t event)
{
    return self->core->hooked(self, event);
}

/* [loop] Ends an allowed raise that was not committed. */
static inline void chatd_ev_drop(chatd_plugin *self, struct chatd_ev *ev)
{
    self->core->ev_drop(self, ev);
}

/* [loop] Memory that lives as long as the event, for what a CHANGE handler puts into it. NULL:
 * more than 1 MiB asked for one event in all. */
static inline void *chatd_ev_alloc(chatd_plugin *self, struct chatd_ev *ev, size_t n)
{
    return self->core->ev_alloc(self, ev, n);
}

/* [loop] Refuses: `return chatd_deny(self, &msg->ev, "myplugin.reason", "One sentence.");`
 * Both texts are copied. */
static inline enum chatd_verdict chatd_deny(chatd_plugin *self, struct chatd_ev *ev,
                                            const char *code, const char *text)
{
    return (enum chatd_verdict)self->core->deny(self, ev, code, text, 0);
}

/* [loop] The same, for something that may work again after `retry_ms`. */
static inline enum chatd_verdict chatd_deny_for(chatd_plugin *self, struct chatd_ev *ev,
                                                const char *code, const char *text,
                                                uint32_t retry_ms)
{
    return (enum chatd_verdict)self->core->deny(self, ev, code, text, retry_ms);
}

/* [loop] Rewrites the text of a message (CHANGE). Copies `n` bytes of UTF-8; CHATD_E_BUSY when
 * there is no room for them. */
static inline int chatd_set_text(chatd_plugin *self, struct chatd_ev_message *msg, const char *p,
                                 size_t n)
{
    char *copy = (char *)self->core->ev_alloc(self, &msg->ev, n + 1);
    size_t i;

    if (copy == NULL)
        return CHATD_E_BUSY;
    for (i = 0; i < n; i++)
        copy[i] = p[i];
    copy[n] = '\0';
    msg->text.p = copy;
    msg->text.n = n;
    return CHATD_OK;
}

/*
 * [loop] In a handler of a DECIDE_ASYNC event: decide later. Then return CHATD_WAIT, and call
 * chatd_resume() once, within `deadline_ms` (at most 60,000), else the event is denied ("timeout").
 * The payload stays in place; nothing more is read from its connection meanwhile.
 * If the client leaves or this plugin stops first, `gone` (may be NULL) is called and the wait is
 * over; at the deadline it is not called.
 */
static inline int chatd_ev_wait(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
                                void (*gone)(chatd_plugin *self, void *arg), void *arg,
                                chatd_wait *wait_out)
{
    return self->core->wait(self, ev, deadline_ms, gone, arg, wait_out);
}

/* [loop] Goes on with the next handler (CHATD_NEXT), the next band (CHATD_DONE) or refuses
 * (CHATD_DENY, with code and text). CHATD_E_GONE, harmless: it ended already. */
static inline int chatd_resume(chatd_plugin *self, chatd_wait wait, enum chatd_verdict verdict,
                               const char *code, const char *text)
{
    return self->core->resume(self, wait, (int)verdict, code, text, 0);
}

/* [loop] chatd_resume() with CHATD_DENY, for something that may work again after `retry_ms`. */
static inline int chatd_resume_deny_for(chatd_plugin *self, chatd_wait wait, const char *code,
                                        const char *text, uint32_t retry_ms)
{
    return self->core->resume(self, wait, (int)CHATD_DENY, code, text, retry_ms);
}

#ifdef __cplusplus
}
#endif
#endif
