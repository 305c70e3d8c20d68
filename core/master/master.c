/* SPDX-License-Identifier: MIT */
/* The master's own life: start, signals, stop. */
#include "master/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "link/control.h"
#include "net/address.h"
#include "net/descriptors.h"
#include "worker/notify.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 250, STALL_MS = 2000 };

/* --- stop --------------------------------------------------------------------------------------- */

void master_end(struct master *m, int code)
{
    m->code = code;
    event_base_loopbreak(m->base);
    m->is_over = true;
}

static void leave(struct master *m)
{
    struct child *c;

    m->phase = PHASE_STOP;
    notify("STOPPING=1");
    slot_publish(m);
    slot_clear(m);
    close(m->lock); /* the address is somebody else's from here on */
    m->lock = -1;
    for (c = m->children; c != NULL; c = c->next)
        child_leave(c, DRAIN_STOP, m->opt.stop_time);
    if (m->check_pid != 0)
        kill(m->check_pid, SIGKILL);
    if (m->children == NULL)
        master_end(m, m->code);
}

void master_fail(struct master *m)
{
    if (m->phase == PHASE_STOP)
        return;
    m->code = 1;
    leave(m);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
    struct master *m = arg;
    struct child *c;

    (void)what;
    if (m->phase == PHASE_STOP) { /* asked twice: at once */
        for (c = m->children; c != NULL; c = c->next)
            child_kill(c, SIGKILL, CAUSE_TOO_LONG);
        master_end(m, m->code);
        return;
    }
    log_info("%s: stopping, clients have %lld ms", sig == SIGINT ? "interrupt" : "terminate",
             (long long)m->opt.stop_time / 2);
    leave(m);
}

/* --- signals ------------------------------------------------------------------------------------ */

static void on_hup(evutil_socket_t sig, short what, void *arg)
{
    (void)sig;
    (void)what;
    reload_begin(arg);
}

static void on_usr2(evutil_socket_t sig, short what, void *arg)
{
    (void)sig;
    (void)what;
    roll_begin(arg);
}

/* As process 1 of a container it also ends what others have left. */
static void on_child(evutil_socket_t sig, short what, void *arg)
{
    struct master *m = arg;
    int status;
    pid_t pid;

    (void)sig;
    (void)what;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == m->check_pid)
            check_ended(m, status);
        else
            child_reap(m, pid, status);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct master *m = arg;
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    /* The machine stood still, or all of us were stopped: nobody could have been in time. */
    if (now - m->ticked_ms > STALL_MS)
        m->calm_from_ms = now + m->opt.hang_limit;
    m->ticked_ms = now;
    if (m->phase != PHASE_STOP)
        blame_hangs(m);
    slot_lend_all(m); /* what a worker could not be told before */
    if (m->watchdog_ms > 0 && now - m->watched_ms >= m->watchdog_ms / 3) {
        m->watched_ms = now;
        notify("WATCHDOG=1");
    }
    log_flush();
}

static void watch_signals(struct master *m)
{
    static const struct {
        int sig;
        event_callback_fn cb;
    } row[] = {{SIGTERM, on_stop},
               {SIGINT, on_stop},
               {SIGHUP, on_hup},
               {SIGUSR2, on_usr2},
               {SIGCHLD, on_child}};
    struct timeval every = {0, TICK_MS * 1000L};
    size_t i;

    signal(SIGPIPE, SIG_IGN);
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        m->signals[i] = evsignal_new(m->base, row[i].sig, row[i].cb, m);
        event_add(m->signals[i], NULL);
    }
    m->ticked_ms = clock_mono_ms();
    m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
    event_add(m->tick, &every);
}

/* --- start -------------------------------------------------------------------------------------- */

void master_started(struct master *m)
{
    m->phase = PHASE_RUN;
    log_info("chatd %s listens on http://%s (instance %s, %u worker%s, pid %d)", CHATD_VERSION,
             m->where, m->instance, m->n_slots, m->n_slots == 1 ? "" : "s", (int)getpid());
    notify("READY=1\nSTATUS=%u worker%s serve%s %s", m->n_slots, m->n_slots == 1 ? "" : "s",
           m->n_slots == 1 ? "s" : "", m->where);
}

