/* SPDX-License-Identifier: MIT */
/* Builds a worker from its configuration, turns its loop, and takes it down again. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "host/load.h"
#include "net/address.h"
#include "worker/notify.h"
#include "worker/place.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { START_WAIT_MS = 1000 };

void worker_log_report(void *arg, int severity, const char *text)
{
    static const enum log_level level[] = {LOG_L_INFO, LOG_L_WARN, LOG_L_ERROR};

    (void)arg;
    log_write(level[severity], "config", "%s", text);
}

/* --- build -------------------------------------------------------------------------------------- */

int worker_init(struct worker *w, struct config *config, const struct core_options *opt,
                const struct worker_seat *seat, struct config_report *rep)
{
    struct event_config *how = event_config_new();
    const struct net_limits limits = {.max_connections = opt->max_connections,
                                      .max_per_address = opt->max_connections_per_address,
                                      .message_max = opt->message_max,
                                      .frame_rate = opt->frame_rate,
                                      .queue_soft = opt->queue_soft,
                                      .queue_hard = opt->queue_hard,
                                      .unsent_max = opt->unsent_max,
                                      .io_uring = opt->io_uring,
                                      .deflate_min = opt->deflate_min,
                                      .deflate_level = opt->deflate ? (int)opt->deflate_level : 0,
                                      .write_timeout_ms = opt->write_timeout,
                                      .ping_interval_ms = opt->ping_interval,
                                      .pong_timeout_ms = opt->pong_timeout,
                                      .close_timeout_ms = opt->close_timeout};
    const struct http_options http = {.head = {.max_head_bytes = (size_t)opt->http_head_max,
                                               .max_line_bytes = (size_t)opt->http_head_max / 2,
                                               .max_headers = 100,
                                               .max_body_bytes = (uint64_t)opt->http_body_max},
                                      .head_timeout_ms = opt->http_head_timeout,
                                      .body_timeout_ms = opt->http_body_timeout,
                                      .idle_timeout_ms = opt->http_idle_timeout,
                                      .write_timeout_ms = opt->write_timeout,
                                      .reply_timeout_ms = opt->http_timeout,
                                      .max_connections = opt->max_http_connections,
                                      .max_per_address = opt->max_connections_per_address,
                                      .allowed_origins = opt->allowed_origins,
                                      .cors_origins = opt->cors_origins,
                                      .trusted_proxies = opt->trusted_proxies};
    const struct host_options host = {.slow_hook_ms = opt->slow_hook,
                                      .job_queue_max = opt->job_queue_max,
                                      .cpu_threads = opt->cpu_threads,
                                      .verb_rate = opt->verb_rate,
                                      .metrics = opt->metrics,
                                      .server = "chatd/" CHATD_VERSION,
                                      .board = seat->board,
                                      .worker = (uint8_t)(seat->seat + 1), /* seats are few */
                                      .server_pid = seat->server_pid,
                                      .instance = seat->instance,
                                      .left_out = seat->left_out,
                                      .can_roll = seat->has_master};

    memset(w, 0, sizeof(*w));
    w->config = config;
    w->opt = *opt;
    /* One thread: no locks. And no changelist: the take-over of sockets relies on epoll forgetting a
     * descriptor at once. */
    event_config_set_flag(how, EVENT_BASE_FLAG_NOLOCK);
    w->base = event_base_new_with_config(how);
    event_config_free(how);
    host_init(&w->host, w->base, config, &limits, &http, &host);
    w->plugin_dir =
        opt->plugin_dir != NULL ? mem_strdup(opt->plugin_dir) : prefix_path("lib/chatd");
    return life_prepare(&w->host, w->plugin_dir, rep) > 0 ? -1 : 0;
}

/* --- reload ------------------------------------------------------------------------------------- */

/* The kept ones: options of plugins point into each configuration that was ever applied. */
static void keep_config(struct worker *w, struct config *config)
{
    w->configs = mem_realloc(w->configs, (w->n_configs + 1) * sizeof(struct config *));
    w->configs[w->n_configs++] = config;
}

