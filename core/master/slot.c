/* SPDX-License-Identifier: MIT */
/* Who serves in which slot: takes over, is replaced, has its listener lent meanwhile. */
#include "base/clock.h"
#include "base/log.h"
#include "link/control.h"
#include "master/master.h"
#include "net/address.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHORT_LIFE_MS = 1000, GOOD_LIFE_MS = 60000, BACKOFF_MIN_MS = 1000, BACKOFF_MAX_MS = 30000 };

/* --- the board ---------------------------------------------------------------------------------- */

static bool serves(const struct child *c)
{
    return c != NULL && c->state == CHILD_SERVING;
}

static bool accepts(const struct child *c)
{
    return serves(c) && !c->is_stuck;
}

void slot_publish(struct master *m)
{
    struct board_head *head = board_head(m->board);
    int64_t *gauge, n = 0;
    unsigned i;

    board_change_begin(m->board);
    head->n_slots = m->n_slots;
    head->is_stopping = m->phase == PHASE_STOP;
    for (i = 0; i < m->n_slots; i++) {
        bool is_there = serves(m->slot[i].current);

        head->slot[i].seat = is_there ? m->slot[i].current->seat : BOARD_NO_SEAT;
        n += is_there;
    }
    board_change_end(m->board);
    gauge = board_gauge(m->board, "chatd_workers", "", "Workers that serve.");
    if (gauge != NULL)
        *gauge = n;
}

/* --- lending ------------------------------------------------------------------------------------ */

static struct child *lender(const struct master *m, unsigned slot)
{
    struct child *c, *best = NULL;

    for (c = m->children; c != NULL; c = c->next) {
        if (accepts(c) && c->slot != slot && m->slot[c->slot].current == c &&
            (best == NULL || c->n_lent < best->n_lent))
            best = c;
    }
    return best;
}

/* While a slot has no worker, or one that hangs, its listening socket still gets its share of connections: somebody else
 * accepts them. */
void slot_lend(struct master *m, unsigned slot)
{
    struct slot *s = &m->slot[slot];
    struct child *c = lender(m, slot);

    if (!s->is_open || s->is_shared || s->lent_to != NULL || accepts(s->current) || c == NULL)
        return;
    if (child_order(c, CONTROL_LEND, slot, 0, s->listener) == 0) {
        s->lent_to = c;
        c->n_lent++;
    }
}

void slot_lend_all(struct master *m)
{
    unsigned i;

    for (i = 0; i < m->n_places; i++)
        slot_lend(m, i);
}

static void take_back(struct master *m, unsigned slot)
{
    struct child *c = m->slot[slot].lent_to;

    if (c == NULL)
        return;
    m->slot[slot].lent_to = NULL;
    c->n_lent--;
    child_order(c, CONTROL_TAKE_BACK, slot, 0, -1);
}

/* Others accept for it until its loop turns again. */
void slot_stuck(struct child *c, bool is_stuck)
{
    struct master *m = c->master;

    if (c->is_stuck == is_stuck || m->slot[c->slot].current != c)
        return;
    c->is_stuck = is_stuck;
    if (is_stuck)
        slot_lend(m, c->slot);
    else
        take_back(m, c->slot);
}

static void lender_lost(struct master *m, const struct child *c)
{
    unsigned i;

    for (i = 0; i < m->n_places; i++) {
        if (m->slot[i].lent_to == c)
            m->slot[i].lent_to = NULL;
    }
}

/* Nobody is there and will not be soon: clients, and proxies before all, are better refused than kept
 * waiting. Linux lets a socket that was shut down listen again. */
static void shut(struct master *m)
{
    unsigned i;

    for (i = 0; i < m->n_places; i++) {
        if (m->slot[i].is_open && !m->slot[i].is_shared)
            shutdown(m->slot[i].listener, SHUT_RD);
        m->slot[i].is_open = false;
    }
}

static bool open_up(struct master *m, unsigned slot)
{
    struct slot *s = &m->slot[m->slot[slot].is_shared ? 0 : slot];

    if (s->is_open)
        return true;
    s->is_open = address_open(s->listener);
    if (!s->is_open)
        log_error("cannot listen on %s: %s", m->where, strerror(errno));
    return s->is_open;
}

bool slot_extend(struct master *m)
{
    unsigned i = m->n_places;
    struct slot *s = &m->slot[i];

    memset(s, 0, sizeof(*s));
    s->master = m;
    s->index = i;
    s->listener = address_bind_beside(m->slot[0].listener);
    if (s->listener < 0) {
        log_warn("worker %u shares a listening socket, which a restart changes: another one on %s: "
                 "%s",
                 i, m->where, strerror(errno));
        s->listener = dup(m->slot[0].listener);
        s->is_shared = true;
    }
    if (s->listener >= 0)
        m->n_places++;
    return s->listener >= 0;
}

/* --- a worker on its way ------------------------------------------------------------------------ */

static void on_respawn(evutil_socket_t fd, short what, void *arg)
{
    struct slot *s = arg;

    (void)fd;
    (void)what;
    slot_fill(s->master, s->index);
}

static void respawn(struct slot *s, int64_t ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    if (s->respawn == NULL)
        s->respawn = evtimer_new(s->master->base, on_respawn, s);
    event_add(s->respawn, &tv);
}

void slot_fill(struct master *m, unsigned slot)
{
    if (m->phase == PHASE_STOP || m->slot[slot].current != NULL)
        return;
    if (child_start(m, slot, false) != NULL)
        return;
    if (m->phase == PHASE_START)
        master_fail(m);
    else
        respawn(&m->slot[slot], BACKOFF_MIN_MS); /* the machine may have room again by then */
}

