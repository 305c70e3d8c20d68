/* SPDX-License-Identifier: MIT */
/*
 * The host of the plugins in one worker: who is loaded, what they registered, and the objects behind
 * the ids they hold. One owner: the worker. Each subject has its own file; this header is what they
 * share.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/buf.h"
#include "base/slab.h"
#include "board/board.h"
#include "config/config.h"
#include "net/channel.h"
#include "net/conn.h"
#include "net/http.h"
#include "net/net.h"

#include <chatd/chatd.h>

#include <pthread.h>
#include <uthash.h>

#define V1_SUBPROTOCOL "chatd.v1"

struct core_values;
struct host;
struct io_queue;
struct job_pool;
struct wait;

enum plugin_state {
    PLUGIN_LOADED,
    PLUGIN_INIT,
    PLUGIN_READY,
    PLUGIN_STARTED,
    PLUGIN_STOPPED,
    PLUGIN_FAILED
};

struct plugin {
    struct chatd_plugin pub; /* first: what the plugin sees as `self` */
    struct host *host;
    char *name, *path;
    struct chatd_plugin_desc desc;  /* copied, zero-extended */
    struct chatd_cfg_field *fields; /* copied; what desc.config points to */
    struct chatd_need *needs;       /* copied; ends with service NULL */
    struct chatd_service *service;  /* one per need, filled when resolved; provider NULL: absent */
    size_t n_needs;
    void *config; /* filled by config_fill; pub.config */
    enum plugin_state state;
    bool optional;
    uint32_t order;   /* in dependency order; the core is 0 */
    uint32_t row;     /* of the seat's plugins, plus 1; 0: none */
    unsigned refused; /* registrations in init() that were refused */
    int ready;
    char *ready_text;
    struct plugin *next_dropped; /* of host.dropped */
    struct io_queue *io;         /* its thread for CHATD_JOB_IO, made at first use */
};

/* --- hooks: hook.c --------------------------------------------------------------------------- */

struct hook {
    chatd_thunk thunk;
    chatd_fn fn;
    struct plugin *plugin;
    int band;
    uint32_t registered; /* running number */
    uint32_t rank;       /* from [hooks]; UINT32_MAX: not named */
    uint32_t work;       /* the mark while it runs; from hook_freeze() on */
    int64_t *spent;      /* calls and ns of all its plugin's for this event, in the seat */
};

struct event_def {
    char *name;
    uint32_t id, kind;
    const char *owner;      /* "core" or a service; NULL: plugin-defined */
    struct plugin *definer; /* of a plugin-defined event; NULL: hooked but not defined */
    struct plugin *raiser;  /* who may raise it, once hooks are frozen; NULL: nobody */
    struct hook *hook;
    size_t n;
    size_t n_decide; /* hooks of CHECK and CHANGE; WATCH follows */
};

/* --- what plugins register ------------------------------------------------------------------- */

struct offer {
    struct plugin *provider;
    struct chatd_service_def def;
};

struct ws_claim {
    struct plugin *plugin;
    struct chatd_ws_def def;
};

struct verb {
    struct plugin *plugin;
    struct chatd_verb_def def;
};

struct http_route {
    struct plugin *plugin;
    struct chatd_route_def def;
};

struct slot_def {
    struct plugin *plugin;
    size_t offset, bytes;
    void (*destroy)(chatd_plugin *self, void *block);
};

enum { SLOT_KINDS = 3, SLOTS_PER_KIND = 64, CLAIMS_MAX = 64, FEATURES_MAX = 64, LIMITS_MAX = 64 };

struct slot_kind {
    struct slot_def def[SLOTS_PER_KIND];
    size_t n, bytes;
    size_t hole; /* eight bytes that nobody has; 0: none */
};

struct metric;

struct host_options {
    int64_t slow_hook_ms, job_queue_max, cpu_threads, verb_rate;
    int32_t metrics;    /* enum metrics_access of core_options.h */
    int64_t server_pid; /* of the process that stops the whole server; 0: this one */
    const char *server;
    struct board *board;  /* with a seat for this process; NULL: the host makes its own */
    uint8_t worker;       /* in the ids of all its objects: the seat's index plus 1; 0: as 1 */
    const char *instance; /* NULL: one is drawn */
    const char *left_out; /* names of plugins between blanks that are not to be loaded; or NULL */
    bool can_roll;        /* what a reload cannot change comes with a roll, else with a restart */
};

/* The way to the other workers; all NULL: there are none. False: it could not be sent. */
struct bus_uplink {
    bool (*publish)(void *arg, chatd_str topic, chatd_str data);
    void (*subscribe)(void *arg, chatd_str topic); /* the first here; answered by a `lost` */
    void (*unsubscribe)(void *arg, chatd_str topic);
    void *arg;
};

