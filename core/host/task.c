/* SPDX-License-Identifier: MIT */
/* Timers and watches of plugins. */
#include "host/host.h"

#include "host/work.h"

struct timer {
    struct plugin *plugin;
    uint64_t id;
    uint32_t every_ms;
    void (*cb)(chatd_plugin *self, void *arg);
    void *arg;
    struct event *ev;
};

struct watch {
    struct plugin *plugin;
    uint64_t id;
    int fd;
    void (*cb)(chatd_plugin *self, int fd, int events, void *arg);
    void *arg;
    struct event *ev; /* NULL while it rests */
};

enum { TIMERS_MAX = 1 << 20, WATCHES_MAX = 1 << 16 };

void task_init(struct host *h)
{
    slab_init(&h->timers, sizeof(struct timer), TIMERS_MAX, h->opt.worker);
    slab_init(&h->watches, sizeof(struct watch), WATCHES_MAX, h->opt.worker);
}

static struct timeval interval(uint32_t ms)
{
    return (struct timeval){ms / 1000, ms % 1000 * 1000L};
}

static void timer_free(struct host *h, struct timer *t)
{
    event_free(t->ev);
    slab_free(&h->timers, t->id);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct timer *t = arg;
    struct host *h = t->plugin->host;
    void (*cb)(chatd_plugin *, void *) = t->cb;
    struct work_before before = work_enter(t->plugin, WORK_TIMER, 0);
    chatd_plugin *self = &t->plugin->pub;
    void *cb_arg = t->arg;

    (void)fd;
    (void)what;
    if (t->every_ms > 0) {
        struct timeval tv = interval(t->every_ms);

        event_add(t->ev, &tv);
    } else {
        timer_free(h, t); /* first, so that its id is stale in its own callback */
    }
    cb(self, cb_arg);
    work_leave(h, before);
}

int task_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
               void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out)
{
    struct host *h = host_of(self);
    struct timeval tv = interval(after_ms);
    struct timer *t;
    uint64_t id;

    if (plugin_of(self)->state >= PLUGIN_STOPPED)
        return CHATD_E_STATE;
    if (cb == NULL)
        return CHATD_E_INVAL;
    t = slab_new(&h->timers, &id);
    if (t == NULL)
        return CHATD_E_BUSY;
    t->plugin = plugin_of(self);
    t->id = id;
    t->every_ms = every_ms;
    t->cb = cb;
    t->arg = arg;
    t->ev = evtimer_new(h->base, on_timer, t);
    event_add(t->ev, &tv);
    if (timer_out != NULL)
        timer_out->v = id;
    return CHATD_OK;
}

int task_timer_cancel(chatd_plugin *self, chatd_timer timer)
{
    struct host *h = host_of(self);
    struct timer *t = slab_get(&h->timers, timer.v);

    if (t == NULL || t->plugin != plugin_of(self))
        return CHATD_E_GONE;
    timer_free(h, t);
    return CHATD_OK;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct watch *w = arg;
    struct host *h = w->plugin->host; /* the callback may cancel the watch */
    struct work_before before = work_enter(w->plugin, WORK_WATCH, 0);
    int events =
        (what & EV_READ ? CHATD_WATCH_READ : 0) | (what & EV_WRITE ? CHATD_WATCH_WRITE : 0);

    w->cb(&w->plugin->pub, (int)fd, events, w->arg);
    work_leave(h, before);
}

/* False: this descriptor cannot be waited for (a plain file, a closed one). */
static bool arm(struct host *h, struct watch *w, int events)
{
    short what = EV_PERSIST;

    if (w->ev != NULL)
        event_free(w->ev);
    w->ev = NULL;
    if (events == 0)
        return true;
    what |= (events & CHATD_WATCH_READ) ? EV_READ : 0;
    what |= (events & CHATD_WATCH_WRITE) ? EV_WRITE : 0;
    w->ev = event_new(h->base, w->fd, what, on_watch, w);
    if (event_add(w->ev, NULL) == 0)
        return true;
    event_free(w->ev);
    w->ev = NULL;
    return false;
}

int task_watch(chatd_plugin *self, int fd, int events,
               void (*cb)(chatd_plugin *self, int fd, int events, void *arg), void *arg,
               chatd_watch *watch_out)
{
    struct host *h = host_of(self);
    struct watch *w;
    uint64_t id;

    if (plugin_of(self)->state >= PLUGIN_STOPPED)
        return CHATD_E_STATE;
    if (fd < 0 || cb == NULL || watch_out == NULL)
        return CHATD_E_INVAL;
    w = slab_new(&h->watches, &id);
    if (w == NULL)
        return CHATD_E_BUSY;
    w->plugin = plugin_of(self);
    w->id = id;
    w->fd = fd;
    w->cb = cb;
    w->arg = arg;
    if (!arm(h, w, events)) {
        slab_free(&h->watches, id);
        return CHATD_E_INVAL;
    }
    watch_out->v = id;
    return CHATD_OK;
}

int task_watch_set(chatd_plugin *self, chatd_watch watch, int events)
{
    struct host *h = host_of(self);
    struct watch *w = slab_get(&h->watches, watch.v);

    if (w == NULL || w->plugin != plugin_of(self))
        return CHATD_E_GONE;
    return arm(h, w, events) ? CHATD_OK : CHATD_E_INVAL;
}

int task_watch_cancel(chatd_plugin *self, chatd_watch watch)
{
    struct host *h = host_of(self);
    struct watch *w = slab_get(&h->watches, watch.v);

    if (w == NULL || w->plugin != plugin_of(self))
        return CHATD_E_GONE;
    arm(h, w, 0);
    slab_free(&h->watches, w->id);
    return CHATD_OK;
}

void task_remove(struct host *h, const struct plugin *p)
{
    uint32_t i;

    for (i = 0; i < h->timers.n_slots; i++) {
        struct timer *t = slab_at(&h->timers, i);

        if (t != NULL && t->plugin == p)
            timer_free(h, t);
    }
    for (i = 0; i < h->watches.n_slots; i++) {
        struct watch *w = slab_at(&h->watches, i);

        if (w != NULL && w->plugin == p) {
            arm(h, w, 0);
            slab_free(&h->watches, w->id);
        }
    }
}
