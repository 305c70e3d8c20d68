/* SPDX-License-Identifier: MIT */
/*
 * A roll: new workers, of what program, plugins and configuration are there now, take the place of the
 * old ones.
 *
 *     CHECK   a child looks at the configuration and the plugins
 *     START   each slot gets its next worker, which waits until its plugins are ready
 *     HAND    all are ready: each accepts, and the old one of its slot is told to go
 *     LEAVE   the old ones have sent their clients over, one after the other
 *
 * Until all are ready it can be called off, and nothing has happened.
 */
#include "base/log.h"
#include "base/mem.h"
#include "link/control.h"
#include "master/master.h"
#include "worker/notify.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool roll_is_on(const struct master *m)
{
    return m->roll.stage != ROLL_NONE;
}

static void end(struct master *m)
{
    m->roll.stage = ROLL_NONE;
    if (m->roll.copy >= 0)
        close(m->roll.copy);
    m->roll.copy = -1;
    config_free(m->roll.config);
    m->roll.config = NULL;
    notify("STATUS=%u workers serve %s", m->n_slots, m->where);
}

static void call_off(struct master *m, const char *why)
{
    unsigned i;

    log_error("roll: called off: %s; the old workers go on", why);
    for (i = 0; i < m->n_places; i++) {
        struct child *c = m->slot[i].next;

        m->slot[i].next = NULL;
        if (c == NULL)
            continue;
        c->state = CHILD_LEAVING;
        child_kill(c, SIGTERM, CAUSE_CALLED_OFF);
    }
    end(m);
    slot_refill(m); /* those that died meanwhile */
}

/* --- CHECK -------------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void tell_restart(const char *key, const char *old, const char *fresh)
{
    if (!same(old, fresh))
        log_warn("roll: [chatd] %s needs a restart", key);
}

/* False: called off. */
static bool read_config(struct master *m)
{
    struct config_report quiet = {0};
    struct roll *r = &m->roll;

    r->config = r->copy >= 0 ? config_load_copy(m->file, r->copy, environ, &quiet)
                             : config_load(m->file, environ, &quiet);
    core_options_read(r->config, &r->opt, &quiet);
    if (quiet.errors > 0 || r->opt.workers == 0) {
        call_off(m, quiet.errors > 0 ? "the configuration changed while it was checked"
                                     : "workers = 0 needs a restart");
        return false;
    }
    tell_restart("listen", m->boot.listen, r->opt.listen);
    tell_restart("user", m->boot.user, r->opt.user);
    tell_restart("runtime_dir", m->boot.runtime_dir, r->opt.runtime_dir);
    r->n_slots = r->opt.workers == CORE_WORKERS_AUTO ? cpus_available() : (unsigned)r->opt.workers;
    return true;
}

static void checked(struct master *m, unsigned mistakes)
{
    unsigned i;
    char why[96];

    if (mistakes > 0) {
        snprintf(why, sizeof(why), "%u mistake%s", mistakes, mistakes == 1 ? "" : "s");
        call_off(m, mistakes < CHECK_CRASHED ? why : "the check failed");
        return;
    }
    if (!read_config(m))
        return;
    m->roll.stage = ROLL_START;
    for (i = 0; i < m->roll.n_slots; i++) {
        if ((i >= m->n_places && !slot_extend(m)) || child_start(m, i, true) == NULL) {
            call_off(m, "a new worker cannot be started");
            return;
        }
    }
}

void roll_begin(struct master *m)
{
    if (m->phase != PHASE_RUN || roll_is_on(m) || m->check_pid != 0) {
        log_warn("roll: not now, %s", m->phase == PHASE_START ? "the server starts"
                                      : roll_is_on(m)         ? "one is under way"
                                                              : "a reload is under way");
        return;
    }
    log_info("roll: begins");
    notify("STATUS=rolling");
    m->roll.stage = ROLL_CHECK;
    m->roll.copy = m->file != NULL ? config_copy(m->file) : -1;
    check_start(m, m->roll.copy, checked);
}

/* --- START -------------------------------------------------------------------------------------- */

static void hand_over(struct master *m)
{
    struct config *old = m->config;
    struct core_options fresh = m->roll.opt;
    int old_copy = m->copy;
    unsigned i;

    m->roll.stage = ROLL_HAND;
    blame_forget(m);
    if (m->roll.n_slots > m->n_slots)
        m->n_slots = m->roll.n_slots;
    /* What the master itself lives by stays; the strings go with their configuration. */
    m->config = m->roll.config;
    m->roll.config = old;
    m->copy = m->roll.copy;
    m->roll.copy = old_copy;
    m->opt = fresh;
    log_setup(m->opt.log_format == 1, (enum log_level)m->opt.log_level);
    for (i = 0; i < m->roll.n_slots; i++) {
        if (m->slot[i].next != NULL)
            slot_listen(m->slot[i].next);
    }
}

void roll_ready(struct child *c)
{
    struct master *m = c->master;
    char why[320];
    unsigned i;

    if (m->roll.stage != ROLL_START)
        return;
    if (c->is_away) {
        snprintf(why, sizeof(why), "new worker %u: %s", c->slot, c->away);
        call_off(m, why);
        return;
    }
    for (i = 0; i < m->roll.n_slots; i++) {
        if (m->slot[i].next == NULL || m->slot[i].next->state != CHILD_READY)
            return;
    }
    hand_over(m);
}

void roll_lost(struct child *c)
{
    struct master *m = c->master;
    char why[320];

    if (m->roll.stage == ROLL_START) {
        snprintf(why, sizeof(why), "%s%s%s",
                 c->cause == CAUSE_NOT_READY && c->away[0] == '\0'
                     ? "a new worker was not ready within start_time"
                     : "a new worker did not start",
                 c->away[0] != '\0' ? ": " : "", c->away);
        call_off(m, why);
        return;
    }
    /* Too late to go back: the old one goes all the same, and the slot gets another new one. */
    slot_leave(m, c->slot, false);
    slot_refill(m);
}

/* --- HAND and LEAVE ----------------------------------------------------------------------------- */

static bool all_handed(const struct master *m)
{
    unsigned i;

    for (i = 0; i < m->roll.n_slots; i++) {
        if (m->slot[i].next != NULL)
            return false;
    }
    return true;
}

static bool somebody_leaves(const struct master *m)
{
    const struct child *c;

    for (c = m->children; c != NULL; c = c->next) {
        if (c->state == CHILD_LEAVING)
            return true;
    }
    return false;
}

void roll_progress(struct master *m)
{
    unsigned i;

    if (m->phase == PHASE_STOP)
        return;
    if (m->roll.stage == ROLL_HAND && all_handed(m)) {
        for (i = m->roll.n_slots; i < m->n_slots; i++)
            slot_leave(m, i, true);
        m->n_slots = m->roll.n_slots;
        m->roll.stage = ROLL_LEAVE;
        slot_publish(m);
        log_info("roll: new workers serve, the old ones have %lld s (roll_time)",
                 (long long)m->opt.roll_time / 1000);
    }
    if (m->roll.stage == ROLL_LEAVE && !somebody_leaves(m)) {
        log_info("roll: done");
        end(m);
    }
}