/* The host itself. */
struct host {
    struct event_base *base;
    struct net net;
    struct http http;
    struct board *board;
    struct seat *seat; /* this process's own, of the board */
    struct core_values *values;
    int64_t *job_seconds[2];
    int64_t uncounted[2]; /* for what found no room in the seat */
    struct config *config;
    struct host_options opt;
    char instance[17];
    pthread_t loop_thread;
    bool registering; /* inside some init() */
    bool frozen;      /* hooks are sorted, services resolved */
    bool is_serving;  /* listens; before, plugins may come and go without a line in the log */
    bool stopping;    /* nothing new is registered */

    struct plugin core; /* the core's own hooks, routes and services */
    struct plugin **plugin;
    size_t n_plugins;
    struct plugin *dropped; /* failed ones: others may still name them */

    struct event_def *event;
    size_t n_events;
    uint32_t n_hooks;
    struct chain *chain; /* the innermost event being walked */
    struct wait *waits;  /* all of them */

    struct offer *offer;
    size_t n_offers;
    struct ws_claim claim[CLAIMS_MAX]; /* without a plugin: removed */
    size_t n_claims;
    struct verb *verb;
    size_t n_verbs;
    int verb_slot; /* verb.c's, on connections */
    struct slot_kind slot[SLOT_KINDS];
    struct {
        const char *name;
        struct plugin *plugin;
    } feature[FEATURES_MAX];
    size_t n_features;
    struct {
        const char *name;
        int64_t value;
        struct plugin *plugin;
    } limit[LIMITS_MAX];
    size_t n_limits;
    struct metric *metric;
    size_t n_metrics;

    struct slab frames, timers, watches, wait_slab, subs;
    struct named_channel *channel_names;
    struct bus_uplink uplink;
    struct job_pool *jobs;
};

extern const struct chatd_core host_table; /* table.c */

static inline struct plugin *plugin_of(chatd_plugin *self)
{
    return (struct plugin *)(void *)self;
}

/* Logs errno and ends the program: for what no server can do without, at its start. */
void host_cannot(const char *what) __attribute__((noreturn));

/* Logs which plugin called from a thread of its own, and aborts. */
void host_wrong_thread(const struct plugin *p);

/* Every function tagged [loop] or [init] comes by here; those tagged [any] do not. */
static inline struct host *host_of(chatd_plugin *self)
{
#ifndef NDEBUG
    if (!pthread_equal(pthread_self(), plugin_of(self)->host->loop_thread))
        host_wrong_thread(plugin_of(self));
#endif
    return plugin_of(self)->host;
}

/* A record that crossed the border: smaller is zero-extended, larger is taken when its tail is all
 * zero. CHATD_OK, CHATD_E_INVAL (size out of bounds), CHATD_E_ABI (a tail we do not know). `min_bytes`:
 * what the record had when the ABI began, since plugins of that time still come. */
int host_record(const void *in, size_t min_bytes, void *out, size_t out_bytes);

/* The same for what a plugin registers, `what` ("a route"); what is wrong is in the log. CHATD_E_STATE: not in
 * init(). */
int host_registration(chatd_plugin *self, const char *what, const void *in, size_t min_bytes,
                      void *out, size_t out_bytes);

/* host.c */
void host_init(struct host *h, struct event_base *base, struct config *config,
               const struct net_limits *limits, const struct http_options *http,
               const struct host_options *opt);
void host_deinit(struct host *h);
void host_turn(struct host *h); /* clocks, at the start of each loop turn */
void host_tick(struct host *h); /* once a second */
bool host_may_register(chatd_plugin *self, const char *what); /* else logs; CHATD_E_STATE */

/* hook.c, wait.c */
struct chain {
    struct event_def *def;
    size_t index; /* of the next hook */
    struct chatd_ev *ev;
    void (*done)(chatd_plugin *self, int verdict, void *arg);
    void *arg;
    struct plugin *raiser, *running;
    int band; /* of the running handler */
    struct chain *up;
    struct wait *wait; /* made by the running handler */
};

void hook_init(struct host *h);
void hook_deinit(struct host *h);
void hook_remove(struct host *h, const struct plugin *p);
unsigned hook_freeze(struct host *h);   /* sorts; applies [hooks]; number of errors */
void hook_find_raisers(struct host *h); /* again, when a service's provider goes */
void hook_print(const struct host *h);
int hook_on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn);
int hook_event_named(chatd_plugin *self, const char *name, uint32_t kind, int define,
                     uint32_t *event_out);
int hook_hooked(chatd_plugin *self, uint32_t event);
int hook_raise(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
               void (*done)(chatd_plugin *self, int verdict, void *arg), void *arg);
int hook_raised(chatd_plugin *self, uint32_t event, struct chatd_ev *ev);
void hook_ev_drop(chatd_plugin *self, struct chatd_ev *ev);
void *hook_ev_alloc(chatd_plugin *self, struct chatd_ev *ev, size_t n);
int hook_deny(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
              uint32_t retry_ms);
int hook_walk(struct host *h, struct chain *ch); /* NEXT, DENY or WAIT */
void hook_finish(struct chain *ch, int verdict);
void wait_init(struct host *h);
int wait_new(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
             void (*gone)(chatd_plugin *self, void *arg), void *arg, chatd_wait *wait_out);
