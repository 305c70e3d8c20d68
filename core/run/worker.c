/* SPDX-License-Identifier: MIT */
/* Builds a worker from its configuration, turns its loop, drains and stops it. */
#include "run/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/load.h"
#include "run/address.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SPARE_DESCRIPTORS = 128, START_WAIT_MS = 1000 };

/* What the table of options cannot say. */
static void complain(struct config *config, const char *key, struct config_report *rep, char *text)
{
    char *line = mem_printf("%s: %s", config_origin(config, "chatd", key), text);

    rep->line(rep->arg, CONFIG_ERROR, line);
    rep->errors++;
    mem_free(line);
    mem_free(text);
}

void worker_options(struct config *config, struct core_options *opt, struct config_report *rep)
{
    static const char *const standard[] = {"auth", "rooms", "history-sqlite", "typing", "static"};
    struct config_item item;
    char *error;
    size_t i;

    config_fill(config, "chatd", core_option_rows, sizeof(core_option_rows[0]), opt, sizeof(*opt),
                rep);
    if (opt->workers != 0)
        complain(config, "workers", rep,
                 mem_printf("[chatd] workers = %lld: this version runs in one process only; write "
                            "workers = 0",
                            (long long)opt->workers));
    if (!address_check(opt->listen, &error))
        complain(config, "listen", rep, error);
    /* Without an INI that says otherwise, everything that needs no other service. */
    if (config_items(config, "plugins", &item, 0) == 0) {
        for (i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
            config_set_default(config, "plugins", standard[i], "on");
    }
}

/* PREFIX/lib/chatd, where PREFIX/bin/chatd is this program. */
static char *default_plugin_dir(void)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    if (n < 0)
        return mem_strdup("lib/chatd");
    exe[n] = '\0';
    return mem_printf("%s/../lib/chatd", dirname(exe));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    host_turn(&w->host);
    host_tick(&w->host);
}

/* --- stopping ----------------------------------------------------------------------------------- */

static void on_drain_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    w->done = true;
}

static void begin_drain(struct worker *w)
{
    struct timeval tv = {w->opt.drain_time / 1000, w->opt.drain_time % 1000 * 1000};
    uint32_t i;

    w->draining = true;
    chatd_ready(&w->host.core.pub, CHATD_AWAY, "stopping");
    http_stop_listening(&w->host.http);
    life_drain(&w->host);
    for (i = 0; i < w->host.net.conns.n_slots; i++) {
        struct conn *c = slab_at(&w->host.net.conns, i);

        if (c != NULL)
            conn_close(c, CHATD_CLOSE_GOING_AWAY, "the server stops");
    }
    event_add(w->drain_deadline, &tv);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)what;
    if (w->draining) {
        w->done = true; /* asked twice: at once */
        return;
    }
    log_info("%s: stopping, clients have %lld ms", fd == SIGINT ? "interrupt" : "terminate",
             (long long)w->opt.drain_time);
    begin_drain(w);
}

/* The kept ones: options of plugins point into each configuration that was ever applied. */
static void keep_config(struct worker *w, struct config *config)
{
    w->configs = mem_realloc(w->configs, (w->n_configs + 1) * sizeof(struct config *));
    w->configs[w->n_configs++] = config;
}

void worker_log_report(void *arg, int severity, const char *text)
{
    static const enum log_level level[] = {LOG_L_INFO, LOG_L_WARN, LOG_L_ERROR};

    (void)arg;
    log_write(level[severity], "config", "%s", text);
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    struct config_report rep = {.line = worker_log_report};
    struct config *fresh = config_load(config_file(w->config), environ, &rep);
    struct core_options opt;

    (void)fd;
    (void)what;
    worker_options(fresh, &opt, &rep);
    if (life_reload(&w->host, fresh, &rep) < 0) {
        log_error("reload: %u mistake%s, nothing has changed", rep.errors,
                  rep.errors == 1 ? "" : "s");
        config_free(fresh);
        return;
    }
    reload_options("chatd", core_option_rows, sizeof(core_option_rows[0]), &w->opt, &opt, false);
    keep_config(w, fresh);
    log_info("reload: done");
}

/* Ends what is left, so that every `closed` is told, and every slot given back, before the plugins
 * stop. */
static void end_connections(struct worker *w)
{
    struct host *h = &w->host;
    uint32_t i;

    for (i = 0; i < h->net.conns.n_slots; i++) {
        struct conn *c = slab_at(&h->net.conns, i);

        if (c != NULL)
            conn_abort(c, CHATD_CLOSE_GOING_AWAY, "the server stops");
    }
    for (i = 0; i < h->http.reqs.n_slots; i++) {
        struct http_req *r = slab_at(&h->http.reqs, i);

        if (r != NULL)
            http_reply_error(r, 503, "unavailable", "The server stops.", 0, NULL, 0);
    }
    net_flush(&h->net);
}

/* --- life --------------------------------------------------------------------------------------- */

static struct event *on_signal(struct worker *w, int sig, event_callback_fn cb)
{
    struct event *ev = evsignal_new(w->base, sig, cb, w);

    event_add(ev, NULL);
    return ev;
}

