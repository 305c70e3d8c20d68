/* SPDX-License-Identifier: MIT */
/* Worker processes: started, told what to do, heard, ended. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/control.h"
#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_AFTER_MS = 1000 };

static void arm(struct child *c, int64_t ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    event_add(c->deadline, &tv);
}

/* --- orders ------------------------------------------------------------------------------------- */

int child_order(struct child *c, uint32_t kind, uint32_t a, int64_t ms, int fd)
{
    struct control order = {.kind = kind, .protocol = CONTROL_PROTOCOL, .a = a, .ms = ms};
    int rc = control_send(c->control, &order, &fd, fd >= 0 ? 1 : 0);

    if (rc < 0 && errno == EAGAIN)
        log_warn("worker %u (pid %d) does not take orders", c->slot, (int)c->pid);
    return rc;
}

static void send_signal(const struct child *c, int sig)
{
    if (!c->is_dead)
        kill(c->pid, sig);
}

void child_kill(struct child *c, int sig, enum cause cause)
{
    if (c->cause == CAUSE_OWN)
        c->cause = cause;
    send_signal(c, sig);
    if (sig != SIGKILL)
        arm(c, KILL_AFTER_MS); /* in case that does not end it */
}

/* Whatever wrote that has damaged its memory; and its clients would see neither others' messages nor be seen. */
void child_bus_broken(struct master *m, const struct relay_member *bus)
{
    struct child *c;

    for (c = m->children; c != NULL; c = c->next) {
        if (c->bus == bus)
            child_kill(c, SIGABRT, CAUSE_BUS);
    }
}

void child_leave(struct child *c, uint32_t how, int64_t ms)
{
    c->state = CHILD_LEAVING;
    if (c->bus == NULL) { /* it does not even know where it sits */
        c->cause = CAUSE_CALLED_OFF;
        send_signal(c, SIGKILL);
    }
    if (c->bus != NULL && !c->is_dead && child_order(c, CONTROL_DRAIN, how, ms, -1) < 0)
        send_signal(c, SIGTERM);
    /* A stop is over after `ms`; a roll's clients have so long, and some time to answer. */
    arm(c, how == DRAIN_ROLL ? ms + c->master->opt.close_timeout + c->master->opt.stop_time : ms);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;

    (void)fd;
    (void)what;
    if (c->cause == CAUSE_OWN && c->state == CHILD_LEAVING) {
        if (c->master->phase != PHASE_STOP) /* at a stop that is the promise, not news */
            log_warn("worker %u (pid %d) has not left in time: killed", c->slot, (int)c->pid);
        child_kill(c, SIGKILL, CAUSE_TOO_LONG);
    } else if (c->cause == CAUSE_OWN) {
        child_kill(c, SIGKILL, CAUSE_NOT_READY);
    } else {
        send_signal(c, SIGKILL);
    }
}

/* --- what it says ------------------------------------------------------------------------------- */

static void give_seat(struct child *c)
{
    struct master *m = c->master;
    struct control start = {.kind = CONTROL_START,
                            .ms = c->started_ms,
                            .protocol = CONTROL_PROTOCOL,
                            .pid = (uint32_t)getpid(),
                            .slot = c->slot,
                            .n_slots = m->n_slots,
                            .seat = c->seat,
                            .flags = m->slot[c->slot].next == c ? CONTROL_AWAIT_STORE : 0};
    int copy = m->slot[c->slot].next == c ? m->roll.copy : m->copy;
    int bus[2], fds[CONTROL_FDS];

    snprintf(start.text, sizeof(start.text), "%s %s", m->instance,
             m->slot[c->slot].next == c ? "" : m->left_out); /* a roll tries all */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, bus) < 0) {
        log_error("cannot make a socket pair: %s", strerror(errno));
        child_kill(c, SIGKILL, CAUSE_NOT_READY);
        return;
    }
    fds[0] = bus[1];
    fds[1] = board_fd(m->board);
    fds[2] = m->slot[c->slot].listener;
    fds[3] = copy;
    if (control_send(c->control, &start, fds, copy >= 0 ? CONTROL_FDS : CONTROL_FDS - 1) < 0)
        log_error("cannot give worker %u its seat: %s", c->slot, strerror(errno));
    close(bus[1]);
    c->bus = relay_join(m, bus[0]);
}

