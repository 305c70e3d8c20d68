/* SPDX-License-Identifier: MIT */
/* What the files of the test host share. One owner of everything: struct testhost. */
#ifndef TESTHOST_HOST_H
#define TESTHOST_HOST_H

#include "base/buf.h"
#include "base/mem.h"
#include "net/route.h"

#include <chatd/testhost.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* --- ids: the kind, and a number that is never used again ----------------------------------------- */

enum kind {
    KIND_CONN = 1,
    KIND_REQ,
    KIND_CHANNEL,
    KIND_FRAME,
    KIND_WAIT,
    KIND_TIMER,
    KIND_WATCH,
    KIND_SUB
};

/* Pointers to the objects of a kind by number; one that has ended stays, marked so by itself. */
struct table {
    void **row;
    size_t n;
};

uint64_t table_add(struct table *table, enum kind kind, void *object);
void *table_get(const struct table *table, enum kind kind, uint64_t id); /* NULL: never was one */
void table_free(struct table *table);                                    /* and all objects */

/* --- memory that is lent: lend.c ------------------------------------------------------------------ */

struct lent;

/* All that was lent for one thing, such as a call or an event. */
struct loan {
    struct lent *first;
};

void *lend(struct loan *loan, const void *bytes, size_t n);
chatd_str lend_str(struct loan *loan, const char *text); /* NULL: empty */
chatd_str lend_bytes(struct loan *loan, chatd_str bytes);
void loan_end(struct testhost *t, struct loan *loan); /* whoever kept a pointer will see */
void lend_check(struct testhost *t);                  /* did anybody write to what was lent? */
void lend_spoil(void *bytes, size_t n);               /* the same for what is kept elsewhere */
void lend_free(struct testhost *t);

/* --- the parts ------------------------------------------------------------------------------------ */

enum life {
    LIFE_NEW,
    LIFE_INIT,
    LIFE_READY,
    LIFE_STARTED,
    LIFE_DRAINING,
    LIFE_CANCELLING, /* no more jobs, and nothing comes by the clock */
    LIFE_CANCELLED,  /* no more posts */
    LIFE_STOPPING,
    LIFE_STOPPED
};

/* A plugin as the table's functions see it: the one under test, and those the test plays. */
struct puppet {
    struct chatd_plugin pub; /* first */
    struct testhost *t;
    const char *name;
};

struct hook {
    uint32_t event;
    int band;
    chatd_thunk thunk; /* the plugin's; NULL: the test's */
    chatd_fn fn;
    testhost_hook_fn test;
    void *arg;
};

struct walk;

struct slot_def {
    int kind;
    size_t bytes;
    void (*destroy)(chatd_plugin *self, void *block);
};

struct slots {
    void **block; /* by number of the slot; NULL: never asked for */
    size_t n;
};

struct incoming;

struct message {
    struct message *next;
    size_t n;
    char bytes[];
};

struct conn {
    uint64_t id;
    enum testhost_conn_state state;
    bool was_open, is_ending;
    char *user, *path, *subprotocol, *address;
    int64_t expires_ms, connected_ms;
    int64_t expires_at_ms; /* by the host's clock; 0: it does not */
    struct request *upgrade;
    const struct chatd_ws_def *claim;
    struct slots slots;
    char *code;
    int close_code;
    size_t backlog;
    bool is_refused; /* something was skipped since it last took anything */
    void (*drained)(chatd_plugin *self, chatd_conn conn, void *arg);
    void *drained_arg;
    struct message *first, **last, *told;
    int unread;
    struct testhost *host;
    struct incoming **held; /* sent while something waits for it */
    size_t n_held;
};

/* A member that could not take a frame, and whose channel is told of it later. */
struct behind {
    struct behind *next;
    struct testhost *t;
    struct channel *channel;
    uint64_t conn, mark; /* conn 0: it came in again */
};

struct channel {
    uint64_t id;
    char *name;
    bool is_open;
    uint64_t *member;
    size_t n;
    void (*behind)(chatd_plugin *self, chatd_channel channel, chatd_conn conn, uint64_t mark,
                   void *arg);
    void *arg;
    struct behind *left_behind;
    struct slots slots;
};

struct frame {
    int opcode, refs;
    size_t n;
    char *bytes;
};

struct request {
    uint64_t id;
    bool is_upgrade, is_over; /* answered, left, or the upgrade is decided */
    char *method, *path, *query, *headers, *user, *address;
    struct buf body;
    bool is_secure;
    int64_t expires_ms, due_ms;
    struct route_match match;
    struct slots slots;
    struct loan loan;
    struct testhost_answer answer;
    struct buf answer_body, answer_headers;
    char *content_type;
};

struct timer {
    uint64_t id;
    bool is_on;
    int64_t at_ms;
    uint32_t every_ms;
    void (*cb)(chatd_plugin *self, void *arg);
    void *arg;
};

