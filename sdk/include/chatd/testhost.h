/* SPDX-License-Identifier: MIT */
/*
 * A core for the unit tests of a plugin: one instance of it, no server, no socket, and time that
 * stands still until the test moves it.
 *
 *     struct testhost *t = testhost_new(&chatd_plugin_v1);
 *
 *     assert(testhost_init(t, "word = cake") == CHATD_OK && testhost_start(t) == CHATD_OK);
 *     const struct testhost_outcome *said =
 *         testhost_say(t, testhost_connect(t, &(struct testhost_client){.user = "ann"}), "general", "cake!");
 *     assert(said->verdict == CHATD_DENY && strcmp(said->code, "wordfilter.refused") == 0);
 *     assert(testhost_free(t) == 0);
 *
 * (Where NDEBUG is defined, assert() does not even call what stands in it: undefine it.)
 *
 * The test plays everybody else: clients, other plugins, other services, the clock. The host calls
 * the plugin as the core does and in the same order of things; what the plugin asked to happen later
 * (posts, jobs, callbacks of services, ends of waits) happens in testhost_turn() and in
 * testhost_advance(). Functions that play a client end with a turn, but for those that a fake calls
 * while the plugin calls it.
 *
 * It also watches. A rule of the SDK that the plugin breaks becomes a sentence on standard error, and
 * testhost_free() counts them, so a test that ends with testhost_free(t) == 0 has checked that
 *   - nothing was registered outside init(), nor begun while stopping;
 *   - every verdict exists, fits its band, and goes with a chatd_ev_wait() where it says WAIT;
 *   - a CHECK handler left the payload alone, and nobody wrote to what was lent to him;
 *   - functions tagged [loop] or [init] were called by the loop's thread (jobs run in one of their own);
 *   - every request was answered or its client left, and every raise that was allowed was committed
 *     or dropped;
 *   - frames, chatd_core.alloc() and waits were given back;
 *   - a callback that testhost_expect() announced came once, later, and in time.
 * A pointer that was lent for one call and kept reads as a row of 0xA5 afterwards, and with
 * AddressSanitizer it is reported where it is used.
 *
 * Not here: other plugins' code (a test hook and a fake service stand in for them), limits of rate
 * and size that the core applies before a plugin is asked, sockets. Linked as chatd::testhost, or
 * with `pkg-config --libs chatd-testhost`; needs nothing but the C library. All functions are for
 * the thread that called testhost_new(). Strings that are passed in are copied; what is returned is
 * good until the next call of the same function for the same object, or as long as is said.
 * It is not part of the ABI: a test is built with the header and the library of one version.
 */
#ifndef CHATD_TESTHOST_H
#define CHATD_TESTHOST_H

#include <chatd/chatd.h>