static void apply_core(struct worker *w, struct core_options *fresh,
                       const struct reload_voice *voice)
{
    reload_options("chatd", core_option_rows, sizeof(core_option_rows[0]), &w->opt, fresh, true,
                   voice);
    fresh->workers = w->opt.workers;
    w->opt = *fresh;
    log_setup(w->opt.log_format == 1, (enum log_level)w->opt.log_level);
    w->host.opt.slow_hook_ms = w->opt.slow_hook;
    w->host.opt.verb_rate = w->opt.verb_rate;
    w->host.net.limits.frame_rate = w->opt.frame_rate;
    w->host.opt.metrics = w->opt.metrics;
    w->host.net.limits.max_per_address = w->opt.max_connections_per_address;
    w->host.http.opt.max_per_address = w->opt.max_connections_per_address;
    http_trust(&w->host.http, w->opt.trusted_proxies);
}

bool worker_reload(struct worker *w, int fd, bool is_quiet)
{
    const struct reload_voice voice = {.is_quiet = is_quiet, .can_roll = w->host.opt.can_roll};
    struct config_report rep = {.line = is_quiet ? NULL : worker_log_report};
    const char *file = config_file(w->config);
    struct config *fresh =
        fd >= 0 ? config_load_copy(file, fd, environ, &rep) : config_load(file, environ, &rep);
    struct core_options opt;

    core_options_read(fresh, &opt, &rep);
    if (life_reload(&w->host, fresh, &rep, &voice) < 0) {
        if (!is_quiet)
            log_error("reload: %u mistake%s, nothing has changed", rep.errors,
                      rep.errors == 1 ? "" : "s");
        config_free(fresh);
        return false;
    }
    apply_core(w, &opt, &voice);
    keep_config(w, fresh);
    return true;
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    host_turn(&w->host);
    host_tick(&w->host);
    if (w->watchdog_ms > 0)
        notify("WATCHDOG=1");
}

static void turn(struct worker *w)
{
    host_turn(&w->host);
    if (event_base_loop(w->base, EVLOOP_ONCE) < 0) {
        log_error("the event loop failed");
        w->done = true;
    }
    net_flush(&w->host.net);
    link_flush(w);
}

static void loop(struct worker *w)
{
    while (!w->done) {
        turn(w);
        if (w->leaving != STAY && worker_is_empty(w))
            w->done = true;
    }
}

void worker_loop(struct worker *w)
{
    loop(w);
    /* A roll ends quietly: the plugins hear of it when the last client has left. */
    if (w->leaving == LEAVE_ROLL) {
        worker_leave(w, LEAVE_STOP, w->opt.stop_time);
        w->done = false;
        loop(w);
    } else if (w->leaving == STAY) {
        worker_leave(w, LEAVE_STOP, w->opt.stop_time);
    }
    worker_end_connections(w);
}

static bool is_away(const struct worker *w)
{
    size_t i;

    for (i = 0; i < w->host.n_plugins; i++) {
        if (w->host.plugin[i]->ready == CHATD_AWAY)
            return true;
    }
    return false;
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

/* The first client should not meet a store that is a millisecond short of ready. One that stays away
 * does not keep the server from telling so: it listens after START_WAIT_MS all the same. */
static void await_ready(struct worker *w, int64_t wait_ms)
{
    struct timeval tv = {wait_ms / 1000, wait_ms % 1000 * 1000};
    bool is_over = wait_ms <= 0;
    struct event *limit = evtimer_new(w->base, on_limit, &is_over);
    size_t i;

    if (!is_over)
        event_add(limit, &tv);
    while (w->leaving == STAY && !w->done && is_away(w) && !is_over)
        turn(w);
    event_free(limit);
    w->host.is_serving = true;
    for (i = 0; i < w->host.n_plugins; i++) {
        struct plugin *p = w->host.plugin[i];

        if (p->ready != CHATD_READY)
            log_write(p->ready == CHATD_AWAY ? LOG_L_ERROR : LOG_L_WARN, p->name, "%s: %s",
                      p->ready == CHATD_AWAY ? "away" : "degraded", p->ready_text);
    }
}

int worker_start(struct worker *w, int64_t until_ms)
{
    static const struct timeval second = {1, 0};

    crash_watch(&w->host);
    if (life_start(&w->host) < 0)
        return -1;
    w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    event_add(w->tick, &second);
    host_tick(&w->host);
    await_ready(w, until_ms > 0 ? until_ms - clock_mono_ms() : START_WAIT_MS);
    return 0;
}

/* --- alone -------------------------------------------------------------------------------------- */

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)what;
    if (w->leaving != STAY) {
        w->done = true; /* asked twice: at once */
        w->leave_until_ms = 0;
        return;
    }
    log_info("%s: stopping, clients have %lld ms", fd == SIGINT ? "interrupt" : "terminate",
             (long long)w->opt.stop_time / 2);
    notify("STOPPING=1");
    worker_leave(w, LEAVE_STOP, w->opt.stop_time);
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ns() / 1000);
    if (worker_reload(arg, -1, false))
        log_info("reload: done");
    notify("READY=1");
}