struct wait {
    uint64_t id;
    bool is_parked, is_over;
    int verdict; /* when it was resumed before the handler returned */
    int64_t at_ms;
    uint64_t conn, req;
    void (*gone)(chatd_plugin *self, void *arg);
    void *arg;
    struct walk *walk;
};

struct task { /* a post, or the test's own */
    struct task *next;
    const char *what;
    void (*post)(chatd_plugin *self, void *arg);
    void (*later)(void *arg);
    void *arg;
};

struct job {
    struct job *next;
    struct chatd_job def;
    bool is_begun; /* its thread is there */
    bool is_done;  /* done was called */
    pthread_t thread;
    int rc;
    int64_t at_ms;
};

struct metric {
    struct chatd_metric_def def;
    int n_labels;
    int64_t *value;
};

struct line {
    struct line *next;
    int level;
    char text[];
};

struct named {
    char *name;
    int64_t value;
};

struct service {
    char *name;
    struct chatd_service pub;
    struct puppet provider;
};

struct open_raise {
    const struct chatd_ev *ev;
    uint32_t event;
};

struct testhost_call {
    struct testhost_call *next;
    struct testhost *t;
    char *what;
    bool is_returned, is_refused;
    int came;
    int64_t at_ms;
};

struct testhost {
    struct puppet plugin, caller;
    struct chatd_plugin_desc desc;
    _Atomic(enum life) life; /* this and the clocks: jobs ask too */
    pthread_t thread;
    bool is_held; /* no turns but by testhost_step() */
    const char *stepped;
    int depth;        /* calls into the plugin that are under way */
    struct loan loan; /* of the outermost of them */
    _Atomic int64_t mono_ms, wall_ms;
    char *instance;

    void **config; /* every one that was filled, and what it points to: all are kept */
    size_t n_config;
    char *options;

    pthread_mutex_t lock; /* of the next few, which job threads reach */
    uint64_t random;
    struct line *lines;
    struct task *first_task, **last_task;
    char **fault;
    int n_faults;
    struct lent *returned; /* memory that nobody may touch any more */

    struct hook *hook;
    size_t n_hooks;
    bool is_frozen;
    struct named *event; /* those with a name of their own; value: 1 defined by the plugin */
    size_t n_events;
    struct walk *innermost, *walks;
    struct outcome *outcomes;
    struct open_raise *open_raise;
    size_t n_open_raises;
    uint64_t seq;

    struct table conns, reqs, channels, frames, waits, timers, watches, subs;
    struct slot_def *slot;
    size_t n_slots;
    struct route_table routes;
    struct chatd_ws_def *claim;
    size_t n_claims;
    struct chatd_verb_def *verb;
    size_t n_verbs;
    int guests;

    struct service **service; /* fakes */
    size_t n_services;
    struct service **offer;
    size_t n_offers;
    struct testhost_call *calls;
    struct kv *kv;
    struct bus *bus;

    struct job *first_job, **last_job;
    bool hold_jobs, overlap_jobs;
    int refuse_jobs;

    struct metric *metric;
    size_t n_metrics;
    bool show_log;
    int ready;
    char *ready_text;
    struct named *feature, *limit;
    size_t n_features, n_limits;
};

/* --- testhost.c ----------------------------------------------------------------------------------- */

