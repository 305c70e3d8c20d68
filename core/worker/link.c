/* SPDX-License-Identifier: MIT */
/* The worker that a master started: takes its seat, obeys, and carries the bus. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secrecy.h"
#include "board/board.h"
#include "link/control.h"
#include "link/pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONTROL_FD = 3 };

struct worker_link {
    struct event *control;
    struct pipe *bus;
    int listener; /* until LISTEN; then the HTTP server's */
    unsigned slot;
};

/* --- the bus ------------------------------------------------------------------------------------ */

static bool put(struct worker *w, int kind, chatd_str topic, chatd_str data)
{
    return w->link->bus != NULL && pipe_put(w->link->bus, &(struct pipe_frame){.kind = kind,
                                                                               .topic = topic.p,
                                                                               .topic_n = topic.n,
                                                                               .data = data.p,
                                                                               .data_n = data.n});
}

static bool up_publish(void *arg, chatd_str topic, chatd_str data)
{
    return put(arg, PIPE_PUBLISH, topic, data);
}

static void up_subscribe(void *arg, chatd_str topic)
{
    put(arg, PIPE_SUBSCRIBE, topic, CHATD_STR(""));
}

static void up_unsubscribe(void *arg, chatd_str topic)
{
    put(arg, PIPE_UNSUBSCRIBE, topic, CHATD_STR(""));
}

static void on_frame(void *arg, const struct pipe_frame *f)
{
    struct worker *w = arg;

    if (f->kind == PIPE_PUBLISH || f->kind == PIPE_LOST)
        bus_receive(&w->host, (chatd_str){f->topic, f->topic_n}, (chatd_str){f->data, f->data_n},
                    f->kind == PIPE_LOST);
}

/* The master is gone: nobody listens for this worker any more, nor starts another. */
static void abandoned(struct worker *w)
{
    if (w->leaving != LEAVE_STOP)
        log_warn("the master is gone: leaving, clients have %lld ms",
                 (long long)w->opt.stop_time / 2);
    worker_leave(w, LEAVE_STOP, w->opt.stop_time);
}

static void on_bus_ended(void *arg)
{
    struct worker *w = arg;

    pipe_free(w->link->bus);
    w->link->bus = NULL;
    abandoned(w);
}

void link_flush(struct worker *w)
{
    if (w->link != NULL && w->link->bus != NULL)
        pipe_flush(w->link->bus);
}

/* --- orders ------------------------------------------------------------------------------------- */

static void tell(uint32_t kind, uint32_t a, const char *text)
{
    struct control m = {
        .kind = kind, .protocol = CONTROL_PROTOCOL, .a = a, .pid = (uint32_t)getpid()};

    strncpy(m.text, text, sizeof(m.text) - 1);
    control_send(CONTROL_FD, &m, NULL, 0);
}

static void listen_on(struct worker *w, unsigned slot, int fd)
{
    if (w->leaving != STAY || http_listen(&w->host.http, slot, fd) < 0)
        close(fd);
}

static void obey(struct worker *w, const struct control *m, int *fds)
{
    struct worker_link *l = w->link;

    switch (m->kind) {
    case CONTROL_LISTEN:
        listen_on(w, l->slot, l->listener);
        l->listener = -1;
        tell(CONTROL_SERVING, 0, "");
        break;
    case CONTROL_LEND:
        if (fds[0] >= 0)
            listen_on(w, m->a, fds[0]);
        fds[0] = -1;
        break;
    case CONTROL_TAKE_BACK:
        http_unlisten(&w->host.http, m->a);
        break;
    case CONTROL_RELOAD:
        tell(CONTROL_RELOADED, worker_reload(w, fds[0], m->a == 0), "");
        break;
    case CONTROL_DRAIN:
        worker_leave(w, m->a == DRAIN_ROLL ? LEAVE_ROLL : LEAVE_STOP, m->ms);
        break;
    default:
        log_error("the master says %u, which this worker does not know", m->kind);
        break;
    }
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    struct control m;
    int fds[CONTROL_FDS], rc, i;

    (void)what;
    while ((rc = control_recv((int)fd, &m, fds)) == 1) {
        obey(w, &m, fds);
        for (i = 0; i < CONTROL_FDS; i++) {
            if (fds[i] >= 0)
                close(fds[i]);
        }
    }
    if (rc < 0) {
        event_del(w->link->control);
        abandoned(w);
    }
}

/* A person who ends one worker wants it renewed: its clients come back elsewhere. */
static void on_term(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    if (w->leaving == STAY)
        log_info("terminate: this worker leaves, clients have %lld ms",
                 (long long)w->opt.stop_time / 2);
    worker_leave(w, LEAVE_STOP, w->opt.stop_time);
}

/* --- life --------------------------------------------------------------------------------------- */