int wait_resume(chatd_plugin *self, chatd_wait wait, int verdict, const char *code,
                const char *text, uint32_t retry_ms);
int wait_park(struct wait *w, struct chain *ch); /* WAIT, or the verdict if it is there already */
void wait_free(struct wait *w);
void wait_gone(struct host *h, uint64_t conn, uint64_t req); /* its client left */
void wait_remove(struct host *h, const struct plugin *p); /* its own, and those of what it raised */
void wait_shift(struct host *h, const struct event_def *def, size_t at); /* hook `at` goes */

/* service.c */
int service_offer(chatd_plugin *self, const struct chatd_service_def *def);
const struct chatd_service *service_get(chatd_plugin *self, const char *name);
const struct offer *service_picked(const struct host *h, const char *name);
bool service_loaded(const struct host *h, const char *name);
/* An optional plugin that lacks a service it needs, or NULL; the caller frees the sentence. */
struct plugin *service_lacking(struct host *h, char **why_out);
unsigned service_resolve(struct host *h, struct config_report *rep); /* picks, checks, orders */
void service_remove(struct host *h, const struct plugin *p);

/* slot.c */
int slot_add(chatd_plugin *self, int kind, size_t bytes,
             void (*destroy)(chatd_plugin *self, void *block), int *slot_out);
void *slot_block(chatd_plugin *self, int slot, uint64_t id);
void slot_end_conn(struct host *h, struct conn *c);
void slot_end(struct host *h, enum chatd_slot_kind kind, void **blocks); /* of others */

/* upgrade.c, request.c, verb.c, hello.c, ping.c: the net's calls and what plugins register for them */
void upgrade_init(struct host *h);
void request_init(struct host *h);
void verb_init(struct host *h);
int claim_add(chatd_plugin *self, const struct chatd_ws_def *def);
void claim_remove(struct host *h, const struct plugin *p);
const struct ws_claim *claim_of(const struct host *h,
                                const struct conn *c); /* NULL: none any more */
int request_route(chatd_plugin *self, const struct chatd_route_def *def);
void request_remove(struct host *h, const struct plugin *p);
int verb_add(chatd_plugin *self, const struct chatd_verb_def *def);
void verb_remove(struct host *h, const struct plugin *p);
int verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members);
int verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
               const char *message, uint32_t retry_ms);
int verb_send(struct host *h, uint64_t conn, const struct buf *text); /* CHATD_E_GONE, _BUSY */
void hello_init(struct host *h);
int hello_feature(chatd_plugin *self, const char *name);
int hello_limit(chatd_plugin *self, const char *name, int64_t value);
void hello_remove(struct host *h, const struct plugin *p);
void ping_init(struct host *h);

/* task.c, job.c, metric.c, bus.c, health.c */
void task_init(struct host *h);
int task_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
               void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out);
int task_timer_cancel(chatd_plugin *self, chatd_timer timer);
int task_watch(chatd_plugin *self, int fd, int events,
               void (*cb)(chatd_plugin *self, int fd, int events, void *arg), void *arg,
               chatd_watch *watch_out);
int task_watch_set(chatd_plugin *self, chatd_watch watch, int events);
int task_watch_cancel(chatd_plugin *self, chatd_watch watch);
void task_remove(struct host *h, const struct plugin *p);
void job_init(struct host *h);
void job_deinit(struct host *h);
int job_submit(chatd_plugin *self, const struct chatd_job *job);
int job_post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg);
void job_cancel(struct host *h,
                const struct plugin *p); /* done with CANCELLED; joins its threads */
void job_refuse(struct host *h);         /* new jobs get CHATD_E_STATE from here on */
void job_flush(struct host *h); /* what was posted or has returned, now; nothing is posted after */
bool job_rests(struct host *h); /* nothing is posted, no job waits, runs or has returned */
void job_waiting(struct host *h, int64_t waiting_out[2]); /* enum of metric.h */
bool job_idle(struct host *h, int64_t wait_ms); /* false: a thread is still busy after that time */
const char *job_busy(struct host *h);           /* then: whose job it is at */
int metric_new(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out);
void metric_add(chatd_plugin *self, int metric, int label, int64_t n);
void metric_set(chatd_plugin *self, int metric, int label, int64_t value);
void metric_observe(chatd_plugin *self, int metric, int label, double value);
void metric_remove(struct host *h, const struct plugin *p);
void bus_init(struct host *h);
void bus_remove(struct host *h, const struct plugin *p);
void bus_deinit(struct host *h);
/* What another worker published; or, with `lost`, that something of `topic` is missing, of all topics
 * when that is empty. */
void bus_receive(struct host *h, chatd_str topic, chatd_str data, bool lost);
void health_init(struct host *h);
void channel_names_remove(struct host *h, const struct plugin *p);
void channel_behind(struct host *h, const struct net_behind *behind); /* tells the owner */
/* Who waits until a connection has drained: one plugin, or all (NULL), no longer does. */
void drain_remove(struct conn *c, const struct plugin *p);
void drain_remove_all(struct host *h, const struct plugin *p);
void drain_run(struct host *h, struct conn *c);

#endif