int worker_init(struct worker *w, struct config *config, const struct core_options *opt,
                char *at_work, struct config_report *rep)
{
    struct event_config *how = event_config_new();
    const struct net_limits limits = {.max_connections = opt->max_connections,
                                      .message_max = opt->message_max,
                                      .queue_soft = opt->queue_soft,
                                      .queue_hard = opt->queue_hard,
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
                                      .reply_timeout_ms = opt->http_timeout,
                                      .max_connections = opt->max_http_connections,
                                      .allowed_origins = opt->allowed_origins};
    const struct host_options host = {.slow_hook_ms = opt->slow_hook,
                                      .job_queue_max = opt->job_queue_max,
                                      .cpu_threads = opt->cpu_threads,
                                      .verb_rate = opt->verb_rate,
                                      .metrics = opt->metrics,
                                      .server = "chatd/" CHATD_VERSION,
                                      .at_work = at_work};

    memset(w, 0, sizeof(*w));
    w->config = config;
    w->opt = *opt;
    /* One thread: no locks. And no changelist: the take-over of sockets relies on epoll forgetting a
     * descriptor at once. */
    event_config_set_flag(how, EVENT_BASE_FLAG_NOLOCK);
    w->base = event_base_new_with_config(how);
    event_config_free(how);
    host_init(&w->host, w->base, config, &limits, &http, &host);
    w->plugin_dir = opt->plugin_dir != NULL ? mem_strdup(opt->plugin_dir) : default_plugin_dir();
    return life_prepare(&w->host, w->plugin_dir, rep) > 0 ? -1 : 0;
}

/* Descriptors are a hard fact: better said now than found out by clients. */
static void raise_descriptor_limit(const struct worker *w)
{
    rlim_t need =
        (rlim_t)(w->opt.max_connections + w->opt.max_http_connections + SPARE_DESCRIPTORS);
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        return;
    if (lim.rlim_cur < need && lim.rlim_cur < lim.rlim_max) {
        lim.rlim_cur = need < lim.rlim_max ? need : lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
    if (lim.rlim_cur < need)
        log_warn("the descriptor limit is %llu; max_connections = %lld and max_http_connections = "
                 "%lld need %llu: raise it (ulimit -n, LimitNOFILE) or lower them",
                 (unsigned long long)lim.rlim_cur, (long long)w->opt.max_connections,
                 (long long)w->opt.max_http_connections, (unsigned long long)need);
}

static void loop(struct worker *w)
{
    while (!w->done) {
        host_turn(&w->host);
        if (event_base_loop(w->base, EVLOOP_ONCE) < 0) {
            log_error("the event loop failed");
            break;
        }
        net_flush(&w->host.net);
        if (w->draining && w->host.net.conns.n_live == 0 && w->host.http.reqs.n_live == 0)
            w->done = true;
    }
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

/* The first client should not meet a store that is a millisecond short of ready. One that stays away
 * does not keep the server from telling so: it listens after START_WAIT_MS all the same. */
static void await_ready(struct worker *w)
{
    int64_t until = clock_mono_ms() + START_WAIT_MS;
    size_t i;

    while (!w->draining && is_away(w) && clock_mono_ms() < until) {
        event_base_loop(w->base, EVLOOP_ONCE);
        net_flush(&w->host.net);
    }
    w->host.is_serving = true;
    for (i = 0; i < w->host.n_plugins; i++) {
        struct plugin *p = w->host.plugin[i];

        if (p->ready != CHATD_READY)
            log_write(p->ready == CHATD_AWAY ? LOG_L_ERROR : LOG_L_WARN, p->name, "%s: %s",
                      p->ready == CHATD_AWAY ? "away" : "degraded", p->ready_text);
    }
}

static int serve(struct worker *w)
{
    static const struct timeval second = {1, 0};
    char *error = NULL, *where = NULL;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    /* What the signal events give back at the end: a second SIGTERM must not cut the stop short. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    raise_descriptor_limit(w);
    fd = address_listen(w->opt.listen, &where, &error);
    if (fd < 0) {
        log_error("%s", error);
        mem_free(error);
        return 1;
    }
    if (life_start(&w->host) < 0) {
        close(fd);
        mem_free(where);
        return 1;
    }
    w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    event_add(w->tick, &second);
    w->drain_deadline = evtimer_new(w->base, on_drain_deadline, w);
    w->term = on_signal(w, SIGTERM, on_stop);
    w->intr = on_signal(w, SIGINT, on_stop);
    w->hup = on_signal(w, SIGHUP, on_hup);
    await_ready(w);
    if (!w->draining && http_listen(&w->host.http, fd) < 0) {
        log_error("cannot listen on %s", where);
        mem_free(where);
        return 1;
    }
    log_info("chatd %s listens on http://%s (instance %s)", CHATD_VERSION, where, w->host.instance);
    mem_free(where);
    loop(w);
    if (!w->draining)
        begin_drain(w);
    end_connections(w);
    log_info("stopped");
    return 0;
}

int worker_run(struct worker *w)
{
    w->code = serve(w);
    return w->code;
}

void worker_deinit(struct worker *w)
{
    struct event *const events[] = {w->tick, w->term, w->intr, w->hup, w->drain_deadline};
    size_t i;

    life_stop(&w->host);
    net_flush(&w->host.net);
    /* What a thread works with cannot be freed under it. */
    if (!job_idle(&w->host, w->opt.drain_time)) {
        log_warn("a plugin's job did not return within %lld ms (drain_time): ending without it",
                 (long long)w->opt.drain_time);
        _exit(w->code);
    }
    for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    host_deinit(&w->host);
    event_base_free(w->base);
    mem_free(w->plugin_dir);
    while (w->n_configs > 0)
        config_free(w->configs[--w->n_configs]);
    mem_free(w->configs);
}