/* A rule was broken: one sentence. [any] */
void fault(struct testhost *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline struct testhost *host_of(chatd_plugin *self)
{
    return ((struct puppet *)(void *)self)->t;
}

/* Reads a record of the plugin as the core does: one that is too short, or has more than is known, is a fault. */
int record_read(struct testhost *t, const void *in, size_t min_bytes, void *out, size_t out_bytes,
                const char *function);

/* Whether the test may play a client now; if not, the fault is told. */
bool may_play(struct testhost *t, const char *what);

/* For functions tagged [loop]. */
struct testhost *loop_of(chatd_plugin *self, const char *function);

/* For functions tagged [init]; false: it is too late, and the fault is told. */
bool may_register(chatd_plugin *self, const char *what);

/* Around every call into the plugin: what is lent for it goes back after the outermost. */
void enter(struct testhost *t);
void leave(struct testhost *t);

/* --- event.c, wait.c ------------------------------------------------------------------------------ */

/* One event on its way through the hooks. */
struct walk {
    struct walk *next;
    struct testhost *t;
    uint32_t event;
    struct chatd_ev *ev;
    size_t index;                                 /* of the next hook */
    int band;                                     /* of the one that runs */
    bool runs_plugin;                             /* and not the test */
    void (*done)(struct walk *walk, int verdict); /* the host's own, or raised_done */
    void *arg;
    void (*plugin_done)(chatd_plugin *self, int verdict, void *arg);
    struct wait *wait; /* made by the handler that runs */
    struct walk *up;
    bool is_parked, is_test_wait;
};

uint32_t event_kind(struct testhost *t, uint32_t event);
const char *event_name(struct testhost *t, uint32_t event);
uint32_t event_of_name(struct testhost *t, const char *name); /* adds one that is named so */
bool event_hooked(struct testhost *t, uint32_t event);
void hook_add(struct testhost *t, const struct hook *hook);
void hook_freeze(struct testhost *t);

/* Raises for the host: done() once, now or later; free the walk with walk_free(). */
void walk_begin(struct testhost *t, uint32_t event, struct chatd_ev *ev,
                void (*done)(struct walk *walk, int verdict), void *arg);
void walk_go_on(struct walk *walk, int verdict); /* after a wait */
void walk_watch(struct testhost *t, uint32_t event, struct chatd_ev *ev);
void walk_free(struct walk *walk);
void event_drop(struct chatd_ev *ev);
int event_deny(struct chatd_ev *ev, const char *code, const char *text, uint32_t retry_ms);
void raises_check(struct testhost *t);
void event_free(struct testhost *t);

int64_t wait_due(const struct testhost *t); /* INT64_MAX: none */
bool wait_expire(struct testhost *t);
void wait_abandon(struct testhost *t, uint64_t conn, uint64_t req); /* both 0: all */
bool wait_pauses(const struct testhost *t, uint64_t conn);          /* is nothing read from it? */

/* --- the other parts ------------------------------------------------------------------------------ */

void *slots_of(struct testhost *t, struct slots *slots, int slot, int kind);
void slots_end(struct testhost *t, struct slots *slots);
int conn_deliver(struct testhost *t, struct conn *c, const char *bytes, size_t n, int flags);
struct conn *conn_of(struct testhost *t, uint64_t id); /* NULL: has ended or never was */
void conn_hook(struct testhost *t);                    /* the core's own of `upgrade` */
void conn_begin_close(struct conn *c, int code);
void conn_hold(struct conn *c, struct incoming *in);
void conn_let_go(struct testhost *t, uint64_t id);
void incoming_run(struct testhost *t, struct incoming *in);
void incoming_free(struct testhost *t, struct incoming *in);
bool conn_step(struct testhost *t);
int64_t conn_due(const struct testhost *t);
bool conn_expire(struct testhost *t);
void conn_stop(struct testhost *t);
void conn_free(struct testhost *t);
void channel_forget(struct testhost *t, uint64_t conn);
bool channel_has(const struct channel *channel, uint64_t conn);
void channel_free(struct testhost *t);
struct request *request_new(struct testhost *t, const char *method, const char *target,
                            const char *headers, const char *address);
struct request *request_of(struct testhost *t, uint64_t id); /* NULL: is over */
void request_over(struct testhost *t, struct request *r);
int64_t request_due(const struct testhost *t);
bool request_expire(struct testhost *t);
void request_stop(struct testhost *t);
void request_free(struct testhost *t);
const struct chatd_ws_def *claim_find(const struct testhost *t, const char *path,
                                      const char *subprotocol);
bool has_auth(const struct testhost *t);
void service_init(struct testhost *t);
bool service_check(struct testhost *t); /* is what it needs there? */
void service_free(struct testhost *t);
int64_t calls_due(const struct testhost *t);
bool calls_expire(struct testhost *t);
void calls_check(struct testhost *t);
void kv_free(struct testhost *t);
void bus_init(struct testhost *t);
void bus_free(struct testhost *t);
void task_add(struct testhost *t, const struct task *task);
void later(struct testhost *t, const char *what, void (*fn)(void *arg), void *arg);
bool task_step(struct testhost *t);
int64_t task_due(const struct testhost *t);
bool task_expire(struct testhost *t);
void task_unwind(struct testhost *t); /* timers and watches */
void task_cancel(struct testhost *t); /* jobs */
void task_free(struct testhost *t);
bool watch_step(struct testhost *t, int real_ms);
void tell_free(struct testhost *t);
void *options_fill(struct testhost *t, const char *options, char **why_out); /* NULL: see why */
bool options_reloadable(struct testhost *t, const void *was, const void *fresh);
bool options_mine(const struct testhost *t, const void *config); /* NULL: has none */
bool options_same(struct testhost *t, const void *was, const void *fresh);
void options_free(struct testhost *t);

extern const struct chatd_core testhost_table;
size_t alloc_begin(void); /* how many hosts there were before in this program */
size_t alloc_end(void);   /* blocks of chatd_alloc() that nobody freed, by all hosts there were */

/* --- the table's functions ------------------------------------------------------------------------ */

int on(chatd_plugin *self, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn);
int event_named(chatd_plugin *self, const char *name, uint32_t kind, int define,
                uint32_t *event_out);
int hooked(chatd_plugin *self, uint32_t event);
int raise_event(chatd_plugin *self, uint32_t event, struct chatd_ev *ev,
                void (*done)(chatd_plugin *self, int verdict, void *arg), void *arg);
int raised(chatd_plugin *self, uint32_t event, struct chatd_ev *ev);
void ev_drop(chatd_plugin *self, struct chatd_ev *ev);
void *ev_alloc(chatd_plugin *self, struct chatd_ev *ev, size_t n);
int deny(chatd_plugin *self, struct chatd_ev *ev, const char *code, const char *text,
         uint32_t retry_ms);
int wait_new(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
             void (*gone)(chatd_plugin *self, void *arg), void *arg, chatd_wait *wait_out);
int resume(chatd_plugin *self, chatd_wait wait, int verdict, const char *code, const char *text,
           uint32_t retry_ms);
int service_offer(chatd_plugin *self, const struct chatd_service_def *def);
const struct chatd_service *service_get(chatd_plugin *self, const char *name);
int slot_new(chatd_plugin *self, int kind, size_t bytes,
             void (*destroy)(chatd_plugin *self, void *block), int *slot_out);
void *slot_of(chatd_plugin *self, int slot, uint64_t id);
int conn_info(chatd_plugin *self, chatd_conn conn, struct chatd_conn_info *info);
int conn_identify(chatd_plugin *self, chatd_conn conn, chatd_str user, int64_t expires_ms);
int conn_send(chatd_plugin *self, chatd_conn conn, int opcode, chatd_str data, int flags);
int conn_send_frame(chatd_plugin *self, chatd_conn conn, chatd_frame frame, int flags);
int conn_close(chatd_plugin *self, chatd_conn conn, int code, const char *reason);
int conn_backlog(chatd_plugin *self, chatd_conn conn, size_t *bytes_out);
int conn_when_drained(chatd_plugin *self, chatd_conn conn,
                      void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);
int frame_new(chatd_plugin *self, int opcode, chatd_str data, chatd_frame *frame_out);
int frame_ref(chatd_plugin *self, chatd_frame frame);
void frame_unref(chatd_plugin *self, chatd_frame *frame);
int frame_bytes(chatd_plugin *self, chatd_frame frame, size_t *bytes_out);
int channel_open(chatd_plugin *self, chatd_str name, chatd_channel *channel_out);
int channel_close(chatd_plugin *self, chatd_channel channel);
int channel_join(chatd_plugin *self, chatd_channel channel, chatd_conn conn);
int channel_leave(chatd_plugin *self, chatd_channel channel, chatd_conn conn);
int channel_send(chatd_plugin *self, chatd_channel channel, chatd_frame frame, chatd_conn except,
                 int flags);
int channel_count(chatd_plugin *self, chatd_channel channel);
int channel_each(chatd_plugin *self, chatd_channel channel,
                 int (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg);
int channel_send_at(chatd_plugin *self, chatd_channel channel, chatd_frame frame, uint64_t mark);
int channel_on_behind(chatd_plugin *self, chatd_channel channel,
                      void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                 uint64_t mark, void *arg),
                      void *arg);
int route_new(chatd_plugin *self, const struct chatd_route_def *def);
int req_info(chatd_plugin *self, chatd_req req, struct chatd_request *info);
int req_header(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int req_param(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int req_query(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int req_cookie(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out);
int req_identify(chatd_plugin *self, chatd_req req, chatd_str user, int64_t expires_ms);
int reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *def);
int reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                const char *message, uint32_t retry_ms);
int ws_claim(chatd_plugin *self, const struct chatd_ws_def *def);
int verb_new(chatd_plugin *self, const struct chatd_verb_def *def);
int verb_ack(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members);
int verb_error(chatd_plugin *self, chatd_conn conn, chatd_str id, const char *code,
               const char *message, uint32_t retry_ms);
int timer_new(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
              void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out);
int timer_cancel(chatd_plugin *self, chatd_timer timer);
int post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg);
int job_new(chatd_plugin *self, const struct chatd_job *job);
int watch_new(chatd_plugin *self, int fd, int events,
              void (*cb)(chatd_plugin *self, int fd, int events, void *arg), void *arg,
              chatd_watch *watch_out);
int watch_set(chatd_plugin *self, chatd_watch watch, int events);
int watch_cancel(chatd_plugin *self, chatd_watch watch);
int metric_new(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out);
void metric_add(chatd_plugin *self, int metric, int label, int64_t n);
void metric_set(chatd_plugin *self, int metric, int label, int64_t value);
void metric_observe(chatd_plugin *self, int metric, int label, double value);
void log_line(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
    CHATD_PRINTF(4, 5);
void ready(chatd_plugin *self, int state, const char *text);
int feature(chatd_plugin *self, const char *name);
int limit(chatd_plugin *self, const char *name, int64_t value);

#endif