static void start_others(struct master *m)
{
    unsigned i;

    for (i = 1; i < m->n_slots; i++)
        slot_fill(m, i);
}

void slot_listen(struct child *c)
{
    if (!open_up(c->master, c->slot) || child_order(c, CONTROL_LISTEN, 0, 0, -1) < 0)
        child_kill(c, SIGKILL, CAUSE_NOT_READY);
}

/* At the start the first one shows that the plugins do start, before the others say the same. */
void slot_ready(struct child *c)
{
    struct master *m = c->master;

    if (m->slot[c->slot].next == c) {
        roll_ready(c);
        return;
    }
    slot_listen(c);
    if (m->phase == PHASE_START && c->slot == 0)
        start_others(m);
}

static bool all_serve(const struct master *m)
{
    unsigned i;

    for (i = 0; i < m->n_slots; i++) {
        if (!serves(m->slot[i].current))
            return false;
    }
    return true;
}

void slot_serving(struct child *c)
{
    struct master *m = c->master;
    struct slot *s = &m->slot[c->slot];
    struct child *old = NULL;

    if (s->next == c) {
        old = s->current;
        s->current = c;
        s->next = NULL;
    }
    s->is_surplus = false;
    take_back(m, c->slot);
    slot_publish(m);
    if (old != NULL) {
        lender_lost(m, old);
        child_leave(old, DRAIN_ROLL, m->opt.roll_time);
    }
    slot_lend_all(m);
    roll_progress(m);
    if (m->phase == PHASE_START && all_serve(m))
        master_started(m);
}

/* --- a worker lost ------------------------------------------------------------------------------ */

/* The first death is an accident; from the second on it takes longer each time. */
static int64_t backoff_ms(unsigned failures)
{
    if (failures <= 1)
        return 0;
    return failures > 6 ? BACKOFF_MAX_MS : BACKOFF_MIN_MS << (failures - 2);
}

static bool nobody_serves(const struct master *m)
{
    const struct child *c;

    for (c = m->children; c != NULL; c = c->next) {
        if (c->state == CHILD_SERVING)
            return false;
    }
    return true;
}

void slot_refill(struct master *m)
{
    unsigned i;

    for (i = 0; i < m->n_slots; i++) {
        struct slot *s = &m->slot[i];

        if (s->current == NULL &&
            (s->respawn == NULL || !event_pending(s->respawn, EV_TIMEOUT, NULL)))
            respawn(s, 0);
    }
}

/* The worker of a slot is dead: somebody else accepts for it, and a new one comes. */
static void replace(struct child *c, int status)
{
    struct master *m = c->master;
    struct slot *s = &m->slot[c->slot];
    int64_t lived_ms = clock_mono_ms() - c->started_ms, wait_ms;
    /* As a person's TERM makes it. One that leaves as soon as it is there must not come in circles. */
    bool left = WIFEXITED(status) && WEXITSTATUS(status) == 0 && c->cause == CAUSE_OWN &&
                lived_ms > SHORT_LIFE_MS;
    char next[64];

    if (left || lived_ms > GOOD_LIFE_MS)
        s->failures = 0;
    s->failures += !left;
    wait_ms = backoff_ms(s->failures);
    if (wait_ms == 0)
        snprintf(next, sizeof(next), "a new one starts now");
    else
        snprintf(next, sizeof(next), "a new one starts in %lld s", (long long)wait_ms / 1000);
    blame_death(c, status, next);
    slot_publish(m);
    slot_lend_all(m);
    if (wait_ms > 0 && nobody_serves(m))
        shut(m);
    respawn(s, wait_ms);
}

void slot_lost(struct child *c, int status)
{
    struct master *m = c->master;
    struct slot *s = &m->slot[c->slot];
    bool is_current = s->current == c, is_next = s->next == c, served = c->state == CHILD_SERVING;

    c->state = CHILD_LEAVING; /* nobody is lent anything any more */
    lender_lost(m, c);
    if (is_current)
        s->current = NULL;
    if (is_next)
        s->next = NULL;
    if (m->phase == PHASE_STOP || (!is_current && !is_next)) {
        if (WIFSIGNALED(status) && c->cause == CAUSE_OWN)
            blame_death(c, status, "it was leaving");
        slot_lend_all(m);
    } else if (is_next) {
        blame_death(c, status, "it was to serve after a roll");
        roll_lost(c);
    } else if (m->phase == PHASE_START && !served) {
        blame_death(c, status, "not started");
        master_fail(m);
    } else if (s->next != NULL) {
        blame_death(c, status, "the next one is on its way");
        slot_publish(m);
        slot_lend_all(m);
    } else {
        replace(c, status);
    }
}

/* A roll is over for an old worker whose place nobody takes. */
void slot_leave(struct master *m, unsigned slot, bool is_surplus)
{
    struct slot *s = &m->slot[slot];
    struct child *old = s->current;

    s->current = NULL;
    s->is_surplus = is_surplus;
    if (s->respawn != NULL)
        event_del(s->respawn);
    if (old != NULL) {
        lender_lost(m, old);
        child_leave(old, DRAIN_ROLL, m->opt.roll_time);
    }
    slot_lend_all(m);
}

void slot_clear(struct master *m)
{
    unsigned i;

    for (i = 0; i < m->n_places; i++) {
        if (m->slot[i].listener >= 0)
            close(m->slot[i].listener);
        m->slot[i].listener = -1;
        if (m->slot[i].respawn != NULL)
            event_free(m->slot[i].respawn);
        m->slot[i].respawn = NULL;
    }
}