static void greet(struct child *c, const struct control *m)
{
    if (c->bus != NULL)
        return; /* once is enough */
    if (m->protocol == CONTROL_PROTOCOL) {
        give_seat(c);
        return;
    }
    snprintf(c->away, sizeof(c->away),
             "%s is chatd %.32s and speaks protocol %u, this master %u: a restart takes both",
             c->master->program, m->text, m->protocol, (unsigned)CONTROL_PROTOCOL);
    child_kill(c, SIGKILL, CAUSE_REFUSED);
}

static void ready(struct child *c, const struct control *m)
{
    if (c->state != CHILD_STARTING)
        return;
    c->state = CHILD_READY;
    c->is_away = m->a != 0;
    snprintf(c->away, sizeof(c->away), "%.255s", m->text);
    event_del(c->deadline);
    slot_ready(c);
}

static void hear(struct child *c, const struct control *m)
{
    switch (m->kind) {
    case CONTROL_HELLO:
        greet(c, m);
        break;
    case CONTROL_READY:
        ready(c, m);
        break;
    case CONTROL_SERVING:
        if (c->state == CHILD_READY) {
            c->state = CHILD_SERVING;
            slot_serving(c);
        }
        break;
    case CONTROL_RELOADED:
        reload_answered(c);
        break;
    default:
        log_warn("worker %u (pid %d) says %u, which is nothing", c->slot, (int)c->pid, m->kind);
        break;
    }
}

/* A worker's nonsense ends the conversation, not the master. */
static void on_control(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;
    struct control m;
    int fds[CONTROL_FDS], rc, i;

    (void)what;
    while ((rc = control_recv((int)fd, &m, fds)) == 1) {
        for (i = 0; i < CONTROL_FDS; i++) {
            if (fds[i] >= 0)
                close(fds[i]);
        }
        hear(c, &m);
    }
    if (rc < 0)
        event_del(c->control_event); /* it dies, or has died */
}

/* --- life --------------------------------------------------------------------------------------- */

struct child *child_start(struct master *m, unsigned slot, bool is_next)
{
    struct child *c;
    unsigned seat;
    int fd;
    pid_t pid;

    seat = board_take_seat(m->board, ++m->generation);
    if (seat == BOARD_NO_SEAT) {
        log_error("no seat is free for worker %u: old workers have not left yet", slot);
        return NULL;
    }
    pid = program_worker(m, &fd);
    if (pid < 0) {
        board_retire(m->board, seat);
        return NULL;
    }
    c = mem_alloc(sizeof(*c));
    c->master = m;
    c->pid = pid;
    c->slot = slot;
    c->seat = seat;
    c->control = fd;
    c->started_ms = clock_mono_ms();
    c->next = m->children;
    m->children = c;
    if (is_next)
        m->slot[slot].next = c;
    else
        m->slot[slot].current = c;
    evutil_make_socket_nonblocking(fd);
    c->control_event = event_new(m->base, fd, EV_READ | EV_PERSIST, on_control, c);
    event_add(c->control_event, NULL);
    c->deadline = evtimer_new(m->base, on_deadline, c);
    arm(c, is_next ? m->roll.opt.start_time : m->opt.start_time);
    return c;
}

void child_free(struct child *c)
{
    struct child **at;

    for (at = &c->master->children; *at != c; at = &(*at)->next)
        continue;
    *at = c->next;
    event_free(c->control_event);
    event_free(c->deadline);
    close(c->control);
    if (c->bus != NULL)
        relay_leave(c->master, c->bus);
    mem_free(c);
}

/* What it said last may still lie in its socket: READY or SERVING just before a crash change nothing. */
void child_reap(struct master *m, pid_t pid, int status)
{
    struct child *c;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

    for (c = m->children; c != NULL && c->pid != pid; c = c->next)
        continue;
    if (c == NULL)
        return;
    log_debug("worker %u (pid %d) has ended: %d", c->slot, (int)pid, code);
    c->is_dead = true;
    reload_answered(c);
    slot_lost(c, status);
    board_retire(m->board, c->seat);
    slot_publish(m);
    child_free(c);
    roll_progress(m);
    if (m->phase == PHASE_STOP && m->children == NULL)
        master_end(m, m->code);
}
