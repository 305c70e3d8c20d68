/* SPDX-License-Identifier: MIT */
/* The checking child, and a new configuration for the workers that run. */
#include "base/clock.h"
#include "base/log.h"
#include "link/control.h"
#include "master/master.h"
#include "worker/notify.h"

#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MS = 10000 };

/* --- the check ---------------------------------------------------------------------------------- */

void check_start(struct master *m, int copy, void (*done)(struct master *m, unsigned mistakes))
{
    pid_t pid = program_check(m, copy);

    if (pid < 0) {
        done(m, CHECK_CRASHED);
        return;
    }
    m->check_pid = pid;
    m->check_done = done;
}

unsigned check_result(int status)
{
    return WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : CHECK_CRASHED;
}

void check_ended(struct master *m, int status)
{
    m->check_pid = 0;
    if (m->phase != PHASE_STOP)
        m->check_done(m, check_result(status));
}

/* --- reload ------------------------------------------------------------------------------------- */

static void done(struct master *m)
{
    if (m->reload_copy >= 0)
        close(m->reload_copy);
    m->reload_copy = -1;
    notify("READY=1");
    event_del(m->reload_deadline);
}

/* The master's own; a worker tells in the log what has changed. */
static void apply_own(struct master *m)
{
    struct config_report quiet = {0};
    struct config *config = m->copy >= 0 ? config_load_copy(m->file, m->copy, environ, &quiet)
                                         : config_load(m->file, environ, &quiet);
    struct core_options fresh;

    core_options_read(config, &fresh, &quiet);
    if (quiet.errors == 0) {
        m->opt.log_format = fresh.log_format;
        m->opt.log_level = fresh.log_level;
        m->opt.hang_limit = fresh.hang_limit;
        m->opt.roll_time = fresh.roll_time;
        log_setup(m->opt.log_format == 1, (enum log_level)m->opt.log_level);
    }
    config_free(config);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct master *m = arg;

    (void)fd;
    (void)what;
    log_warn("reload: %u worker%s not answered within %d s", m->reloads_owed,
             m->reloads_owed == 1 ? " has" : "s have", ANSWER_MS / 1000);
    m->reloads_owed = 0;
    done(m);
}

static void checked(struct master *m, unsigned mistakes)
{
    struct timeval tv = {ANSWER_MS / 1000, 0};
    struct child *c;

    if (m->reload_deadline == NULL)
        m->reload_deadline = evtimer_new(m->base, on_deadline, m);
    if (mistakes > 0) {
        if (mistakes < CHECK_CRASHED)
            log_error("reload: %u mistake%s, nothing has changed", mistakes,
                      mistakes == 1 ? "" : "s");
        else
            log_error("reload: the check failed, nothing has changed");
        done(m);
        return;
    }
    if (m->reload_copy >= 0) {
        if (m->copy >= 0)
            close(m->copy);
        m->copy = m->reload_copy;
        m->reload_copy = -1;
    }
    apply_own(m);
    for (c = m->children; c != NULL; c = c->next) {
        bool serves = c->state == CHILD_SERVING;

        /* One without a seat gets the new copy with it; one that starts reads the order when it can. */
        if (c->state == CHILD_LEAVING || c->bus == NULL)
            continue;
        if (child_order(c, CONTROL_RELOAD, serves && m->reloads_owed == 0, 0, m->copy) == 0 &&
            serves) {
            c->owes_reload = true;
            m->reloads_owed++;
        }
    }
    event_add(m->reload_deadline, &tv);
    if (m->reloads_owed > 0)
        return;
    log_info("reload: done");
    done(m);
}

void reload_answered(struct child *c)
{
    struct master *m = c->master;

    if (!c->owes_reload)
        return;
    c->owes_reload = false;
    if (m->reloads_owed == 0 || --m->reloads_owed > 0)
        return;
    log_info("reload: done");
    done(m);
}

void reload_begin(struct master *m)
{
    if (m->phase != PHASE_RUN || roll_is_on(m) || m->check_pid != 0 || m->reloads_owed > 0) {
        log_warn("reload: not now, %s", m->phase == PHASE_START ? "the server starts"
                                        : roll_is_on(m)         ? "a roll is under way"
                                                                : "one is under way");
        return;
    }
    log_info("reload: begins"); /* also so that no two ends look like one line repeated */
    notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ns() / 1000);
    m->reload_copy = m->file != NULL ? config_copy(m->file) : -1;
    check_start(m, m->reload_copy, checked);
}
