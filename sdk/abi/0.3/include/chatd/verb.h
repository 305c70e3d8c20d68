/* SPDX-License-Identifier: MIT */
/* WebSocket claims (a path and subprotocol of one's own) and verbs (types of chatd.v1 messages). */
#ifndef CHATD_VERB_H
#define CHATD_VERB_H

#include <chatd/conn.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chatd_ws_flag {
    CHATD_WS_ANONYMOUS = 1 /* no 401 without identity */
};

/* Claims upgrades to `path` that offer `subprotocol` (NULL: those that no other claim of this path
 * takes by its subprotocol). An upgrade nobody claims is answered 404. */
struct chatd_ws_def {
    uint32_t size;
    uint32_t flags;          /* enum chatd_ws_flag */
    const char *path;        /* a literal; no patterns */
    const char *subprotocol; /* a literal or NULL */
    /* One whole message (fragments joined, UTF-8 checked), after the `frame` chain. */
    void (*handle)(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode, chatd_str data);
};

/* [init] CHATD_E_EXISTS: claimed already, by whom is in the log. */
static inline int chatd_ws(chatd_plugin *self, const struct chatd_ws_def *def)
{
    return self->core->ws(self, def);
}

enum chatd_verb_flag {
    CHATD_VERB_LOGIN = 1, /* `unauthorized` without identity (while a chatd.auth is loaded) */
    CHATD_VERB_RATE = 2   /* counts against `verb_rate`; above it: `rate_limited` */
};

/* One call of a verb; everything is borrowed for the handler. */
struct chatd_verb_call {
    uint32_t size;
    chatd_conn conn;
    chatd_str type;
    chatd_str id;   /* as the client sent it, at most 64 bytes; empty: it wants no answer */
    chatd_str json; /* the whole frame: one JSON object, checked */
};

struct chatd_verb_def {
    uint32_t size;
    uint32_t flags;   /* enum chatd_verb_flag */
    const char *name; /* "message.send" */
    size_t max_body;  /* bytes of the frame; more is answered too_large */
    void (*handle)(chatd_plugin *self, const struct chatd_verb_call *call);
};

/* [init] Adds a message type. CHATD_E_EXISTS: it is another plugin's, or the core's own `ping`; whose
 * is in the log. */
static inline int chatd_verb(chatd_plugin *self, const struct chatd_verb_def *def)
{
    return self->core->verb(self, def);
}

/* [loop] Answers {"type":"ack","id":...,MEMBERS}; `members` is JSON text without braces, e.g.
 * "\"seq\":4". Nothing is sent when `id` is empty. */
static inline int chatd_verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id,
                                 chatd_str members)
{
    return self->core->verb_ack(self, conn, id, members);
}

/* [loop] Answers {"type":"error",...}. `unavailable`, `timeout`, `rate_limited` and `internal`, and
 * whatever has a retry_ms, are marked temporary. Sent without an id too. */
static inline int chatd_verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id,
                                   const char *code, const char *message, uint32_t retry_ms)
{
    return self->core->verb_error(self, conn, id, code, message, retry_ms);
}

#ifdef __cplusplus
}
#endif
#endif