/* Blocks: there is nothing else to do before it knows where it sits. */
static int take_seat(struct control *start, int *fds)
{
    int rc;

    tell(CONTROL_HELLO, 0, CHATD_VERSION);
    do
        rc = control_recv(CONTROL_FD, start, fds);
    while (rc == 1 && start->kind != CONTROL_START);
    return rc == 1 && fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0 ? 0 : -1;
}

static const struct plugin *first_away(const struct worker *w)
{
    size_t i;

    for (i = 0; i < w->host.n_plugins; i++) {
        if (w->host.plugin[i]->ready == CHATD_AWAY)
            return w->host.plugin[i];
    }
    return NULL;
}

static void tell_ready(const struct worker *w)
{
    const struct plugin *away = first_away(w);
    char *text;

    text =
        away != NULL ? mem_printf("%s is away: %s", away->name, away->ready_text) : mem_strdup("");
    tell(CONTROL_READY, away != NULL, text);
    mem_free(text);
}

static void link_open(struct worker *w, const struct control *start, const int *fds)
{
    struct worker_link *l = mem_alloc(sizeof(*l));
    const struct pipe_calls calls = {.frame = on_frame, .ended = on_bus_ended, .arg = w};

    w->link = l;
    l->slot = start->slot;
    l->listener = fds[2];
    l->bus = pipe_new(w->base, fds[0], (size_t)w->opt.bus_queue, &calls);
    l->control = event_new(w->base, CONTROL_FD, EV_READ | EV_PERSIST, on_control, w);
    evutil_make_socket_nonblocking(CONTROL_FD);
    event_add(l->control, NULL);
    w->host.uplink = (struct bus_uplink){
        .publish = up_publish, .subscribe = up_subscribe, .unsubscribe = up_unsubscribe, .arg = w};
    w->term = evsignal_new(w->base, SIGTERM, on_term, w);
    event_add(w->term, NULL);
}

void link_free(struct worker *w)
{
    struct worker_link *l = w->link;

    if (l == NULL)
        return;
    event_free(l->control);
    pipe_free(l->bus);
    if (l->listener >= 0)
        close(l->listener);
    mem_free(l);
    w->link = NULL;
}

static int serve(struct worker *w, const struct control *start)
{
    bool patient = (start->flags & CONTROL_AWAIT_STORE) != 0;
    int64_t since_ms = start->ms > 0 ? start->ms : clock_mono_ms();

    /* A tenth of what the master allows is time to say what it waited for. */
    if (worker_start(w, patient ? since_ms + w->opt.start_time / 10 * 9 : 0) < 0)
        return 1;
    tell_ready(w);
    worker_loop(w);
    return 0;
}

/* The signals of a terminal go to the whole group: they are the master's to act on. */
static void mute_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* what the signal event gives back at the end */
}

/* The checking child has told the warnings, once for all workers. */
static void report_errors(void *arg, int severity, const char *text)
{
    if (severity == CONFIG_ERROR)
        worker_log_report(arg, severity, text);
}

static int run(const char *file, struct control *start, const int *fds)
{
    struct config_report rep = {.line = report_errors};
    struct config *config = fds[3] >= 0 ? config_load_copy(file, fds[3], environ, &rep)
                                        : config_load(file, environ, &rep);
    char *left_out = strchr(start->text, ' ');
    struct worker_seat seat = {.seat = start->seat,
                               .instance = start->text,
                               .left_out = left_out != NULL ? left_out + 1 : NULL,
                               .server_pid = start->pid,
                               .has_master = true};
    struct core_options opt;
    struct worker w;

    if (left_out != NULL)
        *left_out = '\0';
    core_options_read(config, &opt, &rep);
    secrecy_cores(opt.core_dumps);
    log_setup(opt.log_format == 1, (enum log_level)opt.log_level);
    log_set_worker((int)start->slot);
    seat.board = board_attach(fds[1], start->seat);
    close(fds[1]);
    if (fds[3] >= 0)
        close(fds[3]);
    if (seat.board == NULL) {
        log_error("the master's board is of another layout: not started");
        return 1;
    }
    if (worker_init(&w, config, &opt, &seat, &rep) < 0 || rep.errors > 0) {
        w.code = 1;
        log_error("not started: %u mistake%s", rep.errors, rep.errors == 1 ? "" : "s");
    } else {
        link_open(&w, start, fds);
        w.code = serve(&w, start);
    }
    worker_deinit(&w);
    board_free(seat.board);
    config_free(config);
    log_end();
    return w.code;
}

int worker_main(const char *file)
{
    struct control start;
    int fds[CONTROL_FDS];

    mute_signals();
    fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
    if (take_seat(&start, fds) < 0)
        return 1;
    return run(file, &start, fds);
}