/* Before anything is bound or made: what is wrong with the configuration. */
static bool check_first(struct master *m)
{
    pid_t pid = program_check(m, m->copy);
    unsigned mistakes;
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return false;
    mistakes = check_result(status);
    if (mistakes > 0 && mistakes < CHECK_CRASHED)
        log_error("not started: %u mistake%s in %s; chatd --check shows them all", mistakes,
                  mistakes == 1 ? "" : "s", m->file != NULL ? m->file : "the environment");
    else if (mistakes > 0)
        log_error("not started: the check of %s failed",
                  m->file != NULL ? m->file : "the configuration");
    return mistakes == 0;
}

static bool bind_all(struct master *m)
{
    int fd[BOARD_SLOTS_MAX];
    char *error = NULL;
    unsigned i;

    m->n_slots = m->opt.workers == CORE_WORKERS_AUTO ? cpus_available() : (unsigned)m->opt.workers;
    if (address_bind(m->opt.listen, m->n_slots, fd, &m->lock, &m->where, &error) < 0) {
        log_error("%s", error);
        mem_free(error);
        return false;
    }
    for (i = 0; i < m->n_slots; i++)
        m->slot[i] = (struct slot){.master = m, .index = i, .listener = fd[i]};
    m->n_places = m->n_slots;
    return true;
}

static void loop(struct master *m)
{
    m->base = event_base_new();
    m->board = board_new(2 * BOARD_SLOTS_MAX, true);
    m->watchdog_ms = notify_watchdog_ms();
    relay_init(m);
    slot_publish(m);
    watch_signals(m);
    slot_fill(m, 0);
    while (!m->is_over && event_base_loop(m->base, EVLOOP_ONCE) >= 0)
        relay_flush(m);
}

static void clean_up(struct master *m)
{
    size_t i;

    slot_clear(m);
    while (m->children != NULL) {
        kill(m->children->pid, SIGKILL);
        waitpid(m->children->pid, NULL, 0);
        child_free(m->children);
    }
    relay_deinit(m);
    for (i = 0; i < sizeof(m->signals) / sizeof(m->signals[0]); i++)
        event_free(m->signals[i]);
    event_free(m->tick);
    if (m->reload_deadline != NULL)
        event_free(m->reload_deadline);
    event_base_free(m->base);
    board_free(m->board);
}

static void close_all(const struct master *m)
{
    const int fds[] = {m->copy, m->reload_copy, m->roll.copy, m->lock};
    size_t i;

    for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

static char *copy_text(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static void boot_init(struct boot *b, const struct core_options *opt)
{
    b->listen = copy_text(opt->listen);
    b->user = copy_text(opt->user);
    b->runtime_dir = copy_text(opt->runtime_dir);
}

static void boot_deinit(struct boot *b)
{
    mem_free(b->listen);
    mem_free(b->user);
    mem_free(b->runtime_dir);
}

int master_run(const char *file, const char *program, struct config *config,
               const struct core_options *opt)
{
    struct master *m = mem_alloc(sizeof(*m));
    int code = 1;

    m->file = file;
    /* Their own handlers come with the loop: until then they must not end it. */
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    m->program = program_path(program);
    m->config = config;
    m->opt = *opt;
    m->copy = file != NULL ? config_copy(file) : -1;
    m->reload_copy = m->roll.copy = m->lock = -1;
    boot_init(&m->boot, opt);
    snprintf(m->instance, sizeof(m->instance), "%016llx", (unsigned long long)rng_u64());
    if (check_first(m) && bind_all(m)) {
        descriptors_raise(opt->max_connections, opt->max_http_connections);
        if (place_take(&m->place, opt) == 0) {
            loop(m);
            clean_up(m);
            place_leave(&m->place);
            code = m->code;
            if (code == 0)
                log_info("stopped");
        }
        slot_clear(m);
    }
    close_all(m);
    boot_deinit(&m->boot);
    config_free(m->config);
    config_free(m->roll.config);
    mem_free(m->where);
    mem_free(m->program);
    mem_free(m);
    return code;
}
