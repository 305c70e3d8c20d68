/* SPDX-License-Identifier: MIT */
/*
 * The descriptor of a plugin, its life, and the table of functions the core hands to it.
 *
 * Life of an instance (one per worker, all on the loop's thread):
 *   options are parsed  ->  init    register everything; no I/O, no service calls
 *                       ->  start   in the order of needs: open, connect, ask services
 *                       ->  (run)
 *                       ->  drain   take nothing new, finish what is under way
 *                       ->  stop    in reverse order; hooks, timers, waits and jobs are gone already
 * A failed init or start stops the server, or just the plugin when it is `optional` in the INI.
 * Shared objects are never unloaded: new code arrives with a new worker process.
 */
#ifndef CHATD_PLUGIN_H
#define CHATD_PLUGIN_H

#include <chatd/abi.h>
#include <chatd/config.h>

#ifdef __cplusplus
extern "C" {
#endif

struct chatd_core;

/* What every function of the plugin gets as its first argument. The core owns it. */
struct chatd_plugin {
    uint32_t size;
    const struct chatd_core *core; /* the functions; use the wrappers of the other headers */
    const void *config;            /* the plugin's config struct, filled; NULL without options */
    void *data;                    /* the plugin's own, free to use */
};

enum chatd_need_flag {
    CHATD_NEED_OPTIONAL = 1 /* absent is fine: chatd_service() answers NULL */
};

/* A service the plugin calls. The major must be equal, the provider's minor at least `minor`. */
struct chatd_need {
    const char *service; /* NULL ends the table */
    uint16_t major, minor;
    uint32_t flags; /* enum chatd_need_flag */
};

/* Read by the core before any function of the plugin is called. */
struct chatd_plugin_desc {
    uint32_t size;
    uint16_t abi_major, abi_minor, abi_min_minor, reserved;
    uint32_t field_stride, need_stride;

    const char *name; /* a-z, 0-9, dash; also the INI section */
    const char *version;
    const char *license; /* SPDX expression */

    const struct chatd_cfg_field *config; /* option rows; NULL: no options */
    size_t config_size; /* sizeof the struct they fill, at most CHATD_RECORD_MAX */

    const struct chatd_need *needs; /* NULL: none */

    /* [loop] Register. CHATD_OK, or an error after a chatd_log(ERROR) that says why. Required. */
    int (*init)(chatd_plugin *self);
    /* [loop] May do short blocking I/O (open a file); the server does not listen yet. */
    int (*start)(chatd_plugin *self);
    /* [loop] The server is about to stop. Calls to services still work. */
    void (*drain)(chatd_plugin *self);
    /* [loop] The last call, for every plugin whose init() returned CHATD_OK, whether or not it was
     * started: free what you own. Waits were ended (denied), jobs and service calls called back with
     * CHATD_E_CANCELLED, and what was posted was run, before the first plugin's stop(). */
    void (*stop)(chatd_plugin *self);
    /* [loop] RELOADABLE options changed. `fresh` is a filled config struct that replaces
     * self->config right after the call returns CHATD_OK; an error keeps the old one. */
    int (*reload)(chatd_plugin *self, const void *fresh);
    /* [loop] Between drain and the first plugin's stop(), for every plugin that was started: call back with
     * CHATD_E_CANCELLED what callers of your services still wait for. The core does so for jobs; who waits for
     * something else, such as a socket, does it here. Calls that come now get CHATD_E_STATE. 0.2 */
    void (*cancel)(chatd_plugin *self);
};

/* Defines the one exported symbol. Name the members in the order of the struct:
 *   CHATD_PLUGIN(.name = "hello", .version = "1.0", .license = "MIT", .init = init); */
#define CHATD_PLUGIN(...)                                                               \
    CHATD_PLUGIN_EXTERN CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1 = { \
        .size = sizeof(struct chatd_plugin_desc),                                       \
        .abi_major = CHATD_ABI_MAJOR,                                                   \
        .abi_minor = CHATD_ABI_MINOR,                                                   \
        .abi_min_minor = CHATD_ABI_MIN_MINOR,                                           \
        .reserved = 0,                                                                  \
        .field_stride = sizeof(struct chatd_cfg_field),                                 \
        .need_stride = sizeof(struct chatd_need),                                       \
        __VA_ARGS__}
#ifdef __cplusplus
#define CHATD_PLUGIN_EXTERN extern "C"
#else
#define CHATD_PLUGIN_EXTERN
#endif
#ifndef __cplusplus
extern CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1;
#endif

/* The state a plugin reports; /readyz shows the worst of all with its text. */
enum chatd_ready {
    CHATD_READY = 0,    /* works */
    CHATD_DEGRADED = 1, /* works, but somebody should look: /readyz stays 200 */
    CHATD_AWAY = 2      /* what it offers does not work: /readyz answers 503 */
};

/* Any function, for storing; it is cast back to its own type before a call. */
typedef void (*chatd_fn)(void);

struct chatd_ev;
struct chatd_job;
struct chatd_metric_def;
struct chatd_reply;
struct chatd_request;
struct chatd_route_def;
struct chatd_service;
struct chatd_service_def;
struct chatd_verb_def;
struct chatd_ws_def;
struct chatd_conn_info;

typedef int (*chatd_thunk)(chatd_fn fn, chatd_plugin *self, void *ev);

/*
 * The core's functions. Only ever appended to. Call the inline wrappers, which carry the
 * documentation; the first argument is always the calling plugin.
 */
struct chatd_core {
    uint32_t size;
    uint16_t abi_major, abi_minor;

    /* --- 0.1: memory, log, time, state ------------------------------------------------------- */
    void *(*alloc)(size_t n);
    void (*free)(void *p);
    void (*log)(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
        CHATD_PRINTF(4, 5);
    int64_t (*wall_ms)(chatd_plugin *self);
    int64_t (*mono_ms)(chatd_plugin *self);
    void (*random)(chatd_plugin *self, void *buf, size_t n);
    void (*ready)(chatd_plugin *self, int state, const char *text);
    int (*feature)(chatd_plugin *self, const char *name);
    chatd_str (*instance)(chatd_plugin *self);

    /* --- 0.1: events ------------------------------------------------------------------------- */
    int (*on)(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn);
    int (*event_named)(chatd_plugin *self, const char *name, uint32_t kind, int define,
                       uint32_t *event_out);
    int (*hooked)(chatd_plugin *self, uint32_t event);
    int (*raise)(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
                 void (*done)(chatd_plugin *self, int verdict, void *arg), void *arg);
    int (*raised)(chatd_plugin *self, uint32_t event, struct chatd_ev *ev);
    void (*ev_drop)(chatd_plugin *self, struct chatd_ev *ev);
    void *(*ev_alloc)(chatd_plugin *self, struct chatd_ev *ev, size_t n);
    int (*deny)(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
                uint32_t retry_ms);
    int (*wait)(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
                void (*gone)(chatd_plugin *self, void *arg), void *arg, chatd_wait *wait_out);
    int (*resume)(chatd_plugin *self, chatd_wait wait, int verdict, const char *code,
                  const char *text, uint32_t retry_ms);

    /* --- 0.1: services ----------------------------------------------------------------------- */
    int (*service_offer)(chatd_plugin *self, const struct chatd_service_def *def);
    const struct chatd_service *(*service)(chatd_plugin *self, const char *name);

    /* --- 0.1: slots -------------------------------------------------------------------------- */
    int (*slot)(chatd_plugin *self, int kind, size_t bytes,
                void (*destroy)(chatd_plugin *self, void *block), int *slot_out);
    void *(*slot_of)(chatd_plugin *self, int slot, uint64_t id);

    /* --- 0.1: connections -------------------------------------------------------------------- */
    int (*conn_info)(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info);
    int (*conn_identify)(chatd_plugin *self, chatd_conn conn, chatd_str user, int64_t expires_ms);
    int (*conn_send)(chatd_plugin *self, chatd_conn conn, int opcode, chatd_str data, int flags);
    int (*conn_send_frame)(chatd_plugin *self, chatd_conn conn, chatd_frame frame, int flags);
    int (*conn_close)(chatd_plugin *self, chatd_conn conn, int code, const char *reason);
    int (*conn_backlog)(chatd_plugin *self, chatd_conn conn, size_t *bytes_out);
    int (*conn_when_drained)(chatd_plugin *self, chatd_conn conn,
                             void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);
    int (*frame_new)(chatd_plugin *self, int opcode, chatd_str data, chatd_frame *frame_out);
    int (*frame_ref)(chatd_plugin *self, chatd_frame frame);
    void (*frame_unref)(chatd_plugin *self, chatd_frame *frame);
    int (*frame_bytes)(chatd_plugin *self, chatd_frame frame, size_t *bytes_out);

    /* --- 0.1: channels ----------------------------------------------------------------------- */
    int (*channel_open)(chatd_plugin *self, chatd_str name, chatd_channel *channel_out);
    int (*channel_close)(chatd_plugin *self, chatd_channel channel);
    int (*channel_join)(chatd_plugin *self, chatd_channel channel, chatd_conn conn);
    int (*channel_leave)(chatd_plugin *self, chatd_channel channel, chatd_conn conn);
    int (*channel_send)(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                        chatd_conn except, int flags);
    int (*channel_count)(chatd_plugin *self, chatd_channel channel);
    int (*channel_each)(chatd_plugin *self, chatd_channel channel,
                        int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);

    /* --- 0.1: HTTP --------------------------------------------------------------------------- */
    int (*route)(chatd_plugin *self, const struct chatd_route_def *def);
    int (*req_info)(chatd_plugin *self, chatd_req req, struct chatd_request *info);
    int (*req_header)(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
    int (*req_param)(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
    int (*req_query)(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
    int (*req_cookie)(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
    int (*req_identify)(chatd_plugin *self, chatd_req req, chatd_str user, int64_t expires_ms);
    int (*reply)(chatd_plugin *self, chatd_req req, const struct chatd_reply *reply);
    int (*reply_error)(chatd_plugin *self, chatd_req req, int status, const char *code,
                       const char *message, uint32_t retry_ms);

    /* --- 0.1: sockets and message types ------------------------------------------------------ */
    int (*ws)(chatd_plugin *self, const struct chatd_ws_def *def);
    int (*verb)(chatd_plugin *self, const struct chatd_verb_def *def);
    int (*verb_ack)(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members);
    int (*verb_error)(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
                      const char *message, uint32_t retry_ms);

    /* --- 0.1: tasks -------------------------------------------------------------------------- */
    int (*timer)(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                 void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out);
    int (*timer_cancel)(chatd_plugin *self, chatd_timer timer);
    int (*post)(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg);
    int (*job)(chatd_plugin *self, const struct chatd_job *job);
    int (*watch)(chatd_plugin *self, int fd, int events,
                 void (*cb)(chatd_plugin *self, int fd, int events, void *arg), void *arg,
                 chatd_watch *watch_out);
    int (*watch_set)(chatd_plugin *self, chatd_watch watch, int events);
    int (*watch_cancel)(chatd_plugin *self, chatd_watch watch);

    /* --- 0.1: metrics ------------------------------------------------------------------------ */
    int (*metric)(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out);
    void (*metric_add)(chatd_plugin *self, int metric, int label, int64_t n);
    void (*metric_set)(chatd_plugin *self, int metric, int label, int64_t value);
    void (*metric_observe)(chatd_plugin *self, int metric, int label, double value);

    /* --- 0.2: members that fall behind, limits in hello --------------------------------------- */
    int (*channel_send_at)(chatd_plugin *self, chatd_channel channel, chatd_frame frame,
                           uint64_t mark);
    int (*channel_on_behind)(chatd_plugin *self, chatd_channel channel,
                             void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                        uint64_t mark, void *arg),
                             void *arg);
    int (*limit)(chatd_plugin *self, const char *name, int64_t value);
};

/* [any] Memory that the other side may free; NULL when there is none. */
static inline void *chatd_alloc(chatd_plugin *self, size_t n)
{
    return self->core->alloc(n);
}

/* [any] Frees what chatd_alloc() gave; NULL is fine. */
static inline void chatd_free(chatd_plugin *self, void *p)
{
    self->core->free(p);
}

/* [any] Milliseconds since 1970 (UTC). It may jump with the clock. */
static inline int64_t chatd_wall_ms(chatd_plugin *self)
{
    return self->core->wall_ms(self);
}

/* [any] Milliseconds that never go back, from an arbitrary start. */
static inline int64_t chatd_mono_ms(chatd_plugin *self)
{
    return self->core->mono_ms(self);
}

/* [any] Fills `buf` with `n` bytes fit for keys and tokens. */
static inline void chatd_random(chatd_plugin *self, void *buf, size_t n)
{
    self->core->random(self, buf, n);
}

/* [loop] Reports the plugin's state with one sentence for the operator; see enum chatd_ready.
 * `text` is copied; repeats of the same state and text cost nothing. */
static inline void chatd_ready(chatd_plugin *self, enum chatd_ready state, const char *text)
{
    self->core->ready(self, (int)state, text);
}

/* [init] Adds `name` (a literal) to what `hello.features` offers. CHATD_E_STATE after init. */
static inline int chatd_feature(chatd_plugin *self, const char *name)
{
    return self->core->feature(self, name);
}

/* [init] Adds `name` (a literal) to what `hello.limits` tells; again, also [loop]: its new value. Since
 * 0.2. */
static inline int chatd_limit(chatd_plugin *self, const char *name, int64_t value)
{
    if (!CHATD_HAS(self->core, limit))
        return CHATD_E_ABI;
    return self->core->limit(self, name, value);
}

/* [loop] The id drawn by this server at its start: 16 hex digits, the same in all its workers. */
static inline chatd_str chatd_instance(chatd_plugin *self)
{
    return self->core->instance(self);
}

#ifdef __cplusplus
}
#endif
#endif