static void on_usr2(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    log_warn("roll: one process cannot take its own place: restart it, or set workers in [chatd]");
}

static struct event *on_signal(struct worker *w, int sig, event_callback_fn cb)
{
    struct event *ev = evsignal_new(w->base, sig, cb, w);

    event_add(ev, NULL);
    return ev;
}

static int serve(struct worker *w, int fd, const char *where)
{
    w->term = on_signal(w, SIGTERM, on_stop);
    w->intr = on_signal(w, SIGINT, on_stop);
    w->hup = on_signal(w, SIGHUP, on_hup);
    w->usr2 = on_signal(w, SIGUSR2, on_usr2);
    if (worker_start(w, 0) < 0) {
        close(fd);
        return 1;
    }
    if (w->leaving != STAY) {
        close(fd);
    } else if (http_listen(&w->host.http, 0, fd) < 0) {
        log_error("cannot listen on %s", where);
        return 1;
    }
    log_info("chatd %s listens on http://%s (instance %s)", CHATD_VERSION, where, w->host.instance);
    notify("READY=1\nSTATUS=serves %s in one process", where);
    w->watchdog_ms = notify_watchdog_ms();
    worker_loop(w);
    log_info("stopped");
    return 0;
}

static int settle(struct worker *w, int fd, const char *where)
{
    struct place place;
    int code;

    if (place_take(&place, &w->opt) < 0) {
        close(fd);
        return 1;
    }
    code = serve(w, fd, where);
    place_leave(&place);
    return code;
}

int worker_run(struct worker *w)
{
    char *error = NULL, *where = NULL;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    /* What the signal events give back at the end: a second SIGTERM must not cut the stop short. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    fd = address_listen(w->opt.listen, &w->lock, &where, &error);
    if (fd < 0)
        log_error("%s", error);
    w->code = fd < 0 ? 1 : settle(w, fd, where);
    if (fd >= 0)
        close(w->lock);
    mem_free(where);
    mem_free(error);
    return w->code;
}

/* --- end ---------------------------------------------------------------------------------------- */

void worker_deinit(struct worker *w)
{
    struct event *const events[] = {w->tick, w->term,           w->intr,      w->hup,
                                    w->usr2, w->leave_deadline, w->leave_step};
    int64_t left_ms;
    size_t i;

    life_stop(&w->host);
    net_flush(&w->host.net);
    link_flush(w); /* what the plugins published last */
    /* What a thread works with cannot be freed under it. */
    left_ms = w->leaving == STAY ? w->opt.stop_time / 2 : w->leave_until_ms - clock_mono_ms();
    if (!job_idle(&w->host, left_ms > 0 ? left_ms : 0)) {
        log_warn("a job of %s did not return within %lld ms (stop_time): ending without it",
                 job_busy(&w->host), (long long)w->opt.stop_time);
        log_end();
        _exit(w->code);
    }
    for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    memset(&w->host.uplink, 0, sizeof(w->host.uplink));
    host_deinit(&w->host);
    link_free(w);
    event_base_free(w->base);
    mem_free(w->plugin_dir);
    while (w->n_configs > 0)
        config_free(w->configs[--w->n_configs]);
    mem_free(w->configs);
}
