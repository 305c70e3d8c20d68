/* SPDX-License-Identifier: MIT */
/* How a worker goes: it stops accepting, its clients are told and closed, and it ends when the last has
 * left or its time is over. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "host/load.h"

enum { STEP_MS = 50 };

static struct timeval span(int64_t ms)
{
    return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

bool worker_is_empty(struct worker *w)
{
    struct host *h = &w->host;

    if (h->net.conns.n_live > 0 || h->http.reqs.n_live > 0)
        return false;
    /* What plugins asked of each other in drain() is still done. */
    if (w->leaving == LEAVE_STOP)
        return job_rests(h);
    /* In a roll nobody is turned away: who was accepted and has not said anything yet is waited for. */
    return w->leaving != LEAVE_ROLL || h->http.n_peers == 0;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    w->done = true;
}

static void close_all(struct worker *w)
{
    struct slab *conns = &w->host.net.conns;
    uint32_t i;

    for (i = 0; i < conns->n_slots; i++) {
        struct conn *c = slab_at(conns, i);

        if (c != NULL)
            conn_close(c, CHATD_CLOSE_GOING_AWAY, "the server stops");
    }
}

/* The next connection that is still open, from `spread_next` on and around. */
static struct conn *next_open(struct worker *w)
{
    struct slab *conns = &w->host.net.conns;
    uint32_t i;

    for (i = 0; i < conns->n_slots; i++) {
        struct conn *c = slab_at(conns, (w->spread_next + i) % conns->n_slots);

        if (c != NULL && c->state == CONN_OPEN) {
            w->spread_next = (w->spread_next + i + 1) % conns->n_slots;
            return c;
        }
    }
    return NULL;
}

/* As many now as it takes to be through in time; newcomers, who were accepted before, join the row. */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    int64_t left_ms = w->spread_until_ms - clock_mono_ms();
    int64_t steps = left_ms > STEP_MS ? left_ms / STEP_MS : 1;
    int64_t n = ((int64_t)w->host.net.conns.n_live + steps - 1) / steps;
    struct conn *c;

    (void)fd;
    (void)what;
    while (n-- > 0 && (c = next_open(w)) != NULL)
        conn_close(c, CHATD_CLOSE_ROLL, "the server is renewed");
}

static void begin(struct worker *w)
{
    w->leave_deadline = evtimer_new(w->base, on_deadline, w);
    http_stop_listening(&w->host.http);
    http_end_idle(&w->host.http);
}

static void stop(struct worker *w, int64_t ms)
{
    struct timeval tv = span(ms / 2);

    w->leaving = LEAVE_STOP;
    w->leave_until_ms = clock_mono_ms() + ms;
    if (w->leave_step != NULL)
        event_del(w->leave_step);
    chatd_ready(&w->host.core.pub, CHATD_AWAY, "stopping");
    life_drain(&w->host);
    close_all(w);
    event_add(w->leave_deadline, &tv);
}

/* The plugins go on as before until the last client has left. */
static void roll(struct worker *w, int64_t ms)
{
    struct timeval every = {0, STEP_MS * 1000L};
    struct timeval tv = span(ms + w->opt.close_timeout);

    w->leaving = LEAVE_ROLL;
    w->spread_until_ms = clock_mono_ms() + ms;
    w->leave_until_ms = w->spread_until_ms + w->opt.close_timeout + w->opt.stop_time / 2;
    w->leave_step = event_new(w->base, -1, EV_PERSIST, on_step, w);
    event_add(w->leave_step, &every);
    event_add(w->leave_deadline, &tv);
}

void worker_leave(struct worker *w, enum leave how, int64_t ms)
{
    if (w->leaving == STAY)
        begin(w);
    else if (how == LEAVE_ROLL || w->leaving == LEAVE_STOP)
        return;
    if (how == LEAVE_ROLL)
        roll(w, ms);
    else
        stop(w, ms);
}

/* So that every `closed` is told, and every slot given back, before the plugins stop. */
void worker_end_connections(struct worker *w)
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