#ifdef __cplusplus
extern "C" {
#endif

struct testhost;

/* --- the plugin's life ------------------------------------------------------------------------- */

/* A host for one instance of the plugin; ends the program when there is no memory, as everything
 * here. */
struct testhost *testhost_new(const struct chatd_plugin_desc *desc);

/* What the plugin sees as `self`, e.g. to reach its `data`. A part of a plugin that is tested by itself
 * gets the `self` of a host whose descriptor has no more than an init() that returns CHATD_OK. */
chatd_plugin *testhost_self(struct testhost *t);

/* The server's id, as chatd_instance() tells it; at first "0123456789abcdef". Hosts with the same id are
 * workers of one server. What chatd_random() gives differs from host to host, and is the same in every
 * run of the test. */
void testhost_instance(struct testhost *t, const char *id);

/* Reads `options`, lines of "key = value" as in the plugin's section of the INI (NULL: none), then
 * calls init(). What it answered; CHATD_E_INVAL, with the reason on standard error, for an option
 * that --check would refuse. */
int testhost_init(struct testhost *t, const char *options);

/* The same with the config struct itself, which must stay in place; for a test that shares one with
 * its plugin. */
int testhost_init_with(struct testhost *t, const void *config);

/* Checks that every need that is not optional is there, calls start() and takes a turn. */
int testhost_start(struct testhost *t);

/* As SIGHUP does: calls reload() with fresh options, if one has changed; what was in place before is gone when
 * it returns. CHATD_E_STATE, with the reason on standard error, if one that is not RELOADABLE would change: the
 * core leaves that one as it was, and takes the others. Not for testhost_init_with(). */
int testhost_reload(struct testhost *t, const char *options);

/* drain(), a turn, clients leave, waits end, timers and watches are gone, cancel(), jobs are cancelled
 * and posts run, stop(). */
void testhost_stop(struct testhost *t);

/* The same as far as the turn after drain(), where services are still called; and as far as stop(),
 * where calls get CHATD_E_STATE. For a test of what comes between: testhost_stop() goes on from
 * there. */
void testhost_drain(struct testhost *t);
void testhost_cancel(struct testhost *t);

/* Stops it if it is not stopped, looks for what was not given back, frees the host. The number of
 * rules that were broken. */
int testhost_free(struct testhost *t);

/* The number so far, and the sentence of one (0 is the first; NULL: no such). */
int testhost_faults(struct testhost *t);
const char *testhost_fault(struct testhost *t, int i);

/* A fault was meant: forgets the first whose sentence contains `part`. 0: there was none. */
int testhost_excuse(struct testhost *t, const char *part);

/* --- time -------------------------------------------------------------------------------------- */

/* Everything that is due now: posts, jobs that are not held, watches, callbacks, ends of waits; then
 * the end of a loop turn, until there is nothing left to do. */
void testhost_turn(struct testhost *t);

/* While it is held no turns are taken, neither by testhost_turn() nor by any other function: what the
 * plugin asked for is left to testhost_step(), and testhost_advance() moves the clocks alone. 0: no
 * longer, and a turn. */
void testhost_hold(struct testhost *t, int hold);

/* One such thing, for a test of what comes between; false (0): there is none. */
int testhost_step(struct testhost *t);

/* What that was: "post", "timer", "deadline", "cpu job", "io job"; the name of a service of the host that
 * called back, such as "chatd.kv"; "conn" for the end of a connection, or its queue; "test" for
 * testhost_later(). "": nothing. */
const char *testhost_stepped(struct testhost *t);

/* Moves both clocks by `ms`, stopping at every timer, deadline and `tick` on the way. */
void testhost_advance(struct testhost *t, int64_t ms);

/* Sets the wall clock alone: the clock of a machine may jump. It starts at 1,800,000,000,000. */
void testhost_set_wall(struct testhost *t, int64_t wall_ms);
int64_t testhost_mono_ms(struct testhost *t);
int64_t testhost_wall_ms(struct testhost *t);

/* --- clients ----------------------------------------------------------------------------------- */

struct testhost_client {
    const char *user; /* who an authority before this plugin says it is; NULL: nobody */
    /* NULL: "/ws", which is always somebody's; any other that the plugin did not claim is refused with
     * "not_found". May have a query. */
    const char *path;
    const char *subprotocol; /* it offers; NULL: "chatd.v1"; "": none */
    const char *address;     /* NULL: "127.0.0.1" */
    const char *headers;     /* lines of "Name: value"; NULL: none */
};

enum testhost_conn_state {
    TESTHOST_CONN_WAITING, /* its upgrade waits */
    TESTHOST_CONN_OPEN,
    TESTHOST_CONN_REFUSED, /* see testhost_conn_code() */
    TESTHOST_CONN_CLOSING, /* by chatd_conn_close(); ends in the next turn */
    TESTHOST_CONN_GONE
};

/* A client asks for a WebSocket: `upgrade`, then `connected` if nobody refuses. One that no handler
 * named is a guest. */
chatd_conn testhost_connect(struct testhost *t, const struct testhost_client *client);

enum testhost_conn_state testhost_conn_state(struct testhost *t, chatd_conn conn);

/* Why it was refused, e.g. "forbidden"; "" if it was not. */
const char *testhost_conn_code(struct testhost *t, chatd_conn conn);

/* The code it was closed with by the plugin, for a queue that was full, at the end of its identity or of the server;
 * 0: none, or the client left. */
int testhost_close_code(struct testhost *t, chatd_conn conn);

/* Its name, as chatd_conn_info() tells it. When the time of chatd_conn_identify() is over it is closed
 * with CHATD_CLOSE_TOKEN. */
const char *testhost_conn_user(struct testhost *t, chatd_conn conn);

/* The client leaves: `gone` of what waits for it, `closed` if it was open, its slots and memberships. */
void testhost_hangup(struct testhost *t, chatd_conn conn);

/* The client sends a whole message: `frame`, then the handler of its claim (of chatd_ws). For a verb
 * see testhost_verb(). While an event with its `conn` waits nothing is read from it: what it sends has
 * its turn when the wait is over. */
void testhost_send(struct testhost *t, chatd_conn conn, enum chatd_opcode opcode, chatd_str data);
void testhost_send_text(struct testhost *t, chatd_conn conn, const char *text);

/* The client sends {"type":TYPE,"id":ID,MEMBERS}; `members` as for chatd_verb_ack(), "" or NULL:
 * none; `id` NULL: none. A type that is nobody's verb is a fault of the test. */
void testhost_verb(struct testhost *t, chatd_conn conn, const char *type, const char *id,
                   const char *members);

/* What was sent to it, oldest first; each is told once. Verb answers stand among it as the JSON the
 * client gets. NULL (.p): nothing more. Good until the connection's next one is asked for. */
chatd_str testhost_next(struct testhost *t, chatd_conn conn);
const char *testhost_next_text(struct testhost *t, chatd_conn conn);

/* How many it has not been told yet. */
int testhost_unread(struct testhost *t, chatd_conn conn);

/* The client has so many bytes waiting that it does not take; what it is sent comes on top. It gets no
 * ephemeral frame that would make it more than TESTHOST_QUEUE_SOFT, and none at all beyond
 * TESTHOST_QUEUE_HARD: then it is closed or left behind. 0: it has taken all, and takes at once
 * whatever comes. Whoever wanted to know is told in the next turn, if it is less than
 * TESTHOST_QUEUE_SOFT then. */
#define TESTHOST_QUEUE_SOFT 65536u
#define TESTHOST_QUEUE_HARD 1048576u
void testhost_backlog(struct testhost *t, chatd_conn conn, size_t bytes);

/* How many frames chatd_frame_new() has made so far: one that goes to many is made once. */
int testhost_frames(struct testhost *t);

/* --- HTTP -------------------------------------------------------------------------------------- */

struct testhost_http {
    const char *method;  /* NULL: "GET" */
    const char *target;  /* path and query, percent-encoded as in a request line */
    const char *headers; /* lines of "Name: value"; NULL: none */
    chatd_str body;
    const char *user;    /* who an authority before this plugin says it is; NULL: nobody */
    const char *address; /* NULL: "127.0.0.1" */
    int is_secure;
};

struct testhost_answer {
    int status; /* 0: not answered yet */
    const char *content_type;
    chatd_str body;
    const char *headers; /* lines of "Name: value" */
};

/* A client asks: `http`, then the route. Without one: 404 or 405. */
chatd_req testhost_request(struct testhost *t, const struct testhost_http *http);

/* The shortest form. */
chatd_req testhost_get(struct testhost *t, const char *target);

/* Another plugin's route, with flags of enum chatd_route_flag, for plugins that say who asks. It answers
 * with the name of who does, as text; "": nobody. */
void testhost_route(struct testhost *t, const char *method, const char *pattern, uint32_t flags);

/* What it was answered, with empty strings until then; good until testhost_free(). NULL: no such
 * request. */
const struct testhost_answer *testhost_answer(struct testhost *t, chatd_req req);

/* The client leaves without an answer. */
void testhost_leave(struct testhost *t, chatd_req req);

/* --- events ------------------------------------------------------------------------------------ */

/* What became of an event; good until testhost_free(), and brought up to date when a wait ends. */
struct testhost_outcome {
    int verdict;      /* CHATD_NEXT: allowed; CHATD_DENY; CHATD_WAIT: not decided yet */
    const char *code; /* of a denial; else "" */
    /* Of testhost_say(), not denied: as the handlers left it; of a denial: the sentence; else "". */
    const char *text;
    uint32_t retry_ms;
};

/* The owner of rooms raises `message` for a text of `conn` (zero: of a plugin), and commits it with
 * the room's next seq if it is allowed. `user` of the event is the connection's. It does not wait for an
 * earlier event of that connection, as what testhost_send() and testhost_verb() send does. */
const struct testhost_outcome *testhost_say(struct testhost *t, chatd_conn conn, const char *room,
                                            const char *text);

/* The owner raises any event this plugin hooked: CHECK and CHANGE, and once it is allowed WATCH. `ev`
 * is a payload of `size` bytes that starts with struct chatd_ev; it is copied, with the strings
 * behind it only lent. A payload that has to come back changed (`claimed` of signal) is copied back
 * if nobody waits. NOTIFY: the verdict is CHATD_NEXT. */
const struct testhost_outcome *testhost_raise(struct testhost *t, uint32_t event, void *ev);

/* The test as another plugin: `fn` is called for an event that this plugin raises, or that any
 * testhost function raises; after this plugin's handlers of the band. It returns a verdict;
 * CHATD_DENY after testhost_deny(), CHATD_WAIT to decide later by testhost_resume(), unless the
 * client leaves before. `name` is that
 * of the list ("message") or a plugin's own ("vendor.event/1"). Before testhost_start(). */
typedef int (*testhost_hook_fn)(struct testhost *t, struct chatd_ev *ev, void *arg);
void testhost_hook(struct testhost *t, const char *name, enum chatd_band band, testhost_hook_fn fn,
                   void *arg);
int testhost_deny(struct testhost *t, struct chatd_ev *ev, const char *code, const char *text);

/* Ends the oldest wait of a test hook: CHATD_NEXT or CHATD_DENY. 0: none waits. */
int testhost_resume(struct testhost *t, int verdict, const char *code, const char *text);

/* How many chatd_ev_wait() of the plugin are not over. */
int testhost_waits(struct testhost *t);

/* --- services ---------------------------------------------------------------------------------- */

/* Another plugin offers a service: before testhost_start(), `api` as its contract says. Its functions
 * get `provider` first, whose `data` is `arg`. */
void testhost_fake(struct testhost *t, const char *name, uint16_t major, uint16_t minor,
                   const void *api, void *arg);

/* Runs `fn` in one of the next turns: for fakes, whose callbacks must not come before the call has
 * returned. */
void testhost_later(struct testhost *t, void (*fn)(void *arg), void *arg);

/* A chatd.kv in memory, with a ttl by the host's clock. After testhost_kv_fail(t, err) every call is
 * called back with `err`; 0: it works again. testhost_kv_value() reads an entry (.p NULL: not there),
 * and testhost_kv_ttl() what is left of its time (0: for ever; -1: not there); testhost_kv_put()
 * writes or (.p NULL) deletes one, as another server does. After testhost_kv_page() a page of scan()
 * has no more than `n` entries.
 * A chatd.bus, which the core has by itself, is there always: testhost_bus() publishes on it as
 * another worker does, or with data.p NULL tells that something was lost. */
void testhost_fake_kv(struct testhost *t);
void testhost_kv_fail(struct testhost *t, int err);
chatd_str testhost_kv_value(struct testhost *t, const char *ns, const char *key);
int64_t testhost_kv_ttl(struct testhost *t, const char *ns, const char *key);
void testhost_kv_put(struct testhost *t, const char *ns, const char *key, chatd_str value,
                     int64_t ttl_ms);
void testhost_kv_page(struct testhost *t, uint32_t n);
void testhost_bus(struct testhost *t, const char *topic, chatd_str data);

/* What was published by the plugin and is not told yet, as "topic data"; NULL: nothing more. */
const char *testhost_bus_next(struct testhost *t);

/* A service that the plugin offered, to be called as testhost_caller(); NULL: none. */
const struct chatd_service *testhost_service(struct testhost *t, const char *name);

/* Another plugin, which calls this one's services. */
chatd_plugin *testhost_caller(struct testhost *t);

/* A callback that must come: once, not before testhost_returned(), and before `deadline_ms` of the
 * host's clock have passed. The test calls testhost_came() in its callback. `what` names it in the
 * fault. After testhost_refused(), for a call that returned an error, it must not come. Good until
 * testhost_free(). */
struct testhost_call;
struct testhost_call *testhost_expect(struct testhost *t, const char *what, int64_t deadline_ms);
void testhost_returned(struct testhost_call *call);
void testhost_refused(struct testhost_call *call);
void testhost_came(struct testhost_call *call);

/* --- jobs and watches -------------------------------------------------------------------------- */

/* Jobs are not run until this is called with 0: a disk hangs, a name server is silent. Deadlines
 * pass all the same. A plugin has one thread for CHATD_JOB_IO, so what hangs is the first of these:
 * one behind it that is cancelled, or whose deadline passes, is over and never runs. */
void testhost_hold_jobs(struct testhost *t, int hold);

/* At first a job begins and ends in one step. After this it begins in chatd_job(), or when the one
 * before has ended, and runs while the test goes on, until the step that ends it: what the two do to
 * each other shows, above all with ThreadSanitizer. 0: the next ones do not. */
void testhost_overlap_jobs(struct testhost *t, int overlap);

/* The next `n` jobs get CHATD_E_BUSY. */
void testhost_refuse_jobs(struct testhost *t, int n);

/* Turns until a watched descriptor is ready, at most `real_ms` of real time; 0: none was. */
int testhost_wait_watch(struct testhost *t, int real_ms);

/* --- what the plugin told ---------------------------------------------------------------------- */

/* The last line it logged at `level` (enum chatd_log_level); "": none. */
const char *testhost_log(struct testhost *t, int level);

/* How often a line that contains `part` was logged. */
int testhost_logged(struct testhost *t, const char *part);

/* Whether lines also go to standard error; at first they do not. */
void testhost_show_log(struct testhost *t, int show);

/* A counter or gauge by name, with the value of its label (NULL: it has none); of a histogram, how
 * much was observed. A name or label that does not exist is a fault. */
int64_t testhost_metric(struct testhost *t, const char *name, const char *label);

/* enum chatd_ready; the sentence that goes with it. */
int testhost_ready(struct testhost *t);
const char *testhost_ready_text(struct testhost *t);

/* Whether hello tells this feature; a limit, or -1. */
int testhost_feature(struct testhost *t, const char *name);
int64_t testhost_limit(struct testhost *t, const char *name);

/* Members of a channel of the plugin by its name; -1: it is not open. */
int testhost_channel(struct testhost *t, const char *name);

#ifdef __cplusplus
}
#endif
#endif
